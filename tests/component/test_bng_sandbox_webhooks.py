"""The sandbox BNG's webhooks, received by a server that answers as each test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
DEADLINE_S = 5.0


@dataclass
class Receiver:
    """Takes webhooks; answers the statuses in `answers` in turn, then 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: asyncio.Queue[tuple[dict[str, str], str]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        self.received.put_nowait((dict(request.headers), await request.text()))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)

    async def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        """Headers and body of the next webhook, its signature verified."""
        async with asyncio.timeout(DEADLINE_S):
            headers, body = await self.received.get()
        Webhook(SECRET).verify(body, headers)
        return headers, json.loads(body)

    async def next_of(self, kind: str) -> dict[str, Any]:
        """The data of the next webhook of this type; others before it are dropped."""
        while True:
            _, body = await self.next()
            if body["type"] == kind:
                data: dict[str, Any] = body["data"]
                return data


@dataclass
class Bng:
    """A running BNG with one customer."""

    client: aiohttp.ClientSession
    admin: aiohttp.ClientSession

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self.client.put(f"/api/v1/{path}", json=body) as answer:
            assert answer.status in {200, 201}, await answer.text()
            record: dict[str, Any] = await answer.json()
            return record

    async def call(self, path: str, method: str = "POST", /, **body: Any) -> dict[str, Any]:
        async with self.admin.request(method, path, json=body) as answer:
            assert answer.status in {200, 201}, await answer.text()
            record: dict[str, Any] = await answer.json()
            return record

    async def listed(self, resource: str, **query: str) -> list[dict[str, Any]]:
        async with self.client.get(f"/api/v1/{resource}", params=query) as answer:
            items: list[dict[str, Any]] = (await answer.json())["items"]
            return items

    async def webhooks(self) -> dict[str, Any]:
        async with self.admin.get("/webhooks") as answer:
            described: dict[str, Any] = await answer.json()
            return described

    async def until_pending(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while (await self.webhooks())["pending"] != count:
                pass


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.take)])
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@asynccontextmanager
async def running_bng(path: Path, webhook_url: str | None) -> AsyncIterator[Bng]:
    settings = Settings(path, webhook_url=webhook_url, webhook_secret=SECRET)
    headers = {"X-API-Key": settings.api_key}
    async with (
        serving(settings) as running,
        aiohttp.ClientSession(running.url, headers=headers) as client,
        aiohttp.ClientSession(running.admin_url) as admin,
    ):
        yield Bng(client, admin)


@pytest.fixture
async def bng(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Bng]:
    async with running_bng(tmp_path / "bng.sqlite", receiver.url) as running:
        yield running


async def test_a_change_is_announced_with_ids_and_no_content(bng: Bng, receiver: Receiver) -> None:
    customer = await bng.put("customers/by-external-id/7", samples.customer())
    headers, body = await receiver.next()
    assert headers["webhook-id"].startswith("msg_")
    assert body == {
        "type": "customer_updated",
        "timestamp": customer["UpdatedAt"],
        "data": {
            "CustomerID": customer["CustomerID"], "ExternalID": "7", "Version": 1, "UpdatedAt": customer["UpdatedAt"],
        },
    }  # fmt: skip


async def test_an_order_from_creation_to_shipment_announces_stock_status_and_shipment(
    bng: Bng, receiver: Receiver
) -> None:
    customer = await bng.put("customers/by-external-id/7", samples.customer())
    order = await bng.put("sales-orders/by-external-id/1", samples.order(customer["CustomerID"]))
    stock = await receiver.next_of("inventory_updated")
    assert (stock["SKU"], stock["Warehouse"], stock["Sequence"]) == ("MUG-WHITE", "MAIN", 2)

    shipment = await bng.call("/ship", ExternalID="1")

    announced = {}
    for _ in range(3):
        _, body = await receiver.next()
        announced[body["type"]] = body["data"]
    assert announced["inventory_updated"]["Sequence"] == 3
    assert announced["shipment_created"]["ShipmentID"] == shipment["ShipmentID"]
    assert announced["shipment_created"]["SalesOrderID"] == order["SalesOrderID"]
    assert announced["order_status_changed"]["SalesOrderID"] == order["SalesOrderID"]
    assert announced["order_status_changed"]["ExternalID"] == "1"


async def test_invoices_payments_and_credits_are_announced_with_what_they_belong_to(
    bng: Bng, receiver: Receiver
) -> None:
    customer = await bng.put("customers/by-external-id/7", samples.customer())
    order = await bng.put("sales-orders/by-external-id/1", samples.order(customer["CustomerID"]))
    invoice = await bng.call("/invoices", ExternalID="1")
    payment = await bng.call("/payments", InvoiceID=invoice["InvoiceID"])
    credit = await bng.call("/credits", InvoiceID=invoice["InvoiceID"])
    for made in (invoice, credit):
        announced = await receiver.next_of("invoice_created")
        assert announced["InvoiceID"] == made["InvoiceID"]
        assert announced["SalesOrderID"] == order["SalesOrderID"]
        if made is invoice:
            announced = await receiver.next_of("payment_posted")
            assert (announced["PaymentID"], announced["InvoiceID"]) == (payment["PaymentID"], invoice["InvoiceID"])


async def test_what_bng_s_people_change_is_announced_and_names_who(bng: Bng, receiver: Receiver) -> None:
    customer = await bng.put("customers/by-external-id/7", samples.customer())
    await receiver.next_of("customer_updated")
    path = f"/records/customers/{customer['CustomerID']}?by=ida"
    changed = await bng.call(path, "PATCH", Phone="0731")
    assert (changed["Phone"], changed["UpdatedBy"], changed["Version"]) == ("0731", "ida", 2)
    announced = await receiver.next_of("customer_updated")
    assert (announced["CustomerID"], announced["Version"]) == (customer["CustomerID"], 2)

    product = (await bng.listed("products", sku="MUG-WHITE"))[0]
    path = f"/records/products/{product['ProductID']}"
    changed = await bng.call(path, "PATCH", ListPrice="8.5", Name="Mug", Active=False)
    assert (changed["ListPrice"], changed["Name"], changed["Active"]) == ("8.50", "Mug", False)
    assert changed["UpdatedBy"] == "operator"
    announced = await receiver.next_of("product_updated")
    assert (announced["ProductID"], announced["SKU"]) == (product["ProductID"], "MUG-WHITE")

    made = await bng.call("/records/customers?by=ida", **samples.customer())
    assert (await receiver.next_of("customer_updated"))["CustomerID"] == made["CustomerID"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/records/customers/C-9", {}, 404),
        ("PATCH", "/records/moods/C-9", {}, 404),
        ("PATCH", "/records/payments/PM-9", {}, 404),
        ("POST", "/records/inventory_items", {}, 404),
        ("POST", "/records/customers", {"Nickname": "I"}, 422),
        ("POST", "/invoices", {"ExternalID": "9"}, 404),
        ("POST", "/credits", {"InvoiceID": "IN-9"}, 404),
        ("POST", "/payments", {"InvoiceID": "IN-9"}, 404),
        ("POST", "/payments", {}, 422),
        ("POST", "/receive", {"PurchaseOrderID": "PO-9"}, 404),
    ],
)
async def test_what_nobody_can_do_by_hand_is_refused(
    bng: Bng, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    async with bng.admin.request(method, path, json=body) as answer:
        assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert (await bng.webhooks())["pending"] == 0


async def test_what_comes_in_of_a_purchase_order_is_announced(bng: Bng, receiver: Receiver) -> None:
    vendor = await bng.call("/records/vendors", Name="Töpferei")
    body = samples.purchase_order(vendor["VendorID"], ("MUG-WHITE", "10", "3.50"), ExternalID="b1")
    await bng.call("/records/purchase_orders", **body)
    await bng.call("/receive", ExternalID="b1")
    announced = await receiver.next_of("inventory_updated")
    assert (announced["SKU"], announced["Warehouse"], announced["Sequence"]) == ("MUG-WHITE", "MAIN", 2)


async def test_a_refused_write_announces_nothing(bng: Bng, receiver: Receiver) -> None:
    customer = await bng.put("customers/by-external-id/7", samples.customer())
    await receiver.next()
    bad = samples.order(customer["CustomerID"], Total="1.00")
    async with bng.client.put("/api/v1/sales-orders/by-external-id/1", json=bad) as answer:
        assert answer.status == 422
    assert (await bng.webhooks())["pending"] == 0


async def test_a_webhook_that_was_not_accepted_comes_again_with_the_same_id(bng: Bng, receiver: Receiver) -> None:
    receiver.answers = [500, 302]
    await bng.call("/stock", SKU="TEE-S", Delta="1")
    tries = [await receiver.next() for _ in range(3)]
    assert len({headers["webhook-id"] for headers, _ in tries}) == 1
    assert len({json.dumps(body) for _, body in tries}) == 1
    await bng.until_pending(0)


async def test_a_webhook_not_yet_delivered_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    async with running_bng(tmp_path / "bng.sqlite", "http://127.0.0.1:9/") as bng:
        await bng.call("/stock", SKU="TEE-S", Delta="1")
        await bng.call("/webhooks", url=receiver.url, secret=SECRET)
        receiver.answers = [503]
        await bng.call("/stock", SKU="TEE-S", Delta="1")
        first, _ = await receiver.next()
    async with running_bng(tmp_path / "bng.sqlite", None):
        second, _ = await receiver.next()
    assert first["webhook-id"] == second["webhook-id"]


async def test_410_ends_the_subscription(bng: Bng, receiver: Receiver) -> None:
    receiver.answers = [410]
    await bng.call("/stock", SKU="TEE-S", Delta="1")
    await receiver.next()
    await bng.until_pending(0)
    assert not (await bng.webhooks())["subscriptions"][0]["active"]

    await bng.call("/stock", SKU="TEE-S", Delta="1")
    assert (await bng.webhooks())["pending"] == 0

    await bng.call("/webhooks", url=receiver.url, secret=SECRET)
    item = await bng.call("/stock", SKU="TEE-S", Delta="1")
    assert (await receiver.next_of("inventory_updated"))["Sequence"] == item["Sequence"]


async def test_what_happens_while_paused_is_never_announced(bng: Bng, receiver: Receiver) -> None:
    assert (await bng.call("/webhooks/pause"))["paused"]
    await bng.call("/stock", SKU="TEE-S", Delta="1")
    assert not (await bng.call("/webhooks/resume"))["paused"]
    item = await bng.call("/stock", SKU="TEE-S", Delta="1")
    assert (await receiver.next())[1]["data"]["Sequence"] == item["Sequence"] == 3


async def test_a_subscription_gets_only_its_types(bng: Bng, receiver: Receiver) -> None:
    await bng.call("/webhooks", url=receiver.url, secret=SECRET, types=["customer_updated"])
    await bng.call("/stock", SKU="TEE-S", Delta="1")
    await bng.put("customers/by-external-id/7", samples.customer())
    assert (await receiver.next())[1]["type"] == "customer_updated"


async def test_a_subscription_that_cannot_be_signed_is_refused(bng: Bng, receiver: Receiver) -> None:
    for secret in ("whsec_", "whsec_\u00e9"):
        async with bng.admin.post("/webhooks", json={"url": receiver.url, "secret": secret}) as answer:
            assert answer.status == 422
