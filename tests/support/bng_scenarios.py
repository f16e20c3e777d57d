"""Calls to the sandbox BNG that bring out every answer that its API has, held against its OpenAPI document."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

from .openapi import Described

DEADLINE_S = 5.0
NOT_JSON = "{"


class Bng:
    """A client that holds every answer, and every request that was accepted, against the document."""

    def __init__(self, described: Described, client: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
        self.described = described
        self.client = client
        self.admin = admin
        self._keys = iter(range(1_000_000))

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's body; `_` in the name of a header stands for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, str) else json.dumps(body)
        async with self.client.request(method, f"/api/v1/{path}", data=data, headers=sent) as answer:
            text = await answer.text()
            route = answer.url.path
        self.described.check_answer(method, route, answer.status, answer.headers, text)
        if answer.status < 300:
            self.described.check_body(method, route, body)
        return json.loads(text)

    async def create(self, resource: str, body: Any) -> Any:
        return await self.call("POST", resource, body, Idempotency_Key=self.key())

    def key(self) -> str:
        return f"key-{next(self._keys)}"

    async def tell(self, path: str, body: Any) -> Any:
        """On the admin side."""
        async with self.admin.post(path, json=body) as answer:
            assert answer.status in {200, 201}, await answer.text()
            return await answer.json()


@asynccontextmanager
async def running_bng(
    folder: Path, described: Described, api_key: str = Settings.api_key, **options: Any
) -> AsyncIterator[Bng]:
    async with (
        serving(Settings(folder / "bng.sqlite", **options)) as running,
        aiohttp.ClientSession(running.url, headers={"X-API-Key": api_key}) as client,
        aiohttp.ClientSession(running.admin_url) as admin,
    ):
        yield Bng(described, client, admin)


async def read_and_write_customers(bng: Bng) -> None:
    body = samples.customer(BillingAddress={"City": "Ulm"}, ExternalID="1")
    customer = await post_in_every_way(bng, "customers", body)
    path = f"customers/{customer['CustomerID']}"
    await read(bng, "customers", path)
    await patch_in_every_way(bng, path, {"Phone": "0731", "Version": 1})
    await bng.call("PATCH", path, {"ExternalID": (await bng.create("customers", {"ExternalID": "2"}))["ExternalID"]})
    await put_in_every_way(bng, "customers/by-external-id/3", samples.customer())


async def read_and_write_orders(bng: Bng) -> None:
    customer = await bng.create("customers", samples.customer())
    lines: tuple[samples.Line, ...] = (("MUG-WHITE", "2", "9.99"), ("TEE-S", "100000", "1"))
    body = samples.order(customer["CustomerID"], *lines, ExternalID="11", ShippingAddress={"Zip": "89073"})
    order = await post_in_every_way(bng, "sales-orders", body)
    path = f"sales-orders/{order['SalesOrderID']}"
    await read(bng, "sales-orders", path)
    await patch_in_every_way(bng, path, {"OrderStatus": 20, "Freight": "5"})
    other = await bng.create("sales-orders", samples.order(customer["CustomerID"], ExternalID="12"))
    await bng.call("PATCH", path, {"ExternalID": other["ExternalID"]})
    await put_in_every_way(bng, "sales-orders/by-external-id/13", samples.order(customer["CustomerID"]))
    unknown = samples.order("C-0")
    await bng.create("sales-orders", unknown)
    await bng.call("PATCH", path, {"CustomerID": "C-0"})
    await bng.call("PUT", "sales-orders/by-external-id/14", unknown)
    await bng.call("POST", "sales-orders/SO-0/cancel")
    await bng.call("POST", f"{path}/cancel", If_Match='"77"')
    await bng.call("POST", f"{path}/cancel")
    await bng.create("shipments", {"SalesOrderID": other["SalesOrderID"]})
    await bng.call("POST", f"sales-orders/{other['SalesOrderID']}/cancel")


async def read_and_write_products(bng: Bng) -> None:
    await put_in_every_way(bng, "products/by-sku/LAMP", {"Name": "Lamp", "ListPrice": "49", "ExternalID": "21"})
    lamp = (await bng.call("GET", "products?sku=LAMP"))["items"][0]
    path = f"products/{lamp['ProductID']}"
    await read(bng, "products", path)
    await patch_in_every_way(bng, path, {"Active": False, "Weight": "0.25"})
    await bng.call("PUT", "products/by-sku/BULB", {"ExternalID": "21"})
    await bng.call("PUT", "products/by-sku/BULB", {"ExternalID": "22"})
    await bng.call("PATCH", path, {"ExternalID": "22"})


async def read_and_write_shipments(bng: Bng) -> None:
    customer = await bng.create("customers", samples.customer())
    order = await bng.create("sales-orders", samples.order(customer["CustomerID"], ("MUG-WHITE", "9", "1")))
    line = {"LineNo": 1, "Quantity": "1"}
    body = {"SalesOrderID": order["SalesOrderID"], "ExternalID": "31", "TrackingNumbers": ["A"], "Lines": [line]}
    shipment = await post_in_every_way(bng, "shipments", body)
    await read(bng, "shipments", f"shipments/{shipment['ShipmentID']}")
    await bng.tell("/stock", {"SKU": "MUG-WHITE", "QuantityOnHand": "0"})
    await bng.create("shipments", {"SalesOrderID": order["SalesOrderID"]})


async def read_and_write_invoices(bng: Bng) -> Any:
    customer = await bng.create("customers", samples.customer())
    order = await bng.create("sales-orders", samples.order(customer["CustomerID"]))
    invoice = await post_in_every_way(bng, "invoices", samples.invoice(order["SalesOrderID"], ExternalID="41"))
    await read(bng, "invoices", f"invoices/{invoice['InvoiceID']}")
    await bng.create("invoices", samples.credit(invoice))
    return invoice


async def read_and_write_payments(bng: Bng, invoice: Any) -> None:
    body = samples.payment(invoice["InvoiceID"], "15.94", ExternalID="51")
    payment = await post_in_every_way(bng, "payments", body, again={"TransactionID": "t2"})
    await read(bng, "payments", f"payments/{payment['PaymentID']}")
    await bng.create("payments", samples.payment(None, "1", TransactionID="t3", CustomerID="C-0"))


async def read_and_write_gl_entries(bng: Bng) -> None:
    entry = await post_in_every_way(bng, "gl-entries", samples.gl_entry(ExternalID="61"))
    await read(bng, "gl-entries", f"gl-entries/{entry['GlEntryID']}")
    unbalanced = [{"Account": "1200", "Debit": "1"}, {"Account": "4000", "Credit": "1.01"}]
    await bng.create("gl-entries", samples.gl_entry(Lines=unbalanced))
    await bng.tell("/periods", {"Period": "2025-04"})
    await bng.create("gl-entries", samples.gl_entry(EntryDate="2025-04-30"))
    path = f"gl-entries/{entry['GlEntryID']}/reverse"
    await bng.create(path, {"EntryDate": "2025-04-30"})
    await bng.create(path, {"ExternalID": "61"})
    await bng.call("POST", path, {}, Idempotency_Key=bng.key(), If_Match='"77"')
    await bng.create("gl-entries/GL-0/reverse", {})
    await post_in_every_way(bng, path, {"ExternalID": "62"}, again={"ExternalID": "61"})


async def read_and_write_purchase_orders(bng: Bng) -> None:
    vendor = await post_in_every_way(bng, "vendors", {"Name": "Töpferei", "ExternalID": "71"})
    path = f"vendors/{vendor['VendorID']}"
    await read(bng, "vendors", path)
    await patch_in_every_way(bng, path, {"Terms": "NET30"})
    await bng.create("vendors", {"Name": "Weberei", "ExternalID": "72"})
    await bng.call("PATCH", path, {"ExternalID": "72"})
    body = samples.purchase_order(vendor["VendorID"], ExternalID="81")
    order = await post_in_every_way(bng, "purchase-orders", body)
    path = f"purchase-orders/{order['PurchaseOrderID']}"
    await read(bng, "purchase-orders", path)
    await patch_in_every_way(bng, path, {"ExpectedDate": "2025-04-01"})
    await bng.create("purchase-orders", body | {"ExternalID": "82"})
    await bng.call("PATCH", path, {"ExternalID": "82"})


async def read_inventory(bng: Bng) -> None:
    """Also of goods of which fewer were found than are promised."""
    item = (await bng.call("GET", "inventory-items?sku=MUG-WHITE&warehouse=MAIN"))["items"][0]
    assert item["QuantityAvailable"].startswith("-")
    await read(bng, "inventory-items", f"inventory-items/{item['InventoryItemID']}")


async def read(bng: Bng, resource: str, path: str) -> None:
    await bng.call("GET", f"{resource}?limit=1&updated_since=2025-01-01T00:00:00Z")
    await bng.call("GET", f"{resource}?limit=0")
    await bng.call("GET", path)
    await bng.call("GET", f"{resource}/0")


async def post_in_every_way(bng: Bng, resource: str, body: dict[str, Any], again: dict[str, Any] | None = None) -> Any:
    """The record made of the body, which needs an ExternalID; with `again` it would be another one but for that."""
    key = bng.key()
    created = await bng.call("POST", resource, body, Idempotency_Key=key)
    assert await bng.call("POST", resource, body, Idempotency_Key=key) == created
    await bng.call("POST", resource, {}, Idempotency_Key=key)
    await bng.call("POST", resource, body)
    await bng.create(resource, body | (again or {}))
    await bng.create(resource, NOT_JSON)
    await bng.create(resource, {"Unknown": 1})
    await post_twice_at_once(bng, resource)
    return created


async def post_twice_at_once(bng: Bng, resource: str) -> None:
    key = bng.key()
    await bng.tell("/faults", {"kind": "latency", "method": "POST", "path": resource, "seconds": 60})
    first = asyncio.create_task(bng.call("POST", resource, NOT_JSON, Idempotency_Key=key))
    async with asyncio.timeout(DEADLINE_S):
        hits = 0
        while not hits:
            async with bng.admin.get("/faults") as answer:
                hits = (await answer.json())[0]["hits"]
    await bng.call("POST", resource, NOT_JSON, Idempotency_Key=key)
    async with bng.admin.delete("/faults") as answer:
        assert answer.status == 200
    await first


async def patch_in_every_way(bng: Bng, path: str, changes: dict[str, Any]) -> None:
    await bng.call("PATCH", path, changes)
    await bng.call("PATCH", path, NOT_JSON)
    await bng.call("PATCH", path, {"Unknown": 1})
    await bng.call("PATCH", path, changes, If_Match='"77"')
    await bng.call("PATCH", f"{path.partition('/')[0]}/0", changes)


async def put_in_every_way(bng: Bng, path: str, body: dict[str, Any]) -> None:
    await bng.call("PUT", path, body, If_None_Match="*")
    await bng.call("PUT", path, {"ExternalID": body.get("ExternalID")})
    await bng.call("PUT", path, body, If_None_Match="*")
    await bng.call("PUT", path, NOT_JSON)
    await bng.call("PUT", path, {"Unknown": 1})


async def call_everything(bng: Bng) -> None:
    """Each operation under /api/v1 once, with nothing sensible to say."""
    for operation in bng.described.operations():
        method, path = operation.split()
        if path.startswith("/api/v1/"):
            await bng.call(method, path.removeprefix("/api/v1/").replace("{", "").replace("}", ""))
