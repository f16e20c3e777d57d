"""Trying the ways by which alerts leave the bridge."""

import logging
from typing import Any

from aiohttp import web

from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bridge_common.log import log


async def test(bridge: Bridge) -> list[dict[str, Any]]:
    """[{"way", "ok", "detail"}]. Raises NotFound when no way is configured."""
    log("alert", level=logging.ERROR, subject="a test alert", hint="Nothing is wrong.")
    tried = await bridge.notifier.test()
    if not tried:
        raise NotFound("No command and no webhook is configured.", hint="Set command or webhook_url under [alerts].")
    return tried


async def _test(bridge: Bridge, _: web.Request) -> Any:
    return await test(bridge)


ROUTES: tuple[Route, ...] = (("POST", "/alerts/test", _test),)
