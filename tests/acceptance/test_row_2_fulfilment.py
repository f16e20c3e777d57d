"""Row 2, fulfilment: what either side ships, in parts and with several tracks, the other shows once."""

from decimal import Decimal

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)


def test_what_the_shop_s_admin_ships_in_parts_is_at_bng_once_and_does_not_come_back(stage: Stage) -> None:
    stage.bridgectl("flow", "on", "shop-shipment-to-shipment", "--site", stage.site)
    order = stage.shop.checkout("simple")
    sales_order = wait_for_sales_order(stage, order)
    item_id = row_of(stage, order)["item_id"]
    for number in ("A1", "A2"):
        stage.shop.ship(
            order["order_id"], items=[{"order_item_id": item_id, "qty": 1}],
            tracks=[{"track_number": number, "title": "DHL", "carrier_code": "dhl"}],
        )  # fmt: skip
    wait_until("both at BNG", lambda: len(at_bng(stage, sales_order)) == 2, timeout_s=30)
    wait_until("nothing to be under way", stage.is_idle, timeout_s=30)
    found = at_bng(stage, sales_order)
    assert sorted(each["TrackingNumbers"] for each in found) == [["A1"], ["A2"]]
    assert [Decimal(line["Quantity"]) for each in found for line in each["Lines"]] == [1, 1]
    assert len(in_shop(stage, order)) == 2


def test_what_bng_ships_in_parts_with_several_tracks_is_in_the_shop_and_virtual_goods_are_not(stage: Stage) -> None:
    order = stage.shop.checkout("part_virtual")
    sales_order = wait_for_sales_order(stage, order)
    stage.bng.ship(sales_order["ExternalID"], ["B1", "B2"])
    wait_until("the shop to have it", lambda: in_shop(stage, order), timeout_s=30)
    wait_until("nothing to be under way", stage.is_idle, timeout_s=30)
    (made,) = in_shop(stage, order)
    assert sorted(track["track_number"] for track in made["tracks"]) == ["B1", "B2"]
    document = stage.api().call("GET", f"/rest/V1/orders/{order['order_id']}")
    shipped = {item["sku"]: (item["is_virtual"], Decimal(str(item["qty_shipped"]))) for item in document["items"]}
    assert all(bool(quantity) != bool(is_virtual) for is_virtual, quantity in shipped.values()), shipped
    assert {bool(is_virtual) for is_virtual, _ in shipped.values()} == {True, False}


def row_of(stage: Stage, order: JsonObject) -> JsonObject:
    row: JsonObject = stage.api().call("GET", f"/rest/V1/orders/{order['order_id']}")["items"][0]
    return row


def at_bng(stage: Stage, sales_order: JsonObject) -> list[JsonObject]:
    return [e for e in stage.bng.book()["shipments"] if e["SalesOrderID"] == sales_order["SalesOrderID"]]


def in_shop(stage: Stage, order: JsonObject) -> list[JsonObject]:
    return [each for each in stage.shop.book()["shipments"] if each["order_id"] == order["order_id"]]
