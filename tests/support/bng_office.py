"""A sandbox BNG with one customer and one order of his, and what a client and BNG's people do in it."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.profile import OWN, POOREST
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

Json = dict[str, Any]


@dataclass
class Office:
    """`client` calls the API, `admin` is what BNG's people do."""

    client: aiohttp.ClientSession
    admin: aiohttp.ClientSession
    order: Json = field(default_factory=dict)
    _keys: Any = field(default_factory=itertools.count)

    async def post(self, path: str, body: Json | None, key: str = "") -> Json:
        status, record = await self._post(path, body, key)
        assert status == 201, record
        return record

    async def refused(self, path: str, body: Json) -> tuple[int, str, str]:
        """(status, type of the problem, pointer to the first mistake)"""
        status, problem = await self._post(path, body, "")
        return status, problem["type"], problem["errors"][0]["pointer"]

    async def get(self, resource: str, record_id: str) -> Json:
        async with self.client.get(f"/api/v1/{resource}/{record_id}") as answer:
            record: Json = await answer.json()
            return record

    async def listed(self, resource: str, **query: str) -> list[Json]:
        async with self.client.get(f"/api/v1/{resource}", params=query) as answer:
            items: list[Json] = (await answer.json())["items"]
            return items

    async def tell(self, path: str, method: str = "POST", /, **body: Any) -> Json:
        """On the admin side."""
        async with self.admin.request(method, path, json=body) as answer:
            assert answer.status in {200, 201}, await answer.text()
            record: Json = await answer.json()
            return record

    async def new_order(self, *lines: samples.Line) -> Json:
        customer = await self.post("customers", samples.customer())
        return await self.post("sales-orders", samples.order(customer["CustomerID"], *lines))

    async def invoice(self, **changes: Any) -> Json:
        """Of the order."""
        return await self.post("invoices", samples.invoice(self.order["SalesOrderID"], **changes))

    async def owed(self, invoice: Json) -> tuple[str, str]:
        """(Balance, Status) as they are now."""
        found = await self.get("invoices", invoice["InvoiceID"])
        return found["Balance"], found["Status"]

    async def _post(self, path: str, body: Json | None, key: str) -> tuple[int, Json]:
        headers = {"Idempotency-Key": key or f"key-{next(self._keys)}-{id(self)}"}
        async with self.client.post(f"/api/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def running_office(folder: Path, *, no_keys: bool = False, **options: Any) -> AsyncIterator[Office]:
    settings = Settings(folder / "bng.sqlite", profile=POOREST if no_keys else OWN, **options)
    async with (
        serving(settings) as running,
        aiohttp.ClientSession(running.url, headers={"X-API-Key": settings.api_key}) as client,
        aiohttp.ClientSession(running.admin_url) as admin,
    ):
        office = Office(client, admin)
        office.order = await office.new_order()
        yield office
