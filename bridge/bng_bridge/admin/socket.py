"""What an operator can ask and do, as HTTP on a Unix socket: the same for bridgectl and for a later console."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bng_bridge.admin import (
    alerts,
    bundles,
    customers,
    dead_letters,
    drain,
    ledger,
    links,
    manifest,
    mappings,
    queue,
    replay,
    restored,
    shop,
    status,
    stock,
    switches,
    targets,
    trace,
)
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bridge_common import decimal_json
from bridge_common.errors import BridgeError
from bridge_common.log import log

MOST_BYTES = 64 << 20
"""Of a command: an edited letter is as long as an agent's packet may be."""

ROUTES: tuple[Route, ...] = (
    *status.ROUTES, *trace.ROUTES, *queue.ROUTES, *ledger.ROUTES, *targets.ROUTES, *dead_letters.ROUTES,
    *drain.ROUTES, *replay.ROUTES, *restored.ROUTES, *shop.ROUTES, *alerts.ROUTES, *manifest.ROUTES,
    *mappings.ROUTES, *bundles.ROUTES, *switches.ROUTES, *stock.ROUTES, *customers.ROUTES, *links.ROUTES,
)  # fmt: skip


def application(bridge: Bridge) -> web.Application:
    """200 with the answer; 404 or 409 with {"error", "hint"} for what an operator can mend, 500 for a bug."""
    app = web.Application(client_max_size=MOST_BYTES)
    app.add_routes([web.route(method, path, _json(bridge, call)) for method, path, call in ROUTES])
    return app


def _json(
    bridge: Bridge, call: Callable[[Bridge, web.Request], Awaitable[Any]]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        try:
            body, status = await call(bridge, request), 200
        except web.HTTPException:
            raise
        except BridgeError as error:
            body = {"error": error.message, "hint": error.hint}
            status = 404 if isinstance(error, NotFound) else 409
        except (ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            _log_bug(request, error)
            body, status = {"error": f"not a request of this bridge: {error!r}", "hint": ""}, 400
        except Exception as error:
            _log_bug(request, error)
            body, status = {"error": f"a bug of the bridge: {error!r}", "hint": "journalctl -u bng-bridge has it."}, 500
        return web.Response(text=decimal_json.dumps(body), status=status, content_type="application/json")

    return respond


def _log_bug(request: web.Request, error: Exception) -> None:
    """Of this program, or of the one that asks: an operator types no requests."""
    log("bug", level=logging.ERROR, request=f"{request.method} {request.path}", error=repr(error), exc_info=True)
