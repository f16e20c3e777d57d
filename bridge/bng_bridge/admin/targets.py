"""Closing a target and opening it again."""

import contextlib
from typing import Any

from aiohttp import web

from bng_bridge import sites
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bng_bridge.pacing.throttle import Throttle
from bridge_common.clock import to_text, utc_now


async def pause(bridge: Bridge, target: str, reason: str) -> dict[str, Any]:
    """Close a target until `resume`, also over a restart. Raises NotFound."""
    throttle, now = _throttle(bridge, target), to_text(utc_now())
    await bridge.store.write(lambda db: sites.pause(db, target, reason, now))
    throttle.hold(reason)
    return {"target": target, "state": throttle.state()}


async def resume(bridge: Bridge, target: str) -> dict[str, Any]:
    throttle = _throttle(bridge, target)
    await bridge.store.write(lambda db: sites.resume(db, target))
    throttle.release()
    bridge.worker.wake()
    return {"target": target, "state": throttle.state()}


def restore_pauses(bridge: Bridge) -> None:
    """At start: what an operator closed stays closed. A target that is no longer configured is passed over."""
    for target, reason in sites.paused(bridge.store.read).items():
        with contextlib.suppress(NotFound):
            _throttle(bridge, target).hold(reason)


async def _pause(bridge: Bridge, request: web.Request) -> Any:
    return await pause(bridge, request.match_info["target"], str((await request.json())["reason"]))


async def _resume(bridge: Bridge, request: web.Request) -> Any:
    return await resume(bridge, request.match_info["target"])


ROUTES: tuple[Route, ...] = (("POST", "/pause/{target}", _pause), ("POST", "/resume/{target}", _resume))


def throttles(bridge: Bridge) -> dict[str, Throttle]:
    """By target: `bng`, and each site."""
    return {"bng": bridge.context.bng.throttle} | {name: each.throttle for name, each in bridge.context.magento.items()}


def _throttle(bridge: Bridge, target: str) -> Throttle:
    known = throttles(bridge)
    if target not in known:
        raise NotFound(f"There is no target {target}.", hint=f"Targets: {', '.join(known)}.")
    return known[target]
