"""Fault switches for a sandbox server: the network and the other side misbehave when told to.

`Faults` is one middleware in front of every route and a few admin routes to steer it. It promises that a
request which reached the server is handled to its end, whatever happens to the client: the write commits,
only the answer is delayed, replaced or lost. That is what a time-out looks like from the other side. `late` is
the worst of them: the client has given up long before its write commits.
Nothing is kept across a restart.

    faults = Faults(render_error)
    app = web.Application(middlewares=[faults.middleware, ...])  # first: it sees requests as they came
    faults.stand_before(app)
    admin_app.add_routes(faults.admin_routes())
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from aiohttp import web
from aiohttp.typedefs import Handler

Kind = Literal["latency", "late", "status", "html", "hold", "cut_after", "cut_before"]
RenderError = Callable[[int, str | None], web.Response]
"""(status, Retry-After as the header's text or None) -> the answer in the played server's form."""


@dataclass(frozen=True)
class OwnKind:
    """A kind that only the played server has: it answers in the server's place, `count` times unless told otherwise."""

    answer: Callable[[web.Request], web.Response]
    count: int = 1


OwnKinds = Mapping[str, OwnKind]

HTML_PAGE = "<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1>No server is available.</body></html>"


class Faults:
    """The faults set on one server, and how often each of its routes was called.

    A request meets the first fault that matches it and is not used up, never two of them.
    """

    def __init__(self, render_error: RenderError, own_kinds: OwnKinds | None = None) -> None:
        self._render_error = render_error
        self._own_kinds = own_kinds or {}
        self._faults: dict[int, Fault] = {}
        self._last_id = 0
        self._app = web.Application()
        self._calls: Counter[str] = Counter()
        self._running: set[asyncio.Task[web.StreamResponse]] = set()
        self._stopping = asyncio.Event()

    def stand_before(self, app: web.Application) -> None:
        """The application with the middleware: its routes are counted, and what is held is let go of when it stops."""
        self._app = app
        app.on_shutdown.append(self.stop)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the call, then let it meet its fault, shielded from a client that leaves."""
        self._calls[route_label(request)] += 1
        task = asyncio.create_task(self._answer(request, handler), name=f"answer {request.path}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def admin_routes(self) -> list[web.RouteDef]:
        """POST, GET and DELETE /faults, POST /faults/{id}/release, GET /calls."""
        return [
            web.post("/faults", self._post),
            web.get("/faults", self._list),
            web.delete("/faults", self._clear),
            web.post(r"/faults/{id:\d+}/release", self._release),
            web.get("/calls", self._get_calls),
        ]

    def add(self, fault: "Fault") -> int:
        """The id of the fault, now in force."""
        self._last_id += 1
        self._faults[self._last_id] = fault
        return self._last_id

    def clear(self) -> None:
        """Forget all faults; what they delay or hold goes on at once."""
        for fault in self._faults.values():
            fault.released.set()
        self._faults.clear()

    async def stop(self, _app: web.Application) -> None:
        """Let go of everything that is held, or it would hold up the stop."""
        self.clear()
        self._stopping.set()

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # Read first: aiohttp drops a complete body when the client leaves before the handler asks for it.
        await request.read()
        fault = next((each for each in self._faults.values() if each.matches(request)), None)
        if fault is None:
            return await handler(request)
        fault.hits += 1
        return await self._inflict(fault, request, handler)

    async def _inflict(self, fault: "Fault", request: web.Request, handler: Handler) -> web.StreamResponse:
        if answer := self._answer_instead(fault, request):
            return answer
        if fault.kind in ("latency", "late"):
            await fault.wait()
        response = await handler(request)
        match fault.kind:
            case "hold":
                await fault.wait()
            case "late":
                await self._stopping.wait()  # no answer comes: the client ends it, by its own time-out
                return cut(request)
            case "cut_after":
                return cut(request)
        return response

    def _answer_instead(self, fault: "Fault", request: web.Request) -> web.Response | None:
        """The answer of a fault that keeps the request from being handled."""
        match fault.kind:
            case "status":
                return self._render_error(fault.status, fault.retry_after)
            case "html":
                return web.Response(status=503, text=HTML_PAGE, content_type="text/html")
            case "cut_before":
                return cut(request)
        own = self._own_kinds.get(fault.kind)
        return own.answer(request) if own else None

    async def _post(self, request: web.Request) -> web.Response:
        try:
            fault = read_fault(await request.json(), self._own_kinds)
        except (ValueError, TypeError, re.error) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"id": self.add(fault)}, status=201)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response([{"id": number} | fault.describe() for number, fault in self._faults.items()])

    async def _clear(self, _request: web.Request) -> web.Response:
        self.clear()
        return web.json_response({})

    async def _release(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        if number not in self._faults:
            return web.json_response({"error": f"no fault {number}"}, status=404)
        self._faults[number].released.set()
        return web.json_response({"id": number} | self._faults[number].describe())

    async def _get_calls(self, _request: web.Request) -> web.Response:
        """Of every route, also 0: a name that is not among them is a mistake."""
        labels = (label(route.method, route) for route in self._app.router.routes() if route.method != "HEAD")
        return web.json_response(dict.fromkeys(labels, 0) | dict(self._calls))


@dataclass
class Fault:
    """One switch: what to do, to which requests, how many times (`count` 0: until cleared or released)."""

    kind: str
    method: str | None = None
    path: re.Pattern[str] | None = None
    count: int = 1
    seconds: float | None = None
    status: int = 503
    retry_after: str | None = None
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, request: web.Request) -> bool:
        """Whether this request is to meet the fault; the path is compared decoded, without the query."""
        return (
            not self.released.is_set()
            and (self.count == 0 or self.hits < self.count)
            and self.method in (None, request.method)
            and (self.path is None or self.path.search(request.path) is not None)
        )

    async def wait(self) -> None:
        """Until the fault is released or its `seconds` have passed."""
        waiting = asyncio.create_task(self.released.wait())
        await asyncio.wait({waiting}, timeout=self.seconds)
        waiting.cancel()

    def describe(self) -> dict[str, Any]:
        """As listed by the admin server."""
        return {
            "kind": self.kind,
            "method": self.method,
            "path": self.path.pattern if self.path else None,
            "count": self.count,
            "seconds": self.seconds,
            "status": self.status,
            "retry_after": self.retry_after,
            "hits": self.hits,
            "released": self.released.is_set(),
        }


FIELDS = frozenset({"kind", "method", "path", "count", "seconds", "status", "retry_after"})


def read_fault(body: Any, own_kinds: OwnKinds) -> Fault:
    """The fault that an admin request describes; raises ValueError, TypeError or re.error."""
    if not isinstance(body, dict):
        raise TypeError("a fault is a JSON object")
    if unknown := body.keys() - FIELDS:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    kind = str(body.get("kind"))
    if kind not in (kinds := (*get_args(Kind), *own_kinds)):
        raise ValueError(f"kind is one of {', '.join(kinds)}")
    if kind == "latency" and body.get("seconds") is None:
        raise ValueError("latency needs seconds")
    method, path, retry_after = body.get("method"), body.get("path"), body.get("retry_after")
    return Fault(
        kind=kind,
        method=method.upper() if method else None,
        path=re.compile(path) if path else None,
        count=int(body.get("count", own_kinds[kind].count if kind in own_kinds else 1)),
        seconds=None if body.get("seconds") is None else float(body["seconds"]),
        status=int(body.get("status", 503)),
        retry_after=None if retry_after is None else str(retry_after),
    )


def route_label(request: web.Request) -> str:
    """The method and the pattern of the route, such as `GET /api/v1/customers/{id}`; never a concrete id."""
    return label(request.method, request.match_info.route)


def label(method: str, route: web.AbstractRoute) -> str:
    return f"{method} {route.resource.canonical if route.resource else '(no route)'}"


def cut(request: web.Request) -> web.Response:
    """Break the TCP connection; the response returned is only for aiohttp, which fails to send it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
