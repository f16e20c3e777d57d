"""Idempotency-Key for POST, after the IETF draft: one key, one write, one answer.

The answer is stored in the transaction of the write, so a crash keeps both or neither. A key is remembered
for seven days per client. Refusals are not stored: a corrected request may use the key again.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge_sandbox.bng.problems import KEY_IN_FLIGHT, KEY_MISSING, KEY_REUSED, Problem
from bridge_sandbox.bng.store import Work

KEPT_S = 7 * 24 * 3600
HEADER = "Idempotency-Key"

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


class InFlight:
    """The keys of requests that have arrived and are not yet committed."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    @web.middleware
    async def note_arrival(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Remember the key while the request is under way; stands before anything that may delay it."""
        key = read_key(request)
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
            self._keys.discard(read_key(request) or "")


def once(work: Work, request: web.Request, body: bytes, act: Callable[[], Answer]) -> Answer:
    """The answer stored for the request's key, else that of `act`, stored; raises Problem 400, 409 or 422."""
    key = read_key(request)
    if key is None:
        raise Problem(KEY_MISSING, "POST needs an Idempotency-Key")
    seen = fingerprint(request, body)
    row = work.db.execute(
        "SELECT fingerprint, status, body, headers FROM idempotency_keys"
        " WHERE client = ? AND key = ? AND created_s > ?",
        (work.actor, key, time.time() - KEPT_S),
    ).fetchone()
    if row is None:
        return store_answer(work, key, seen, act_unless_in_flight(request, act))
    if row[0] != seen:
        raise Problem(KEY_REUSED, "the key belongs to a request with another body")
    return Answer(row[1], row[2], json.loads(row[3]) | {"Idempotent-Replayed": "true"})


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


def read_key(request: web.Request) -> str | None:
    """The key; the draft writes it as a quoted string, many clients do not."""
    return request.headers.get(HEADER, "").strip().strip('"') or None


def fingerprint(request: web.Request, body: bytes) -> str:
    """What makes two requests the same one."""
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + body).hexdigest()
