"""What is not settled yet."""

from typing import Any

from aiohttp import web

from bng_bridge import inbox, intents, policy_waits
from bng_bridge.admin.bridge import Bridge, Route
from bridge_common.clock import steady_now, to_text


def queue(bridge: Bridge, limit: int) -> dict[str, Any]:
    """The events in the order of their next attempt, what waits for an operator's rule, longest first, and the writes whose
    outcome is unknown."""
    now = to_text(steady_now())
    events = [dict(row) for row in inbox.select(bridge.store.read, "queue", limit=limit)]
    unknown = [
        {"target_key": intent.target_key, "event": intent.seq, "opened_at": intent.opened_at,
         "quiet_until": intent.quiet_until, "is_quiet": intent.quiet_until <= now}
        for intent in intents.all_open(bridge.store.read)
    ]  # fmt: skip
    return {"events": events, "held": policy_waits.waiting(bridge.store.read, limit), "unknown": unknown}


async def _queue(bridge: Bridge, request: web.Request) -> Any:
    return queue(bridge, int(request.query.get("limit", "1000")))


ROUTES: tuple[Route, ...] = (("GET", "/queue", _queue),)
