"""Bundles of configuration: put one in force, go back, and what was in force when."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.bundles.installation import Change
from bridge_common.errors import BridgeError
from bridge_common.log import log


async def deploy(bridge: Bridge, packed: bytes, by: str, note: str) -> dict[str, Any]:
    """What is in force now; see `_answer`. Raises BridgeError, and then nothing has changed."""
    here = bridge.reload.installation
    return await _change(bridge, "deployed", by, lambda: here.deploy(packed, by=by, note=note))


async def rollback(bridge: Bridge, to: str, by: str, note: str) -> dict[str, Any]:
    """`to`: the beginning of a kept bundle's identity; "" is the one before. The rest as `deploy`."""
    here = bridge.reload.installation
    return await _change(bridge, "rolled_back", by, lambda: here.rollback(by=by, to=to, note=note))


async def history(bridge: Bridge) -> dict[str, Any]:
    """{"mode", "sites", "in_force", "entries"}; entries are the oldest first, `kept`: a rollback can go there."""
    here = bridge.reload.installation
    entries, kept = await asyncio.to_thread(lambda: (here.depot.entries(), here.depot.kept()))
    return {
        "mode": bridge.config.bridge.mode,
        "sites": sorted(here.sites),
        "in_force": entries[-1].identity if entries else "",
        "entries": [each.model_dump() | {"kept": each.identity in kept} for each in entries],
    }


async def _change(bridge: Bridge, action: str, by: str, change: Callable[[], Change]) -> dict[str, Any]:
    try:
        made = await bridge.reload.change(change)
    except BridgeError as error:
        log("bundle_refused", level=logging.WARNING, by=by, error=error.message.partition("\n")[0])
        raise
    if made.is_new:
        log(action, bundle=made.entry.identity[:12] or "none", by=by, name=made.entry.name, version=made.entry.version)
    return _answer(bridge, made)


def _answer(bridge: Bridge, made: Change) -> dict[str, Any]:
    """The history's entry; `is_new`; `mapping_set`, what is in force; `out_of_force`: folders whose files do not count."""
    return {
        **made.entry.model_dump(),
        "is_new": made.is_new,
        "mapping_set": bridge.reload.mappings.current.identity,
        "out_of_force": bridge.reload.out_of_force(),
    }


async def _deploy(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    try:
        packed = base64.b64decode(body["bundle"], validate=True)
    except binascii.Error as error:
        raise BridgeError("The bundle did not arrive whole.") from error
    return await deploy(bridge, packed, str(body["who"]), str(body.get("note") or ""))


async def _rollback(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await rollback(bridge, str(body.get("to") or ""), str(body["who"]), str(body.get("note") or ""))


async def _history(bridge: Bridge, _: web.Request) -> Any:
    return await history(bridge)


ROUTES: tuple[Route, ...] = (
    ("POST", "/bundle/deploy", _deploy), ("POST", "/bundle/rollback", _rollback), ("GET", "/bundle/history", _history),
)  # fmt: skip
