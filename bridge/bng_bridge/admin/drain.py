"""Closing all targets at once, and how much is still under way then."""

import sqlite3
from typing import Any

from aiohttp import web

from bng_bridge import inbox, intents, sites
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.admin.targets import resume, throttles
from bridge_common.clock import to_text, utc_now

REASON = "drained"


async def drain(bridge: Bridge) -> dict[str, Any]:
    """Nothing new is begun, also after a restart, until the targets are resumed. One that is paused keeps its reason."""
    now = to_text(utc_now())
    opened = {name: each for name, each in throttles(bridge).items() if not each.held}

    def commit(db: sqlite3.Connection) -> None:
        for name in opened:
            sites.pause(db, name, REASON, now)

    await bridge.store.write(commit)
    for throttle in opened.values():
        throttle.hold(REASON)
    return progress(bridge)


def progress(bridge: Bridge) -> dict[str, Any]:
    """`under_way`: events in the hands of the worker. `waiting`: those that are not. `unknown`: writes to be looked up."""
    counted = {"pending": 0, "processing": 0}
    for row in inbox.select(bridge.store.read, "counts"):
        counted[row["state"]] = counted.get(row["state"], 0) + row["events"]
    unknown = len(intents.all_open(bridge.store.read))
    return {"under_way": counted["processing"], "waiting": counted["pending"], "unknown": unknown}


async def resume_all(bridge: Bridge) -> dict[str, Any]:
    """{"resumed", "closed"}: those that a drain had closed; those that stay closed, each with the reason it was given."""
    held = {name: throttle.held for name, throttle in throttles(bridge).items() if throttle.held}
    resumed = [name for name, reason in held.items() if reason == REASON]
    for name in resumed:
        await resume(bridge, name)
    return {"resumed": resumed, "closed": {name: held[name] for name in held if name not in resumed}}


async def _drain(bridge: Bridge, _: web.Request) -> Any:
    return await drain(bridge)


async def _progress(bridge: Bridge, _: web.Request) -> Any:
    return progress(bridge)


async def _resume_all(bridge: Bridge, _: web.Request) -> Any:
    return await resume_all(bridge)


ROUTES: tuple[Route, ...] = (
    ("POST", "/drain", _drain), ("GET", "/drain", _progress), ("POST", "/resume", _resume_all),
)  # fmt: skip
