"""The shop as a process: the REST server and the admin server over one database."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pymysql
from aiohttp import web
from aiohttp.typedefs import Handler

from bridge_sandbox.faults import Faults, OwnKind
from bridge_sandbox.shop.access import Access, AccessSettings
from bridge_sandbox.shop.admin import Admin
from bridge_sandbox.shop.database import Database, DatabaseGone, DatabaseSettings
from bridge_sandbox.shop.errors import (
    MagentoError,
    deadlock,
    internal_error,
    no_route,
    no_such_entity,
    unauthorised,
    unavailable,
)
from bridge_sandbox.shop.hooks import Hooks, HookSettings
from bridge_sandbox.shop.rendering import maintenance_page, respond
from bridge_sandbox.shop.rest import Rest
from bridge_sandbox.shop.schema import install
from bridge_sandbox.shop.shop import Shop

HOST = "127.0.0.1"
LARGEST_BODY = 16 * 1024 * 1024


@dataclass(frozen=True)
class ShopSettings:
    """How to run a shop; port 0 takes a free one."""

    database: DatabaseSettings
    token: str
    port: int = 0
    admin_port: int = 0
    init: bool = False
    access: AccessSettings = field(default_factory=AccessSettings)
    hooks: HookSettings | None = None


@dataclass(frozen=True)
class RunningShop:
    """Where a running shop listens."""

    url: str
    admin_url: str


async def serve(settings: ShopSettings) -> None:
    """Run until SIGTERM or SIGINT; one line on standard output says where."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_shop(settings) as shop:
        print(f"ready {shop.url} admin {shop.admin_url}", flush=True)
        await stop.wait()


@asynccontextmanager
async def running_shop(settings: ShopSettings) -> AsyncIterator[RunningShop]:
    """A shop that listens on the loopback, inside this process."""
    database = Database(settings.database)
    try:
        if settings.init:
            await database.run(install)
        shop = Shop(database, Access(settings.token, settings.access), Hooks(settings.hooks))
        faults = Faults(render_fault, OWN_KINDS)
        rest = web.Application(middlewares=[faults.middleware, render_errors], client_max_size=LARGEST_BODY)
        rest.add_routes(Rest(shop).routes())
        faults.stand_before(rest)
        admin = web.Application(middlewares=[render_errors], client_max_size=LARGEST_BODY)
        admin.on_shutdown.append(shop.release_held)
        admin.add_routes([*Admin(shop).routes(), *faults.admin_routes()])
        try:
            async with (
                shop.hooks.running(),
                listening(rest, settings.port) as url,
                listening(admin, settings.admin_port) as admin_url,
            ):
                yield RunningShop(url, admin_url)
        finally:
            await shop.stop()
    finally:
        database.close()


@asynccontextmanager
async def listening(app: web.Application, port: int) -> AsyncIterator[str]:
    """The URL of an application that listens."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@web.middleware
async def render_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in Magento's form."""
    try:
        return await handler(request)
    except (MagentoError, DatabaseGone, pymysql.err.Error, web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        failure = as_magento_error(error)
        return respond(request, failure.body(), failure.status)


def as_magento_error(error: Exception) -> MagentoError:
    """What Magento would answer: a wrong path and a wrong verb look the same, an error in SQL is internal."""
    match error:
        case MagentoError():
            return error
        case DatabaseGone():
            return unavailable()
        case web.HTTPException():
            return no_route()
        case _:
            return internal_error()


def render_fault(status: int, retry_after: str | None) -> web.Response:
    """An injected status: Magento's own form for its own errors, plain text for those of what stands before it."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    if status in (429, 502, 503, 504):
        return web.Response(status=status, text="Service Temporarily Unavailable", headers=headers)
    known = {401: unauthorised("Magento_Sales::actions_view"), 404: no_such_entity(), 500: internal_error()}
    body = known.get(status, MagentoError(status, "Injected error.")).body()
    return web.json_response(body, status=status, headers=headers)


def render_deadlock(request: web.Request) -> web.Response:
    """A transaction that InnoDB sacrificed: nothing of it happened, and sent again it would."""
    error = deadlock(request.path)
    return web.json_response(error.body(), status=error.status)


OWN_KINDS = {"maintenance": OwnKind(maintenance_page, count=0), "deadlock": OwnKind(render_deadlock)}
