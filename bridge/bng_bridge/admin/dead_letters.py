"""Dead letters: what waits for a person's decision, and the decision."""

from typing import Any

from aiohttp import web

from bng_bridge import inbox
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bridge_common.clock import to_text, utc_now


def dead_letters(bridge: Bridge, limit: int) -> list[dict[str, Any]]:
    return [dict(row) for row in inbox.select(bridge.store.read, "dead", limit=limit)]


def dead_letter(bridge: Bridge, seq: int) -> dict[str, Any]:
    """With its attempts and its data as stored. Raises NotFound."""
    rows = inbox.select(bridge.store.read, "get", seq=seq)
    if not rows:
        raise NotFound(f"There is no event {seq}.", hint="bridgectl dlq list shows those that are dead.")
    event = dict(rows[0])
    data = event.pop("data")
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    attempts = [dict(row) for row in inbox.select(bridge.store.read, "attempts", seq=seq)]
    return {**event, "attempt_log": attempts, "data": text}


async def requeue(bridge: Bridge, seqs: list[int]) -> dict[str, Any]:
    now = to_text(utc_now())
    done = await bridge.store.write(lambda db: [seq for seq in seqs if inbox.requeue(db, seq, now)])
    bridge.worker.wake()
    return {"requeued": done, "not_dead": sorted(set(seqs) - set(done))}


async def discard(bridge: Bridge, seqs: list[int], reason: str) -> dict[str, Any]:
    now = to_text(utc_now())
    done = await bridge.store.write(lambda db: [seq for seq in seqs if inbox.discard(db, seq, reason, now)])
    return {"discarded": done, "not_dead": sorted(set(seqs) - set(done))}


async def _list(bridge: Bridge, request: web.Request) -> Any:
    return dead_letters(bridge, int(request.query.get("limit", "1000")))


async def _show(bridge: Bridge, request: web.Request) -> Any:
    return dead_letter(bridge, int(request.match_info["seq"]))


async def _requeue(bridge: Bridge, request: web.Request) -> Any:
    return await requeue(bridge, _events(await request.json()))


async def _discard(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await discard(bridge, _events(body), str(body["reason"]))


ROUTES: tuple[Route, ...] = (
    ("GET", "/dlq", _list),
    ("GET", r"/dlq/{seq:\d+}", _show),
    ("POST", "/dlq/retry", _requeue),
    ("POST", "/dlq/discard", _discard),
)


def _events(body: dict[str, Any]) -> list[int]:
    events = body["events"]
    if not isinstance(events, list) or not all(isinstance(seq, int) for seq in events):
        raise ValueError("events is a list of event numbers")
    return events
