"""The operations as HTTP on a Unix socket, the same for bridgectl and for a later console."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bng_bridge.admin.operations import NotFound, Operations
from bridge_common import decimal_json
from bridge_common.errors import BridgeError

Call = Callable[[Operations, web.Request], Awaitable[Any]]


def application(operations: Operations) -> web.Application:
    """200 with the answer; 404 or 409 with {"error", "hint"} for what an operator can mend."""
    app = web.Application()
    app.add_routes([web.route(method, path, _json(operations, call)) for method, path, call in ROUTES])
    return app


async def _status(operations: Operations, _: web.Request) -> Any:
    return await operations.status()


async def _trace(operations: Operations, request: web.Request) -> Any:
    return await operations.trace(request.match_info["order"], request.query.get("site"))


async def _ping(operations: Operations, request: web.Request) -> Any:
    return await operations.ping(request.match_info["site"])


async def _queue(operations: Operations, request: web.Request) -> Any:
    return operations.queue(int(request.query.get("limit", "1000")))


async def _pause(operations: Operations, request: web.Request) -> Any:
    return await operations.pause(request.match_info["target"], str((await request.json())["reason"]))


async def _resume(operations: Operations, request: web.Request) -> Any:
    return await operations.resume(request.match_info["target"])


async def _dead_letters(operations: Operations, request: web.Request) -> Any:
    return operations.dead_letters(int(request.query.get("limit", "1000")))


async def _dead_letter(operations: Operations, request: web.Request) -> Any:
    return operations.dead_letter(int(request.match_info["seq"]))


async def _requeue(operations: Operations, request: web.Request) -> Any:
    return await operations.requeue(_events(await request.json()))


async def _discard(operations: Operations, request: web.Request) -> Any:
    body = await request.json()
    return await operations.discard(_events(body), str(body["reason"]))


ROUTES: tuple[tuple[str, str, Call], ...] = (
    ("GET", "/status", _status),
    ("GET", "/trace/{order:.+}", _trace),
    ("POST", "/ping/{site}", _ping),
    ("GET", "/queue", _queue),
    ("POST", "/pause/{target}", _pause),
    ("POST", "/resume/{target}", _resume),
    ("GET", "/dlq", _dead_letters),
    ("GET", r"/dlq/{seq:\d+}", _dead_letter),
    ("POST", "/dlq/retry", _requeue),
    ("POST", "/dlq/discard", _discard),
)


def _json(operations: Operations, call: Call) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        try:
            body, status = await call(operations, request), 200
        except BridgeError as error:
            body = {"error": error.message, "hint": error.hint}
            status = 404 if isinstance(error, NotFound) else 409
        except (ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            body, status = {"error": f"not a request of this bridge: {error!r}", "hint": ""}, 400
        return web.Response(text=decimal_json.dumps(body), status=status, content_type="application/json")

    return respond


def _events(body: dict[str, Any]) -> list[int]:
    events = body["events"]
    if not isinstance(events, list) or not all(isinstance(seq, int) for seq in events):
        raise ValueError("events is a list of event numbers")
    return events
