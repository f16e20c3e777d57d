"""Putting the server together, running it, and stopping it without losing a request."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from bridge_sandbox.bng import idempotency, openapi, sender, webhooks
from bridge_sandbox.bng.admin import Admin
from bridge_sandbox.bng.api import Api
from bridge_sandbox.bng.auth import DOCUMENT_PATH, Auth
from bridge_sandbox.bng.edge import Edge
from bridge_sandbox.bng.idempotency import InFlight
from bridge_sandbox.bng.office import Office
from bridge_sandbox.bng.problems import Problem, render_fault, render_maintenance, rendering
from bridge_sandbox.bng.profile import is_on, read
from bridge_sandbox.bng.rate import Bucket
from bridge_sandbox.bng.seed import seed
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.bng.store import Store
from bridge_sandbox.bng.subscriptions import Subscriptions
from bridge_sandbox.bng.webhook_faults import WebhookFaults
from bridge_sandbox.faults import Faults, OwnKind

LARGEST_BODY = 8 * 1024 * 1024
STOP_S = 5.0
OWN_KINDS = {"maintenance": OwnKind(render_maintenance, count=0)}


@dataclass(frozen=True)
class Running:
    """Where a running server listens; `url` is the API's, without /api/v1."""

    url: str
    admin_url: str


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """A BNG that serves until the block is left; then requests under way are finished and the file is closed."""
    edge = edge_of(settings)
    store = open_store(settings, edge)
    webhook_faults = WebhookFaults(store)
    sending = asyncio.create_task(sender.run(store, webhook_faults, edge), name="webhook sender")
    runners: list[web.AppRunner] = []
    try:
        api, admin = create_apps(settings, store, webhook_faults, edge)
        url = await listen(api, settings.host, settings.port, runners)
        yield Running(url, await listen(admin, settings.host, settings.admin_port, runners))
    finally:
        for runner in runners:
            await runner.cleanup()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        store.close()


def edge_of(settings: Settings) -> Edge:
    """What the server looks like from outside."""
    return Edge(read(settings.profile))


def open_store(settings: Settings, edge: Edge) -> Store:
    """The database, created and seeded if need be, with the configured webhook subscribed."""
    store = Store(settings.state, unique_external_ids=is_on(edge.profile["external_id"]["unique"]))
    seed(store)
    with store.work("start") as work:
        idempotency.forget_old(work, time.time())
        makes_its_own = "subscription" in edge.profile["webhooks"]
        if settings.webhook_url and settings.webhook_secret and not makes_its_own:
            webhooks.subscribe(work, settings.webhook_url, settings.webhook_secret, None, is_standard=is_standard(edge))
    return store


def create_apps(
    settings: Settings, store: Store, webhook_faults: WebhookFaults, edge: Edge
) -> tuple[web.Application, web.Application]:
    """The API and the admin application."""
    auth, in_flight = Auth(settings, edge.profile["login"]), InFlight(edge.keys)
    faults = Faults(render_fault, OWN_KINDS)
    limits = [] if settings.rate is None else [Bucket(settings.rate, auth.token_path).limit]
    app = web.Application(
        # The key's arrival is noted before a fault can delay the request: that is what "in flight" means.
        middlewares=[in_flight.note_arrival, faults.middleware, rendering(edge.render), *limits, auth.require],
        client_max_size=LARGEST_BODY,
    )
    if auth.token_path:
        app.add_routes([web.post(auth.token_path, auth.issue)])
    if edge.profile.looks_like_bng:
        document = openapi.document(no_keys=not edge.profile.has_keys)
        app.add_routes([web.get(DOCUMENT_PATH, partial(serve_document, document))])
    app.add_routes([*Api(store, in_flight, edge).routes(), *Subscriptions(store, edge).routes()])
    faults.stand_before(app)
    admin = web.Application(middlewares=[rendering(Problem.response)])
    by_hand = Admin(store, auth, is_standard=is_standard(edge))
    admin.add_routes(
        [*by_hand.routes(), *Office(store).routes(), *webhook_faults.admin_routes(), *faults.admin_routes()]
    )
    return app, admin


def is_standard(edge: Edge) -> bool:
    """Whether webhooks are signed as Standard Webhooks are."""
    return bool(edge.profile["webhooks"]["verify"] == "standard")


async def serve_document(document: dict[str, Any], _request: web.Request) -> web.Response:
    """GET /api/v1/openapi.json"""
    return web.json_response(document)


async def listen(app: web.Application, host: str, port: int, runners: list[web.AppRunner]) -> str:
    """The URL at which the application now listens; its runner is appended to `runners`."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)
    await runner.setup()
    runners.append(runner)
    await web.TCPSite(runner, host, port).start()
    return f"http://{host}:{runner.addresses[0][1]}"
