"""Idempotency keys: one key, one write, and one answer, as the IETF draft has it, or a refusal of the second request.

The answer is stored in the transaction of the write, so a crash keeps both or neither. A key is remembered
for seven days per client. Refusals are not stored: a corrected request may use the key again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge_sandbox.bng.problems import DONE_BEFORE, KEY_IN_FLIGHT, KEY_MISSING, KEY_REUSED, Problem
from bridge_sandbox.bng.profile import is_on
from bridge_sandbox.bng.store import Work

KEPT_S = 7 * 24 * 3600

IS_FIRST = web.RequestKey("is_first", bool)
"""Whether no other request with the same key was under way when this one arrived."""


@dataclass(frozen=True)
class Answer:
    """What a write is answered with."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """As sent."""
        return web.Response(status=self.status, text=self.body, content_type="application/json", headers=self.headers)


@dataclass(frozen=True)
class Keys:
    """Where the key is, for which methods it counts, and what a second request with it gets."""

    header: str
    methods: frozenset[str]
    refuses: bool
    required: bool

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Keys":
        """As a profile has them."""
        methods = frozenset(settings["methods"])
        return cls(settings["header"], methods, settings["repeated"] == "refuses", is_on(settings["required"]))

    def read(self, request: web.Request) -> str | None:
        """The key; the draft writes it as a quoted string, many clients do not."""
        if request.method not in self.methods:
            return None
        return request.headers.get(self.header, "").strip().strip('"') or None

    def once(self, work: Work, request: web.Request, body: bytes, act: Callable[[], Answer]) -> Answer:
        """That of `act`, stored; for a key that was used: the stored one, or Problem. Raises Problem 400, 409 or 422."""
        if request.method not in self.methods:
            return act()
        key = self.read(request)
        if key is None and self.required:
            raise Problem(KEY_MISSING, f"{request.method} needs {self.header}")
        if key is None:
            return act()
        seen = fingerprint(request, body)
        row = work.db.execute(
            "SELECT fingerprint, status, body, headers FROM idempotency_keys"
            " WHERE client = ? AND key = ? AND created_s > ?",
            (work.actor, key, time.time() - KEPT_S),
        ).fetchone()
        if row is None:
            return store_answer(work, key, seen, act_unless_in_flight(request, act))
        if self.refuses:
            raise Problem(DONE_BEFORE, "the request with this key was carried out")
        if row[0] != seen:
            raise Problem(KEY_REUSED, "the key belongs to a request with another body")
        return Answer(row[1], row[2], json.loads(row[3]) | {"Idempotent-Replayed": "true"})


class InFlight:
    """The keys of requests that have arrived and are not yet committed."""

    def __init__(self, keys: Keys) -> None:
        self._read = keys.read
        self._keys: set[str] = set()

    @web.middleware
    async def note_arrival(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Remember the key while the request is under way; stands before anything that may delay it."""
        key = self._read(request)
        request[IS_FIRST] = key not in self._keys
        if key is None or not request[IS_FIRST]:
            return await handler(request)
        self._keys.add(key)
        try:
            return await handler(request)
        finally:
            self._keys.discard(key)

    def committed(self, request: web.Request) -> None:
        """The write is stored; that its answer may still be held does not matter to another request."""
        if request[IS_FIRST]:
            self._keys.discard(self._read(request) or "")


def act_unless_in_flight(request: web.Request, act: Callable[[], Answer]) -> Answer:
    """Do it, unless an earlier request with this key is about to."""
    if not request[IS_FIRST]:
        raise Problem(KEY_IN_FLIGHT, "try again when the first request has been answered")
    return act()


def store_answer(work: Work, key: str, seen: str, answer: Answer) -> Answer:
    """Keep the answer with the write."""
    work.db.execute(
        "INSERT OR REPLACE INTO idempotency_keys (client, key, fingerprint, status, headers, body, created_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (work.actor, key, seen, answer.status, json.dumps(answer.headers), answer.body, time.time()),
    )
    return answer


def forget_old(work: Work, now_s: float) -> None:
    """Drop the keys that no longer count."""
    work.db.execute("DELETE FROM idempotency_keys WHERE created_s <= ?", (now_s - KEPT_S,))


def fingerprint(request: web.Request, body: bytes) -> str:
    """What makes two requests the same one."""
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + body).hexdigest()
