"""Dead letters: what waits for a person's decision, and the decision."""

import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from aiohttp import web

from bng_bridge import inbox, letters
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bng_bridge.cause import cause_id
from bridge_common import decimal_json
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log

BATCH = 100
"""Letters moved in one commit: it shares the loop with everything else."""

EDITABLE = ("snapshot", letters.EDITED)

Move = Callable[[sqlite3.Connection, int, str], bool]
"""(connection, number, now) → whether it was dead."""


class NothingToEdit(BridgeError):
    """A letter without a document of its own, or with none of that form."""


def dead_letters(bridge: Bridge, limit: int) -> list[dict[str, Any]]:
    rows = inbox.select(bridge.store.read, "dead", limit=limit)
    return [{**dict(row), "cause_id": cause_id(row["cause"])} for row in rows]


def causes(bridge: Bridge) -> list[dict[str, Any]]:
    """The groups, the largest first, each with what can be done about it: commands to be run as they stand."""
    return [{**asdict(group), "commands": _commands(group)} for group in letters.groups(bridge.store.read)]


def chosen(bridge: Bridge, cause: str | None) -> list[int]:
    """The numbers of all dead letters, or of those of one cause: its id, the beginning of that, or its text.

    Raises NotFound.
    """
    if cause is None:
        return letters.everything(bridge.store.read)
    found = [group for group in letters.groups(bridge.store.read) if _names(cause, group)]
    if len(found) != 1:
        what = "several causes begin" if found else "no dead letter has a cause that begins"
        raise NotFound(f"{what} with {cause}.", hint="bridgectl dlq causes shows them.")
    return letters.in_cause(bridge.store.read, found[0].cause)


def dead_letter(bridge: Bridge, seq: int) -> dict[str, Any]:
    """With its attempts, its data as stored, and why it cannot be edited, if so. Raises NotFound."""
    rows = inbox.select(bridge.store.read, "get", seq=seq)
    if not rows:
        raise NotFound(f"There is no event {seq}.", hint="bridgectl dlq list shows those that are dead.")
    event = dict(rows[0])
    data = event.pop("data")
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    attempts = [dict(row) for row in inbox.select(bridge.store.read, "attempts", seq=seq)]
    return {**event, "not_editable": _not_editable(event), "attempt_log": attempts, "data": text}


async def requeue(bridge: Bridge, seqs: list[int], who: str = "") -> dict[str, Any]:
    done = await _move(bridge, "requeued", seqs, who, inbox.requeue)
    bridge.worker.wake()
    return {"requeued": done, "not_dead": sorted(set(seqs) - set(done))}


async def discard(bridge: Bridge, seqs: list[int], reason: str, who: str = "") -> dict[str, Any]:
    def give_up(db: sqlite3.Connection, seq: int, now: str) -> bool:
        return inbox.discard(db, seq, reason, now)

    done = await _move(bridge, "discarded", seqs, who, give_up)
    return {"discarded": done, "not_dead": sorted(set(seqs) - set(done))}


async def edit(bridge: Bridge, seq: int, document: str, who: str) -> dict[str, Any]:
    """Put a copy with this document, JSON text, in the place of a dead letter.

    Raises NotFound, NothingToEdit, ValueError.
    """
    if reason := dead_letter(bridge, seq)["not_editable"]:
        raise NothingToEdit(f"Event {seq} cannot be edited: {reason}.", hint=f"bridgectl dlq show {seq} shows it.")
    if not isinstance(decimal_json.loads(document), dict):
        raise NothingToEdit("A document is a JSON object.")
    now = to_text(utc_now())
    copy = await bridge.store.write(lambda db: letters.put_edited(db, seq, document, who, now))
    if copy is None:
        raise NotFound(f"Event {seq} is not dead any more.", hint=f"bridgectl dlq show {seq} shows it.")
    bridge.worker.wake()
    log("edited", event=seq, copy=copy, by=who)
    return {"replaced": seq, "event": copy}


async def _list(bridge: Bridge, request: web.Request) -> Any:
    return dead_letters(bridge, int(request.query.get("limit", "1000")))


async def _causes(bridge: Bridge, _: web.Request) -> Any:
    return causes(bridge)


async def _chosen(bridge: Bridge, request: web.Request) -> Any:
    return chosen(bridge, request.query.get("cause"))


async def _show(bridge: Bridge, request: web.Request) -> Any:
    return dead_letter(bridge, int(request.match_info["seq"]))


async def _requeue(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await requeue(bridge, _events(body), str(body.get("who", "")))


async def _discard(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await discard(bridge, _events(body), str(body["reason"]), str(body.get("who", "")))


async def _edit(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await edit(bridge, int(request.match_info["seq"]), str(body["document"]), str(body["who"]))


ROUTES: tuple[Route, ...] = (
    ("GET", "/dlq", _list),
    ("GET", "/dlq/causes", _causes),
    ("GET", "/dlq/events", _chosen),
    ("GET", r"/dlq/{seq:\d+}", _show),
    ("POST", "/dlq/retry", _requeue),
    ("POST", "/dlq/discard", _discard),
    ("POST", r"/dlq/{seq:\d+}/edit", _edit),
)


def _commands(group: letters.Group) -> list[str]:
    edited = [f"bridgectl dlq edit {group.first_seq}"] if group.first_kind in EDITABLE else []
    return [
        f"bridgectl dlq show {group.first_seq}",
        f"bridgectl dlq retry --cause {group.cause_id}",
        *edited,
        f"bridgectl dlq discard --cause {group.cause_id} --reason TEXT",
    ]


def _names(cause: str, group: letters.Group) -> bool:
    return cause == group.cause or (len(cause) > 3 and group.cause_id.startswith(cause))


def _not_editable(letter: dict[str, Any]) -> str:
    """Why not, or nothing."""
    if letter["state"] != "dead":
        return f"it is {letter['state']}, not dead"
    return {
        "hint": "it only names a record of BNG, which is read when it runs: correct the record there",
        "raw": "its bytes were no batch of events",
        "tombstone": "it says that a record was deleted, nothing else",
        "unreadable": "the agent could not read the record; a retry reads it again",
    }.get(letter["kind"], "")


def _events(body: dict[str, Any]) -> list[int]:
    events = body["events"]
    if not isinstance(events, list) or not all(isinstance(seq, int) for seq in events):
        raise ValueError("events is a list of event numbers")
    return events


async def _move(bridge: Bridge, action: str, seqs: list[int], who: str, move: Move) -> list[int]:
    """Those that were dead until now."""
    done: list[int] = []
    for first in range(0, len(seqs), BATCH):
        some, now = seqs[first : first + BATCH], to_text(utc_now())
        moved = await bridge.store.write(partial(_move_some, some=some, now=now, move=move))
        for seq in moved:
            log(action, event=seq, by=who or "-")
        done += moved
    return done


def _move_some(db: sqlite3.Connection, some: list[int], now: str, move: Move) -> list[int]:
    return [seq for seq in some if move(db, seq, now)]
