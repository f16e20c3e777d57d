"""The operations as HTTP on a Unix socket, the same for bridgectl and for a later console."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bng_bridge.admin.operations import NotFound, Operations
from bridge_common import decimal_json
from bridge_common.errors import BridgeError

Handler = Callable[[web.Request], Awaitable[Any]]


def application(operations: Operations) -> web.Application:
    """200 with the answer; 404 or 409 with {"error", "hint"} for what an operator can mend."""

    async def status(_: web.Request) -> Any:
        return await operations.status()

    async def trace(request: web.Request) -> Any:
        return await operations.trace(request.match_info["order"], request.query.get("site"))

    async def ping(request: web.Request) -> Any:
        return await operations.ping(request.match_info["site"])

    async def dead_letters(request: web.Request) -> Any:
        return operations.dead_letters(int(request.query.get("limit", "1000")))

    async def dead_letter(request: web.Request) -> Any:
        return operations.dead_letter(int(request.match_info["seq"]))

    async def requeue(request: web.Request) -> Any:
        return await operations.requeue(_events(await request.json()))

    async def discard(request: web.Request) -> Any:
        body = await request.json()
        return await operations.discard(_events(body), str(body["reason"]))

    app = web.Application()
    app.add_routes(
        [
            web.get("/status", _json(status)),
            web.get("/trace/{order:.+}", _json(trace)),
            web.post("/ping/{site}", _json(ping)),
            web.get("/dlq", _json(dead_letters)),
            web.get(r"/dlq/{seq:\d+}", _json(dead_letter)),
            web.post("/dlq/retry", _json(requeue)),
            web.post("/dlq/discard", _json(discard)),
        ]
    )
    return app


def _events(body: dict[str, Any]) -> list[int]:
    events = body["events"]
    if not isinstance(events, list) or not all(isinstance(seq, int) for seq in events):
        raise ValueError("events is a list of their numbers")
    return events


def _json(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        try:
            body, status = await handler(request), 200
        except BridgeError as error:
            body = {"error": error.message, "hint": error.hint}
            status = 404 if isinstance(error, NotFound) else 409
        except (ValueError, KeyError, json.JSONDecodeError) as error:
            body, status = {"error": f"not a request of this bridge: {error!r}", "hint": ""}, 400
        return web.Response(text=decimal_json.dumps(body), status=status, content_type="application/json")

    return respond
