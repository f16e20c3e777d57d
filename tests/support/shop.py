"""A sandbox shop in this process, which the bridge reaches directly, as a hosted one."""

import itertools
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bng_bridge.config import Site
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.target import MagentoTarget
from bng_bridge.magento.transport import DirectTransport, RequestState
from bridge_common import decimal_json
from bridge_common.http import Answer
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import MagentoRest
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.server import ShopSettings, running_shop

TOKEN = "token-of-the-test"
_NUMBERS = itertools.count(1)


class RecordingTransport(DirectTransport):
    """Directly to the shop: notes the ids of writes, and tells of a request what a test says of it, as an agent would."""

    def __init__(self, rest: MagentoRest) -> None:
        super().__init__(rest)
        self.states: dict[str, RequestState] = {}
        self.request_ids: list[str] = []

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        timeout_s: float,
        request_id: str | None = None,
    ) -> Answer:
        if request_id is not None:
            self.request_ids.append(request_id)
        return await super().request(method, path, query=query, body=body, timeout_s=timeout_s)

    async def amend(self, path: str, body: Any, expected: str, *, timeout_s: float, request_id: str) -> Answer | None:
        self.request_ids.append(request_id)
        return await super().amend(path, body, expected, timeout_s=timeout_s, request_id=request_id)

    async def state_of(self, request_id: str) -> RequestState | None:
        return self.states.get(request_id)


@dataclass
class ShopRig:
    """A running shop, the bridge's client and target for it, and its admin side."""

    transport: RecordingTransport
    client: MagentoClient
    target: MagentoTarget
    session: aiohttp.ClientSession
    admin_url: str
    url: str

    async def admin(self, method: str, path: str, /, **body: Any) -> Any:
        async with self.session.request(method, self.admin_url + path, json=body or None) as answer:
            assert answer.status < 300, await answer.text()
            return decimal_json.loads(await answer.text())

    async def checkout(self, kind: str = "simple", **options: Any) -> dict[str, Any]:
        """Placed, and as REST shows it."""
        placed = await self.admin("POST", "/checkout", kind=kind, **options)
        document = await self.client.get(f"/V1/orders/{placed['order_id']}")
        assert document is not None
        return document

    async def fault(self, kind: str, **options: Any) -> int:
        return int((await self.admin("POST", "/faults", kind=kind, **options))["id"])

    async def clear_faults(self) -> None:
        await self.admin("DELETE", "/faults")

    async def calls(self, route: str) -> int:
        """How often a route was called, such as `GET /rest/{store}/V1/orders/{id}`. Raises KeyError for one that is none."""
        return int((await self.admin("GET", "/calls"))[route])

    async def shipments(self, order_id: int) -> list[dict[str, Any]]:
        book = await self.admin("GET", "/book")
        return [shipment for shipment in book["shipments"] if shipment["order_id"] == order_id]

    async def salable(self, sku: str) -> Any:
        """What can still be sold of it."""
        path = f"/V1/inventory/get-product-salable-quantity/{sku}/1"
        return (await self.transport.request("GET", path, timeout_s=5)).body

    async def quantity(self, sku: str) -> Any:
        """Of the source; None where it has no row."""
        rows = (await self.admin("GET", "/book"))["source_items"]
        return next((row["quantity"] for row in rows if row["sku"] == sku), None)


def new_account(mariadb: MariaDB) -> ShopAccount:
    number = next(_NUMBERS)
    return mariadb.create_shop_schema(f"bridge_test_{number}", f"bridge_test_{number}")


@asynccontextmanager
async def running_shop_rig(
    mariadb: MariaDB, account: ShopAccount, config: Site, *, has_sources: bool = True
) -> AsyncIterator[ShopRig]:
    database = DatabaseSettings(
        account.database, account.user, account.password, mariadb.socket, has_sources=has_sources
    )
    with tempfile.TemporaryDirectory() as folder:
        login = _login(Path(folder))
        async with (
            running_shop(ShopSettings(database, TOKEN, init=True)) as running,
            MagentoRest(MagentoSection(base_url=running.url, token_file=login)) as rest,
            aiohttp.ClientSession() as session,
        ):
            transport = RecordingTransport(rest)
            client = MagentoClient("shop1", config, transport)
            yield ShopRig(transport, client, MagentoTarget(client), session, running.admin_url, running.url)


def _login(folder: Path) -> Path:
    """The file with the token."""
    file = folder / "token"
    file.write_text(TOKEN)
    return file
