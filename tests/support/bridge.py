"""What tests of the bridge share: events, a store, a sandbox BNG in this process, and waiting with a deadline."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from bng_bridge.bng import profile_file
from bng_bridge.bng.client import BngClient
from bng_bridge.bng.target import BngTarget
from bng_bridge.config import Bng, Site
from bng_bridge.deliver import Deliver
from bng_bridge.inbox import Claimed
from bng_bridge.store import Store, connect, migrate, open_store
from bng_bridge.target import Write
from bng_bridge.worker import Worker
from bridge_common import decimal_json
from bridge_common.clock import to_text
from bridge_common.event import Event, Kind, Version
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.profile import OWN, POOREST
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

BEGIN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DEADLINE_S = 10.0


def at(seconds: float) -> str:
    """The text of a moment so many seconds after the tests' beginning."""
    return to_text(BEGIN + timedelta(seconds=seconds))


def event(
    n: int = 1,
    *,
    epoch: int = 1,
    site: str = "shop1",
    entity: str = "order",
    entity_id: str = "74",
    kind: Kind = "snapshot",
    lane: str | None = None,
    data: dict[str, Any] | None = None,
) -> tuple[Event, datetime]:
    """An event with its publishing time, as `decode_batch` gives them."""
    document: dict[str, Any] = {"increment_id": f"{int(entity_id):09d}", "n": n} if data is None else data
    made = Event(
        site=site, entity=entity, entity_id=entity_id, kind=kind, version=Version(epoch, n),
        ordering_key=lane or f"{entity}/{entity_id}", committed_at=BEGIN, captured_at=BEGIN,
        data_text=decimal_json.dumps(document), increment_id=document.get("increment_id"),
    )  # fmt: skip
    return made, BEGIN


def claimed(seq: int = 1, *, document: dict[str, Any] | None = None, **changes: Any) -> Claimed:
    """An event in a worker's hands that never was in an inbox."""
    values: dict[str, Any] = {
        "seq": seq, "event_key": f"shop1/1.{seq}", "site": "shop1", "source": "magento", "entity": "order",
        "entity_id": "74", "kind": "snapshot", "ordering_key": "shop1/order/74", "attempts": 0,
        "stored_at": at(0), "data": decimal_json.dumps(document or {}).encode(),
    }  # fmt: skip
    return Claimed(**{**values, **changes})


def new_connection(folder: Path) -> sqlite3.Connection:
    """A migrated store's connection, in autocommit; it waits for no disk, for there is no power cut to survive here."""
    path = folder / "bridge.sqlite"
    migrate(path)
    connection = connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    store = open_store(path)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def at_work(working: Worker) -> AsyncIterator[None]:
    """The worker runs meanwhile, and ends what it has begun."""
    stop = asyncio.Event()
    task = asyncio.create_task(working.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(what: str, condition: Callable[[], Any], *, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value that the condition returns, or that what it returns gives when awaited."""
    found: Any = None
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                found = condition()
                if isawaitable(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited in vain: {what} (last: {found!r})") from None


class Clock:
    """Wall time that only a test moves. Give it to a module by monkeypatch."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class BngRig:
    """A sandbox BNG, the bridge's own client to it, and its admin side."""

    url: str
    config: Bng
    client: BngClient
    target: BngTarget
    session: aiohttp.ClientSession
    admin_url: str

    def deliver(self, store: Store) -> Deliver:
        return Deliver(store, lambda _write: self.target)

    async def admin(self, method: str, path: str, /, **body: Any) -> Any:
        async with self.session.request(method, self.admin_url + path, json=body or None) as answer:
            assert answer.status < 300, await answer.text()
            return decimal_json.loads(await answer.text())

    async def fault(self, kind: str, **options: Any) -> int:
        return int((await self.admin("POST", "/faults", kind=kind, **options))["id"])

    async def hits(self) -> int:
        """Requests that have met a fault."""
        return sum(fault["hits"] for fault in await self.admin("GET", "/faults"))

    async def clear_faults(self) -> None:
        await self.admin("DELETE", "/faults")

    async def calls(self, route: str = "") -> int:
        """How often a route was called, such as `POST /api/v1/customers`; all without one, tokens left out.

        Raises KeyError for a route that BNG does not have.
        """
        counted = await self.admin("GET", "/calls")
        if route:
            return int(counted[route])
        return sum(number for name, number in counted.items() if "/oauth/" not in name)

    async def records(self, resource: str) -> list[dict[str, Any]]:
        """Everything BNG has of it; resource as in its book, such as sales_orders."""
        return list((await self.admin("GET", "/book"))[resource])

    async def customer(self, external_id: str = "shop1-5") -> str:
        """A customer made in BNG by hand; its id."""
        headers = {"X-API-Key": Settings.api_key, "Idempotency-Key": external_id}
        url = f"{self.url}/api/v1/customers"
        async with self.session.post(url, json=samples.customer(ExternalID=external_id), headers=headers) as answer:
            assert answer.status == 201
            return str((await answer.json())["CustomerID"])

    async def product(self, sku: str, **fields: Any) -> dict[str, Any]:
        """A product made or changed in BNG by hand; as it is then."""
        url = f"{self.url}/api/v1/products/by-sku/{quote(sku, safe='')}"
        async with self.session.put(url, json=fields, headers={"X-API-Key": Settings.api_key}) as answer:
            assert answer.status < 300, await answer.text()
            return dict(decimal_json.loads(await answer.text()))

    async def patch(self, path: str, **fields: Any) -> None:
        """A change made in BNG by hand."""
        headers = {"X-API-Key": Settings.api_key}
        async with self.session.patch(f"{self.url}/api/v1/{path}", json=fields, headers=headers) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def running_bng(
    folder: Path, *, no_keys: bool = False, profile: str = OWN, rate: float | None = None, **options: Any
) -> AsyncIterator[BngRig]:
    """`rate` is what BNG allows; `options` go into the bridge's [bng] table; the quiet period is 60 s unless they say so."""
    profile = POOREST if no_keys else profile
    async with (
        serving(Settings(folder / "bng.sqlite", profile=profile, rate=rate)) as running,
        aiohttp.ClientSession() as session,
    ):
        values: dict[str, Any] = {
            "base_url": running.url, "profile": profile, **login_of(profile, folder),
            "requests_per_s": 1000, "timeout_s": 5, "execution_limit_s": 55,
        }  # fmt: skip
        config = Bng(**{**values, **options})
        client = BngClient(session, config)
        yield BngRig(running.url, config, client, BngTarget(client), session, running.admin_url)


def login_of(profile: str, folder: Path) -> dict[str, Any]:
    """By key where the profile has that, else by OAuth; as options of [bng]."""
    by_key = bool(profile_file.load(profile).login.key_header)
    secret = folder / "bng-secret"
    secret.write_text(Settings.api_key if by_key else Settings.client_secret)
    if by_key:
        return {"api_key_file": secret}
    return {"client_id": Settings.client_id, "client_secret_file": secret}


def customer_write(number: int = 5, **changes: Any) -> Write:
    """The write of a customer, as the customer flow asks for it."""
    values: dict[str, Any] = {
        "target": "bng", "entity": "customer", "site": "shop1", "target_key": f"shop1/customer/{number}/customer",
        "lock_key": f"bng/customer/shop1-{number}", "reference": f"shop1-{number}",
    }  # fmt: skip
    return Write(**{**values, **changes})


def customer_body(number: int = 5, **changes: Any) -> dict[str, Any]:
    return {"ExternalID": f"shop1-{number}", "FirstName": "Ida", "LastName": "Brandt", **changes}


def giving(body: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A mapping with this result."""

    async def mapping() -> dict[str, Any]:
        return body

    return mapping


def site(**changes: Any) -> Site:
    return Site(**{"sources": {"MAIN": "default"}, "requests_per_s": 1000, **changes})
