"""The sandbox BNG's sales orders, the stock they hold, and shipments."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

ORDERS = "/api/v1/sales-orders"


@dataclass
class Bng:
    """A running BNG with one customer."""

    client: aiohttp.ClientSession
    admin: aiohttp.ClientSession
    customer_id: str

    async def put_order(self, external_id: str, *lines: samples.Line, **changes: Any) -> dict[str, Any]:
        status, order = await self.try_order(external_id, samples.order(self.customer_id, *lines, **changes))
        assert status in {200, 201}, order
        return order

    async def try_order(self, external_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return await read(self.client.put(f"{ORDERS}/by-external-id/{external_id}", json=body))

    async def get_order(self, order_id: str) -> dict[str, Any]:
        return (await read(self.client.get(f"{ORDERS}/{order_id}")))[1]

    async def cancel(self, order_id: str) -> tuple[int, dict[str, Any]]:
        return await read(self.client.post(f"{ORDERS}/{order_id}/cancel"))

    async def ship(self, order_id: str, **details: Any) -> tuple[int, dict[str, Any]]:
        return await read(self.admin.post("/ship", json={"SalesOrderID": order_id} | details))

    async def set_stock(self, sku: str, on_hand: int) -> None:
        status, answer = await read(self.admin.post("/stock", json={"SKU": sku, "QuantityOnHand": on_hand}))
        assert status == 200, answer

    async def stock(self, sku: str) -> tuple[str, str, str]:
        _, page = await read(self.client.get("/api/v1/inventory-items", params={"sku": sku}))
        (item,) = page["items"]
        return item["QuantityOnHand"], item["QuantityAllocated"], item["QuantityAvailable"]


async def read(call: Any) -> tuple[int, dict[str, Any]]:
    async with call as answer:
        return answer.status, await answer.json()


@pytest.fixture
async def bng(tmp_path: Path) -> AsyncIterator[Bng]:
    settings = Settings(tmp_path / "bng.sqlite")
    headers = {"X-API-Key": settings.api_key}
    async with (
        serving(settings) as running,
        aiohttp.ClientSession(running.url, headers=headers) as client,
        aiohttp.ClientSession(running.admin_url) as admin,
    ):
        _, customer = await read(client.put("/api/v1/customers/by-external-id/7", json=samples.customer()))
        yield Bng(client, admin, customer["CustomerID"])


async def test_a_new_order_is_pending_and_holds_its_stock(bng: Bng) -> None:
    order = await bng.put_order("1", ("MUG-WHITE", "3", "9.99"), ("SET-FIXED", "1", "96.55"))

    assert (order["SalesOrderID"], order["OrderStatus"]) == ("SO-100001", 10)
    assert order["AllocationStatus"] == "allocated"
    assert order["Lines"][0]["Warehouse"] == "MAIN"
    assert order["Lines"][0]["LineTotal"] == "29.97"
    assert await bng.stock("MUG-WHITE") == ("100000", "3", "99997")


async def test_each_change_of_stock_raises_the_sequence_by_one(bng: Bng) -> None:
    await bng.put_order("1", ("MUG-WHITE", "3", "9.99"), ("MUG-WHITE", "2", "9.99"))
    await bng.set_stock("MUG-WHITE", 7)
    _, book = await read(bng.admin.get("/book"))
    sequences = {item["SKU"]: item["Sequence"] for item in book["inventory_items"]}
    assert sequences["MUG-WHITE"] == 3
    assert sequences["TEE-S"] == 1
    assert book["stock_changes"] == 2


@pytest.mark.parametrize(
    ("on_hand", "status", "allocated"), [(5, "allocated", "5"), (3, "partial", "3"), (0, "backordered", "0")]
)
async def test_an_order_gets_as_much_stock_as_there_is(bng: Bng, on_hand: int, status: str, allocated: str) -> None:
    await bng.set_stock("MUG-WHITE", on_hand)
    order = await bng.put_order("1", ("MUG-WHITE", "5", "9.99"))
    assert order["AllocationStatus"] == status
    assert (await bng.stock("MUG-WHITE"))[1] == allocated


async def test_an_order_whose_lines_change_is_allocated_anew(bng: Bng) -> None:
    await bng.set_stock("MUG-WHITE", 5)
    await bng.put_order("1", ("MUG-WHITE", "5", "9.99"))
    order = await bng.put_order("1", ("MUG-WHITE", "2", "9.99"), ("TEE-S", "4", "24.95"))
    assert (order["Version"], order["AllocationStatus"]) == (2, "allocated")
    assert await bng.stock("MUG-WHITE") == ("5", "2", "3")
    assert await bng.stock("TEE-S") == ("100000", "4", "99996")

    order = await bng.put_order("1", ("MUG-WHITE", "6", "9.99"))
    assert order["AllocationStatus"] == "partial"
    assert await bng.stock("MUG-WHITE") == ("5", "5", "0")
    assert await bng.stock("TEE-S") == ("100000", "0", "100000")


async def test_a_cancelled_order_gives_its_stock_back_once(bng: Bng) -> None:
    order_id = (await bng.put_order("1", ("MUG-WHITE", "3", "9.99")))["SalesOrderID"]
    status, first = await bng.cancel(order_id)
    assert (status, first["OrderStatus"], first["AllocationStatus"]) == (200, 90, None)
    assert await bng.cancel(order_id) == (200, first)
    assert await bng.stock("MUG-WHITE") == ("100000", "0", "100000")


async def test_a_cancelled_order_does_not_come_back_to_life(bng: Bng) -> None:
    await bng.cancel((await bng.put_order("1"))["SalesOrderID"])
    status, problem = await bng.try_order("1", samples.order(bng.customer_id, OrderStatus=20))
    assert (status, problem["errors"][0]["pointer"]) == (422, "/OrderStatus")
    await bng.put_order("1", OrderStatus=90)


async def test_an_order_of_an_unknown_customer_is_refused(bng: Bng) -> None:
    status, problem = await bng.try_order("1", samples.order("C-9"))
    assert (status, problem["type"]) == (422, "urn:bng:problem:unknown-customer")
    assert problem["errors"][0]["pointer"] == "/CustomerID"


LINE = samples.order("")["Lines"][0]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"Total": "15.95"}, "/Total"),
        ({"Total": None}, "/Total"),
        ({"Lines": []}, "/Lines"),
        ({"Lines": [LINE | {"Quantity": "one"}]}, "/Lines/0/Quantity"),
        ({"Lines": [LINE | {"Quantity": "-1"}]}, "/Lines/0/Quantity"),
        ({"Lines": [LINE, LINE | {"LineTotal": "0"}]}, "/Lines/1/LineNo"),
        ({"OrderStatus": 11}, "/OrderStatus"),
        ({"OrderStatus": True}, "/OrderStatus"),
        ({"OrderDate": "2025-02-30"}, "/OrderDate"),
        ({"OrderDate": "20250201"}, "/OrderDate"),
        ({"Currency": "EURO"}, "/Currency"),
    ],
)
async def test_an_order_that_breaks_a_rule_leaves_no_trace(bng: Bng, changes: dict[str, Any], pointer: str) -> None:
    status, problem = await bng.try_order("1", samples.order(bng.customer_id, **changes))
    assert (status, problem["type"]) == (422, "urn:bng:problem:validation")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await bng.stock("MUG-WHITE") == ("100000", "0", "100000")


async def test_the_total_is_compared_to_the_cent_only(bng: Bng) -> None:
    await bng.put_order("1", ("NUT+M4", "7", "0.333"), Total="8.28")
    status, _ = await bng.try_order("2", samples.order(bng.customer_id, ("NUT+M4", "7", "0.333"), Total="8.29"))
    assert status == 422


async def test_a_patch_is_checked_against_the_whole_order(bng: Bng) -> None:
    order = await bng.put_order("1")
    url = f"{ORDERS}/{order['SalesOrderID']}"
    assert (await read(bng.client.patch(url, json={"Freight": "6.00"})))[0] == 422
    status, changed = await read(bng.client.patch(url, json={"Freight": "6.00", "Total": "16.94"}))
    assert (status, changed["Version"], changed["Lines"]) == (200, 2, order["Lines"])


async def test_shipping_everything_takes_the_stock_and_completes_the_order(bng: Bng) -> None:
    order = await bng.put_order("1", ("SET-FIXED", "1", "96.55"), ("MUG-WHITE", "2", "0"), ("ROUNDING", "1", "0.01"))
    status, shipment = await bng.ship(order["SalesOrderID"], Carrier="DHL", TrackingNumbers=["JD1", "JD2"])

    assert (status, shipment["ShipmentID"]) == (201, "SH-100001")
    assert (shipment["Carrier"], shipment["TrackingNumbers"]) == ("DHL", ["JD1", "JD2"])
    assert shipment["Lines"] == [
        {"LineNo": 1, "SKU": "SET-FIXED", "Quantity": "1"},
        {"LineNo": 2, "SKU": "MUG-WHITE", "Quantity": "2"},
    ]
    assert (await bng.get_order(order["SalesOrderID"]))["OrderStatus"] == 40
    assert await bng.stock("MUG-WHITE") == ("99998", "0", "99998")
    _, page = await read(bng.client.get("/api/v1/shipments", params={"sales_order_id": order["SalesOrderID"]}))
    assert page["items"] == [shipment]


async def test_an_order_shipped_in_parts_is_processing_until_the_last(bng: Bng) -> None:
    order_id = (await bng.put_order("1", ("MUG-WHITE", "3", "9.99"), ("TEE-S", "1", "24.95")))["SalesOrderID"]

    await bng.ship(order_id, Lines=[{"LineNo": 1, "Quantity": "2"}])
    assert (await bng.get_order(order_id))["OrderStatus"] == 20
    assert await bng.stock("MUG-WHITE") == ("99998", "1", "99997")

    _, rest = await bng.ship(order_id)
    assert [(line["LineNo"], line["Quantity"]) for line in rest["Lines"]] == [(1, "1"), (2, "1")]
    assert (await bng.get_order(order_id))["OrderStatus"] == 40

    status, problem = await bng.ship(order_id)
    assert (status, problem["type"]) == (422, "urn:bng:problem:validation")


async def test_no_more_is_shipped_than_is_open(bng: Bng) -> None:
    order_id = (await bng.put_order("1", ("MUG-WHITE", "3", "9.99")))["SalesOrderID"]
    for lines in (
        [{"LineNo": 1, "Quantity": "4"}],
        [{"LineNo": 1, "Quantity": "2"}, {"LineNo": 1, "Quantity": "2"}],
        [{"LineNo": 1, "Quantity": "0"}],
        [{"LineNo": 2, "Quantity": "1"}],
    ):
        status, problem = await bng.ship(order_id, Lines=lines)
        assert (status, problem["errors"][0]["pointer"]) == (422, "/Lines/0/Quantity")
    assert await bng.stock("MUG-WHITE") == ("100000", "3", "99997")


async def test_stock_promised_to_another_order_is_not_shipped(bng: Bng) -> None:
    await bng.set_stock("MUG-WHITE", 3)
    await bng.put_order("1", ("MUG-WHITE", "3", "9.99"))
    late = (await bng.put_order("2", ("MUG-WHITE", "1", "9.99")))["SalesOrderID"]

    status, problem = await bng.ship(late)
    assert (status, problem["type"]) == (422, "urn:bng:problem:insufficient-stock")

    await bng.set_stock("MUG-WHITE", 4)
    assert (await bng.ship(late))[0] == 201
    assert await bng.stock("MUG-WHITE") == ("3", "3", "0")


async def test_lines_that_were_shipped_cannot_be_taken_back(bng: Bng) -> None:
    order_id = (await bng.put_order("1", ("MUG-WHITE", "3", "9.99")))["SalesOrderID"]
    await bng.ship(order_id, Lines=[{"LineNo": 1, "Quantity": "2"}])
    status, _ = await bng.try_order("1", samples.order(bng.customer_id, ("MUG-WHITE", "1", "9.99")))
    assert status == 422
    assert (await bng.cancel(order_id))[1]["OrderStatus"] == 90
    assert await bng.stock("MUG-WHITE") == ("99998", "0", "99998")


async def test_a_shipment_can_be_posted_by_a_client(bng: Bng) -> None:
    order_id = (await bng.put_order("1"))["SalesOrderID"]
    body = {"SalesOrderID": order_id, "ExternalID": "s1", "Lines": [{"LineNo": 1, "Quantity": "1"}]}
    headers = {"Idempotency-Key": "k1"}
    first = await read(bng.client.post("/api/v1/shipments", json=body, headers=headers))
    assert first[0] == 201
    assert await read(bng.client.post("/api/v1/shipments", json=body, headers=headers)) == first
    assert await bng.stock("MUG-WHITE") == ("99999", "0", "99999")


async def test_the_operator_sets_a_status_and_stock_by_difference(bng: Bng) -> None:
    await bng.put_order("1")
    status, order = await read(bng.admin.post("/status", json={"ExternalID": "1", "OrderStatus": 30}))
    assert (status, order["OrderStatus"], order["UpdatedBy"]) == (200, 30, "operator")
    status, item = await read(bng.admin.post("/stock", json={"SKU": "TEE-S", "Delta": "-5"}))
    assert (status, item["QuantityOnHand"], item["Sequence"]) == (200, "99995", 2)
    assert (await read(bng.admin.post("/stock", json={"SKU": "TEE-S"})))[0] == 422


async def test_the_book_shows_everything(bng: Bng) -> None:
    order = await bng.put_order("1")
    _, shipment = await bng.ship(order["SalesOrderID"])
    _, book = await read(bng.admin.get("/book"))
    assert [customer["CustomerID"] for customer in book["customers"]] == [bng.customer_id]
    assert [each["Lines"] for each in book["sales_orders"]] == [order["Lines"]]
    assert book["shipments"] == [shipment]
    _, calls = await read(bng.admin.get("/calls"))
    assert calls["PUT /api/v1/sales-orders/by-external-id/{key}"] == 1
