"""Orders reach BNG, shipments and stock reach the shop: both daemons as processes, nothing in the way."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPConnection

import pytest
from standardwebhooks import Webhook

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.book import shop_shipments
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import KINDS, register
from bridge_sandbox.watch import (
    compare_books,
    wait_for_sales_order,
    wait_for_shop_shipment,
    wait_for_shop_stock,
    wait_until_settled,
)

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)


@pytest.mark.every_mode
@pytest.mark.parametrize("kind", KINDS)
def test_an_order_of_each_kind_crosses_to_the_cent(stage: Stage, kind: str) -> None:
    order = stage.shop.checkout(kind)
    sales_order = wait_for_sales_order(stage, order)
    assert Decimal(sales_order["Total"]) == Decimal(order["grand_total"])


@pytest.mark.every_mode
def test_a_registered_customer_is_one_customer_for_two_orders(stage: Stage) -> None:
    customer_id = register(stage.api(), 100)
    orders = [stage.shop.checkout("simple", customer_id=customer_id) for _ in range(2)]
    found = {wait_for_sales_order(stage, order)["CustomerID"] for order in orders}
    customers = [each for each in stage.bng.book()["customers"] if each["Email"] == "buyer100@example.com"]
    assert found == {each["CustomerID"] for each in customers}
    assert len(found) == 1


@pytest.mark.every_mode
def test_a_shipment_in_two_parts_reaches_the_shop_with_its_tracking_numbers(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    line = wait_for_sales_order(stage, order)["Lines"][0]
    part = stage.bng.ship(external_id(stage, order), ["PART-1"], [{"LineNo": line["LineNo"], "Quantity": "1"}])
    assert shipped(wait_for_shop_shipment(stage, part)) == 1
    rest = stage.bng.ship(external_id(stage, order), ["REST-1", "REST-2"])
    assert shipped(wait_for_shop_shipment(stage, rest)) == 1
    (shown,) = [each for each in stage.shop.book()["orders"] if each["entity_id"] == order["order_id"]]
    assert [item["qty_shipped"] for item in shown["items"]] == [2]


@pytest.mark.parametrize("kind", ["configurable", "bundle_fixed", "bundle_dynamic", "mixed"])
def test_a_whole_order_of_composed_goods_ships(stage: Stage, kind: str) -> None:
    order = stage.shop.checkout(kind)
    wait_for_sales_order(stage, order)
    wait_for_shop_shipment(stage, stage.bng.ship(external_id(stage, order), [f"ALL-{kind}"]))
    api_order = stage.api().get(f"/rest/V1/orders/{order['order_id']}")
    left = [item for item in api_order["items"] if item["qty_ordered"] > item["qty_shipped"] and is_boxed(item)]
    assert left == []


@pytest.mark.every_mode
def test_stock_reaches_the_shop_and_the_last_word_holds(stage: Stage) -> None:
    for on_hand in (60_001, 60_002, 60_003):
        stage.bng.set_stock("POT 12CM", WAREHOUSE, on_hand)
    wait_for_shop_stock(stage, "POT 12CM", 60_003)
    wait_until_settled(stage)


def test_a_webhook_delivered_twice_ships_once(stage: Stage) -> None:
    order = stage.shop.checkout("discount")
    wait_for_sales_order(stage, order)
    stage.bng.pause_webhooks()
    shipment = stage.bng.ship(external_id(stage, order), ["TWICE"])
    stage.bng.resume_webhooks()
    body = shipment_created(shipment)
    assert [deliver(stage, "msg_twice", body), deliver(stage, "msg_twice", body)] == [204, 204]
    wait_for_shop_shipment(stage, shipment)
    wait_until_settled(stage)
    assert len(shop_shipments(stage.shop.book())[shipment["ShipmentID"]]) == 1


def test_a_webhook_with_a_wrong_signature_is_refused(stage: Stage) -> None:
    assert deliver(stage, "msg_forged", "{}", secret="whsec_" + "A" * 32) == 401


def test_webhooks_that_come_twice_swapped_late_or_forged_change_nothing(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    wait_for_sales_order(stage, order)
    stage.bng.webhook_faults(duplicate=True, reorder=True, late_s=0.1, forged=2, stale=2)
    try:
        shipment = stage.bng.ship(external_id(stage, order), ["WRONG"])
        stage.bng.set_stock("NUT+M4", WAREHOUSE, 60_004)
        wait_for_shop_shipment(stage, shipment)
        wait_for_shop_stock(stage, "NUT+M4", 60_004)
        wait_until_settled(stage)
        done = stage.bng.webhook_faults()["done"]
    finally:
        stage.bng.clear_webhook_faults()
    assert (done["forged"], done["forged_accepted"], done["stale"], done["stale_accepted"]) == (2, 0, 2, 0)
    assert done["duplicated"] > 0
    assert done["reordered"] > 0


def test_the_poll_finds_a_shipment_that_no_webhook_told(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    wait_for_sales_order(stage, order)
    stage.bng.pause_webhooks()
    try:
        shipment = stage.bng.ship(external_id(stage, order), ["UNTOLD"])
        wait_for_shop_shipment(stage, shipment)
    finally:
        stage.bng.resume_webhooks()
    wait_until_settled(stage)


@pytest.mark.every_mode
def test_what_the_bridge_reports_agrees(stage: Stage) -> None:
    wait_until_settled(stage)
    assert compare_books(stage).sales_orders > 0
    status = wait_until("a healthy verdict", lambda: healthy(stage), timeout_s=10)
    assert status is not None
    assert [site["dead"] for site in status["sites"]] == [0]


def test_a_set_that_leaves_in_pieces_is_shown_with_the_tracking_numbers_of_all_of_them(stage: Stage) -> None:
    """The last test: the first piece is looked at again only after half a minute, and nothing may settle before."""
    order = stage.shop.checkout(lines=[{"sku": "SET-FIXED", "qty": 1}])
    lines = wait_for_sales_order(stage, order)["Lines"]
    (mugs,) = [line["LineNo"] for line in lines if line["SKU"] == "MUG-WHITE"]
    first = stage.bng.ship(external_id(stage, order), ["MUGS"], [{"LineNo": mugs, "Quantity": "2"}])
    rest = stage.bng.ship(external_id(stage, order), ["REST"])
    assert wait_for_shop_shipment(stage, rest) == wait_for_shop_shipment(stage, first)


def healthy(stage: Stage) -> JsonObject | None:
    status: JsonObject = json.loads(stage.bridgectl("status", "--json"))
    return status if status["verdict"] == "healthy" else None


def external_id(stage: Stage, order: JsonObject) -> str:
    return f"{stage.site}-{order['order_id']}"


def shipped(shipment: JsonObject) -> Decimal:
    return sum((Decimal(item["qty"]) for item in shipment["items"]), Decimal(0))


def is_boxed(item: JsonObject) -> bool:
    """A row whose own quantity is shipped: not a configurable's child, nor a part of a kit that ships as one."""
    return item.get("parent_item_id") is None and item["product_type"] != "bundle"


def shipment_created(shipment: JsonObject) -> str:
    data = {"ShipmentID": shipment["ShipmentID"], "SalesOrderID": shipment["SalesOrderID"], "Version": 1}
    return json.dumps({"type": "shipment_created", "timestamp": datetime.now(UTC).isoformat(), "data": data})


def deliver(stage: Stage, message_id: str, body: str, secret: str | None = None) -> int:
    """The status of the bridge's answer to a webhook as BNG would send it."""
    now = datetime.now(UTC)
    signature = Webhook(secret or stage.webhook_secret()).sign(message_id, now, body)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
    connection = HTTPConnection("127.0.0.1", stage.endpoints.webhook_port, timeout=10)
    try:
        connection.request("POST", "/webhooks/bng", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
