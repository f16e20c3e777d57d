"""The sandbox BNG's vendors and purchase orders, and what comes in by them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bng_office import Json, Office, running_office

from bridge_sandbox.bng import samples

VALIDATION = "urn:bng:problem:validation"


@pytest.fixture
async def bng(tmp_path: Path) -> AsyncIterator[Office]:
    async with running_office(tmp_path) as office:
        yield office


async def ordered(bng: Office, *lines: samples.Line) -> Json:
    vendor = await bng.post("vendors", {"Name": "Töpferei"})
    return await bng.post("purchase-orders", samples.purchase_order(vendor["VendorID"], *lines, ExternalID="b1"))


async def stock(bng: Office, sku: str) -> tuple[str, int]:
    (item,) = await bng.listed("inventory-items", sku=sku)
    return item["QuantityOnHand"], item["Sequence"]


async def patched(bng: Office, path: str, **changes: Any) -> tuple[int, Json]:
    async with bng.client.patch(f"/api/v1/{path}", json=changes) as answer:
        return answer.status, await answer.json()


async def test_a_vendor_is_made_and_changed(bng: Office) -> None:
    vendor = await bng.post("vendors", {"Name": "Töpferei", "Email": "ton@example.com", "ExternalID": "v1"})
    assert (vendor["VendorID"], vendor["Terms"]) == ("V-100001", None)
    status, changed = await patched(bng, f"vendors/{vendor['VendorID']}", Terms="NET30")
    assert (status, changed["Terms"], changed["Version"]) == (200, "NET30", 2)
    assert await bng.listed("vendors", external_id="v1") == [changed]
    assert await bng.refused("vendors", {}) == (422, VALIDATION, "/Name")


async def test_a_new_purchase_order_is_open(bng: Office) -> None:
    order = await ordered(bng, ("MUG-WHITE", "10", "3.50"))
    assert (order["PurchaseOrderID"], order["Status"]) == ("PO-100001", "open")
    assert [(line["ReceivedQuantity"], line["Warehouse"]) for line in order["Lines"]] == [("0", "MAIN")]
    assert await bng.get("purchase-orders", order["PurchaseOrderID"]) == order


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"VendorID": "V-9"}, "/VendorID"),
        ({"Lines": []}, "/Lines"),
        ({"Lines": [{"LineNo": 1, "SKU": "A", "Quantity": "1"}] * 2}, "/Lines/1/LineNo"),
    ],
)
async def test_a_purchase_order_that_breaks_a_rule_is_refused(
    bng: Office, changes: dict[str, Any], pointer: str
) -> None:
    vendor = await bng.post("vendors", {"Name": "Töpferei"})
    body = samples.purchase_order(vendor["VendorID"], **changes)
    assert await bng.refused("purchase-orders", body) == (422, VALIDATION, pointer)


async def test_what_comes_in_raises_the_stock_and_its_sequence(bng: Office) -> None:
    order = await ordered(bng, ("MUG-WHITE", "10", "3.50"), ("TEE-S", "4", "9"))
    (on_hand, sequence), untouched = await stock(bng, "MUG-WHITE"), await stock(bng, "TEE-S")
    part = await bng.tell("/receive", ExternalID="b1", Lines=[{"LineNo": 1, "Quantity": "3"}])
    assert (part["Status"], [line["ReceivedQuantity"] for line in part["Lines"]]) == ("partial", ["3", "0"])
    assert await stock(bng, "MUG-WHITE") == (str(int(on_hand) + 3), sequence + 1)
    assert await stock(bng, "TEE-S") == untouched

    lines = [{"LineNo": 1, "Quantity": "7"}, {"LineNo": 2, "Quantity": "1"}]
    await bng.tell("/receive", PurchaseOrderID=order["PurchaseOrderID"], Lines=lines)
    rest = await bng.tell("/receive", PurchaseOrderID=order["PurchaseOrderID"])
    assert (rest["Status"], [line["ReceivedQuantity"] for line in rest["Lines"]]) == ("received", ["10", "4"])
    assert await stock(bng, "MUG-WHITE") == (str(int(on_hand) + 10), sequence + 2)
    async with bng.admin.post("/receive", json={"ExternalID": "b1"}) as answer:
        assert answer.status == 422


async def test_goods_that_never_lay_there_get_a_stock(bng: Office) -> None:
    await ordered(bng, ("VASE", "2", "1"))
    await bng.tell("/receive", ExternalID="b1")
    assert await stock(bng, "VASE") == ("2", 2)


async def test_no_more_comes_in_than_is_open(bng: Office) -> None:
    await ordered(bng, ("MUG-WHITE", "10", "3.50"))
    before = await stock(bng, "MUG-WHITE")
    for number, quantity in ((1, "11"), (2, "1")):
        lines = [{"LineNo": number, "Quantity": quantity}]
        async with bng.admin.post("/receive", json={"ExternalID": "b1", "Lines": lines}) as answer:
            assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, "/Lines/0/Quantity")
    assert await stock(bng, "MUG-WHITE") == before


async def test_a_change_of_the_lines_keeps_what_has_come(bng: Office) -> None:
    order = await ordered(bng, ("MUG-WHITE", "10", "3.50"))
    path = f"purchase-orders/{order['PurchaseOrderID']}"
    await bng.tell("/receive", ExternalID="b1", Lines=[{"LineNo": 1, "Quantity": "3"}])
    line = {"LineNo": 1, "SKU": "MUG-WHITE", "Quantity": "3", "ReceivedQuantity": "0"}
    status, problem = await patched(bng, path, Lines=[line | {"Quantity": "2"}])
    assert (status, problem["errors"][0]["pointer"]) == (422, "/Lines")
    _, changed = await patched(bng, path, Lines=[line])
    assert (changed["Status"], changed["Lines"][0]["ReceivedQuantity"]) == ("received", "3")
    _, changed = await patched(bng, path, ExpectedDate="2025-04-01", Status="open")
    assert (changed["Status"], changed["ExpectedDate"]) == ("received", "2025-04-01")
