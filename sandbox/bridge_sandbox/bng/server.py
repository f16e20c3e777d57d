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
from bridge_sandbox.bng.auth import DOCUMENT_PATH, TOKEN_PATH, Auth
from bridge_sandbox.bng.idempotency import InFlight
from bridge_sandbox.bng.problems import render_fault, render_maintenance, render_problems
from bridge_sandbox.bng.rate import Bucket
from bridge_sandbox.bng.seed import seed
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.bng.store import Store
from bridge_sandbox.bng.webhook_faults import WebhookFaults
from bridge_sandbox.faults import Faults, OwnKind

HOST = "127.0.0.1"
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
    store = open_store(settings)
    webhook_faults = WebhookFaults(store)
    sending = asyncio.create_task(sender.run(store, webhook_faults), name="webhook sender")
    runners: list[web.AppRunner] = []
    try:
        api, admin = create_apps(settings, store, webhook_faults)
        url = await listen(api, settings.port, runners)
        yield Running(url, await listen(admin, settings.admin_port, runners))
    finally:
        for runner in runners:
            await runner.cleanup()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        store.close()


def open_store(settings: Settings) -> Store:
    """The database, created and seeded if need be, with the configured webhook subscribed."""
    store = Store(settings.state, unique_external_ids=not settings.no_keys)
    seed(store)
    with store.work("start") as work:
        idempotency.forget_old(work, time.time())
        if settings.webhook_url and settings.webhook_secret:
            webhooks.subscribe(work, settings.webhook_url, settings.webhook_secret, None)
    return store


def create_apps(
    settings: Settings, store: Store, webhook_faults: WebhookFaults
) -> tuple[web.Application, web.Application]:
    """The API and the admin application."""
    auth, in_flight, faults = Auth(settings), InFlight(), Faults(render_fault, OWN_KINDS)
    limits = [] if settings.rate is None else [Bucket(settings.rate).limit]
    app = web.Application(
        # The key's arrival is noted before a fault can delay the request: that is what "in flight" means.
        middlewares=[in_flight.note_arrival, faults.middleware, render_problems, *limits, auth.require],
        client_max_size=LARGEST_BODY,
    )
    app.add_routes([web.post(TOKEN_PATH, auth.issue), *Api(store, in_flight, no_keys=settings.no_keys).routes()])
    app.add_routes([web.get(DOCUMENT_PATH, partial(serve_document, openapi.document(no_keys=settings.no_keys)))])
    app.on_shutdown.append(faults.stop)
    admin = web.Application(middlewares=[render_problems])
    admin.add_routes([*Admin(store, auth).routes(), *webhook_faults.admin_routes(), *faults.admin_routes()])
    return app, admin


async def serve_document(document: dict[str, Any], _request: web.Request) -> web.Response:
    """GET /api/v1/openapi.json"""
    return web.json_response(document)


async def listen(app: web.Application, port: int, runners: list[web.AppRunner]) -> str:
    """The URL at which the application now listens; its runner is appended to `runners`."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)
    await runner.setup()
    runners.append(runner)
    await web.TCPSite(runner, HOST, port).start()
    return f"http://{HOST}:{runner.addresses[0][1]}"
