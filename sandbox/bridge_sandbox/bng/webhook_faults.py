"""Fault switches for the webhooks: twice, in another order, late, never; and beside them such as BNG did not send.

A webhook meets them when it is to be sent for the first time, and each at most once. Nothing here is kept across a
restart: what was held back is then sent like the rest.
"""

import base64
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from aiohttp import web

from bridge_sandbox.bng import checks
from bridge_sandbox.bng.admin import read
from bridge_sandbox.bng.fields import Field, Shape
from bridge_sandbox.bng.store import Store, Work
from bridge_sandbox.bng.webhooks import Message

ACTOR = "webhook faults"
STALE_S = 6 * 60.0
"""Standard Webhooks has receivers refuse what was signed more than five minutes ago."""
LONGEST_HOLD_S = 1.0
FLAG, COUNT = Field(checks.flag), Field(checks.whole(0))
SHAPE = Shape(
    {
        "duplicate": FLAG,
        "reorder": FLAG,
        "late_s": Field(checks.number),
        "forged": COUNT,
        "stale": COUNT,
        "drop": COUNT,
    }
)

Post = Callable[[Message, float], Awaitable[int]]
"""(webhook, seconds since it was signed) -> the status answered, 0 without an answer."""


@dataclass
class Switches:
    """What is to go wrong.

    duplicate  each webhook that was accepted is sent once more, with the same id
    reorder    of two webhooks to one URL the second goes first; one without a second waits a second for it
    late_s     each is sent so many seconds later
    forged     before the next one go so many copies of it, with its id, signed with a secret that is not BNG's
    stale      the same, signed truly but too long ago: a replay
    drop       the next ones, so many of them, are never sent
    """

    duplicate: bool = False
    reorder: bool = False
    late_s: float = 0.0
    forged: int = 0
    stale: int = 0
    drop: int = 0


class WebhookFaults:
    """The switches of one server and what they have done so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clear()

    def admin_routes(self) -> list[web.RouteDef]:
        """POST (sets the switches that it names), GET and DELETE (the counts go, too) /webhooks/faults."""
        path = "/webhooks/faults"
        return [web.post(path, self._set), web.get(path, self._get), web.delete(path, self._delete)]

    def hold(self, work: Work, message: Message, now_s: float) -> bool:
        """Whether this webhook, which is due, is not to be sent now: it is dropped, or due again later."""
        self._held.discard(message.n)
        if message.attempts:
            return False
        if self._switches.drop:
            self._switches.drop -= 1
            self._done["dropped"] += 1
            work.db.execute("DELETE FROM webhook_outbox WHERE n = ?", (message.n,))
            return True
        return self._is_late(work, message, now_s) or self._is_overtaken(work, message, now_s)

    async def precede(self, message: Message, post: Post) -> None:
        """Send what BNG did not send, before the true webhook."""
        forged, self._switches.forged = self._switches.forged, 0
        stale, self._switches.stale = self._switches.stale, 0
        for _ in range(forged):
            self._count("forged", await post(message.signed_with(other_secret()), 0.0))
        for _ in range(stale):
            self._count("stale", await post(message, STALE_S))

    async def follow(self, message: Message, post: Post, *, accepted: bool) -> None:
        """After the webhook was answered: let go of the one it has overtaken, send it once more."""
        overtaken = self._overtaken_by.pop(message.n, None)
        if overtaken in self._held:
            self._done["reordered"] += 1
            self._release({overtaken})
        if accepted and self._switches.duplicate:
            self._done["duplicated"] += 1
            await post(message, 0.0)

    def _is_late(self, work: Work, message: Message, now_s: float) -> bool:
        if not self._switches.late_s or not self._meets("late", message):
            return False
        self._done["delayed"] += 1
        self._hold_until(work, message, now_s + self._switches.late_s)
        return True

    def _is_overtaken(self, work: Work, message: Message, now_s: float) -> bool:
        if self._waiting.get(message.url) == message.n:
            del self._waiting[message.url]  # nothing came in time
        if not self._switches.reorder or not self._meets("reorder", message):
            return False
        if message.url in self._waiting:
            self._overtaken_by[message.n] = self._waiting.pop(message.url)
            return False
        self._waiting[message.url] = message.n
        self._hold_until(work, message, now_s + LONGEST_HOLD_S)
        return True

    def _meets(self, kind: str, message: Message) -> bool:
        """Whether it is the first time."""
        is_new = (kind, message.n) not in self._met
        self._met.add((kind, message.n))
        return is_new

    def _hold_until(self, work: Work, message: Message, due_s: float) -> None:
        self._held.add(message.n)
        work.db.execute("UPDATE webhook_outbox SET due_s = ? WHERE n = ?", (due_s, message.n))

    def _release(self, numbers: set[int]) -> None:
        with self._store.work(ACTOR) as work:
            work.db.executemany("UPDATE webhook_outbox SET due_s = 0 WHERE n = ?", [(n,) for n in numbers])
        self._store.outbox_grew.set()

    def _count(self, kind: str, status: int) -> None:
        self._done[kind] += 1
        self._done[f"{kind}_accepted"] += 200 <= status < 300

    def _clear(self) -> None:
        self._switches = Switches()
        self._done: Counter[str] = Counter(dict.fromkeys(DONE, 0))
        self._held: set[int] = set()
        """Rows whose time has been moved here and that are not yet taken up again."""
        self._met: set[tuple[str, int]] = set()
        self._waiting: dict[str, int] = {}
        """By URL, the webhook that waits to be overtaken by the next one."""
        self._overtaken_by: dict[int, int] = {}

    async def _set(self, request: web.Request) -> web.Response:
        asked = await read(request, SHAPE)
        for name, value in asked.items():
            if value is not None:
                setattr(self._switches, name, float(value) if name == "late_s" else value)
        return self._describe()

    async def _get(self, _request: web.Request) -> web.Response:
        return self._describe()

    async def _delete(self, _request: web.Request) -> web.Response:
        held = self._held
        self._clear()
        self._release(held)
        return self._describe()

    def _describe(self) -> web.Response:
        return web.json_response({"faults": asdict(self._switches), "done": self._done, "held": len(self._held)})


DONE = ("duplicated", "reordered", "delayed", "dropped", "forged", "forged_accepted", "stale", "stale_accepted")


def other_secret() -> str:
    """One that nobody knows."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
