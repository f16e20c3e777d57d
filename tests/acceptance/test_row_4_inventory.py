"""Row 4, inventory: no oversell, and a shop without sources.

Buyers are at it while BNG receives goods and ships: what is there is sold, and no piece more. They take turns at the till:
that two of them at the same moment are both told yes is Magento's own race, and not what is shown here.
"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from bridge_sandbox.admin import CallFailed, JsonObject
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_shop_stock

pytestmark = pytest.mark.acceptance
PLANS = {
    policy: Plan(poll_interval_s=1.0, site_options={"stock_policy": policy}) for policy in ("physical", "compensate")
}
WITHOUT_SOURCES = Plan(poll_interval_s=1.0, without_sources=("shop1",))
SKU = "TEE-S"
OPENING, RECEIPTS, RECEIVED = 5, 2, 4
THERE = OPENING + RECEIPTS * RECEIVED
BUYERS = 3
ADDED_TWICE = "physical: amount(inventory_item.QuantityOnHand) + not_shipped_in_shop"
SETTLED_S = 45.0


def test_all_that_is_there_is_sold_and_not_a_piece_more(stage: Stage) -> None:
    assert sell_out(stage) == THERE
    assert {order["AllocationStatus"] for order in sales_orders(stage)} == {"allocated"}
    assert salable(stage) == available(stage) == 0


@pytest.mark.parametrize(
    # A plan of its own, so that the wrong mapping is in no other test's stage.
    "stage",
    [replace(PLANS["physical"])],
    ids=["open orders added to what contains them"],
    indirect=True,
    scope="module",
)
def test_a_wrong_sum_is_found_out(stage: Stage) -> None:
    """As it would be with `compensate` in the mapping of an ERP whose quantity still contains the open orders."""
    shipped = Path(__file__).parents[2] / "packaging" / "mappings" / "inventory-item-to-source-item.yaml"
    text = shipped.read_text(encoding="utf-8")
    assert ADDED_TWICE in text
    wrong = text.replace(ADDED_TWICE, f"{ADDED_TWICE} + amount(inventory_item.QuantityAllocated)")
    (stage.mappings_dir / shipped.name).write_text(wrong, encoding="utf-8")
    stage.bridgectl("map", "reload")
    assert sell_out(stage) > THERE


@pytest.mark.parametrize("stage", [WITHOUT_SOURCES], ids=["without sources"], indirect=True, scope="module")
def test_a_shop_without_sources_gets_its_stock_and_what_somebody_changes_there_is_mended(stage: Stage) -> None:
    """Through the agent, whose allow-list must have the old stock API."""
    stage.bng.set_stock(SKU, WAREHOUSE, 40)
    wait_for_shop_stock(stage, SKU, 40)
    stage.shop.checkout(lines=[{"sku": SKU, "qty": 3}])
    wait_for_shop_stock(stage, SKU, 37)
    settle(stage)
    body = {"stockItem": {"qty": 90, "is_in_stock": True}}
    stage.api().call("PUT", f"/rest/V1/products/{SKU}/stockItems/1", body)
    found = json.loads(stage.bridgectl("stock", "compare", "--json"))["shop1"]
    told = {each["sku"]: (each["expected"], each["shop"], each["why"]) for each in found["differences"]}
    assert told[SKU] == ("37", "90", "unexplained")
    wait_for_shop_stock(stage, SKU, 37)


def sell_out(stage: Stage) -> int:
    """Until the shop sells no more, or more than there is, and nothing is under way; how many were sold."""
    before = placed(stage)
    stage.bng.set_stock(SKU, WAREHOUSE, OPENING)
    wait_for_shop_stock(stage, SKU, OPENING)
    till, closing = threading.Lock(), threading.Event()
    with ThreadPoolExecutor() as pool:
        buyers = [pool.submit(go_on_buying, stage, till, closing) for _ in range(BUYERS)]
        try:
            run_warehouse(stage, before)
        finally:
            closing.set()
        for each in buyers:
            each.result()
    buy_the_rest(stage, till, before)
    ship_all(stage)
    buy_the_rest(stage, till, before)
    return placed(stage) - before


def buy_the_rest(stage: Stage, till: threading.Lock, before: int) -> None:
    settle(stage)
    while placed(stage) - before <= THERE and buy(stage, till):
        settle(stage)


def settle(stage: Stage) -> None:
    wait_until("nothing to be under way", lambda: is_settled(stage), timeout_s=SETTLED_S, poll_s=0.2)


def run_warehouse(stage: Stage, before: int) -> None:
    """Goods come in, and what was ordered leaves, one after the other."""
    for receipt in range(1, RECEIPTS + 1):
        wait_until("an order", partial(has_orders, stage, before + receipt), timeout_s=SETTLED_S)
        stage.bng.set_stock(SKU, WAREHOUSE, int(on_hand(stage)) + RECEIVED)
        ship_all(stage)


def has_orders(stage: Stage, number: int) -> bool:
    return len(sales_orders(stage)) >= number


def ship_all(stage: Stage) -> None:
    """What BNG has promised; it ships what it has."""
    shipped = {each["SalesOrderID"] for each in stage.bng.book()["shipments"]}
    for order in sales_orders(stage):
        if order["AllocationStatus"] == "allocated" and order["SalesOrderID"] not in shipped:
            stage.bng.ship(order["ExternalID"], [f"ROW4-{order['SalesOrderID']}"])


def go_on_buying(stage: Stage, till: threading.Lock, closing: threading.Event) -> None:
    """One piece after the other; at the end until there is none."""
    while buy(stage, till) or not closing.wait(0.1):
        pass


def buy(stage: Stage, till: threading.Lock) -> bool:
    """Whether there was a piece left."""
    with till:
        try:
            stage.shop.checkout(lines=[{"sku": SKU, "qty": 1}])
        except CallFailed as refused:
            if "available" not in refused.body:
                raise
            return False
        return True


def is_settled(stage: Stage) -> bool:
    """All orders are at BNG, all its shipments in the shop, and the bridge has nothing to do."""
    shop, bng = stage.shop.book(), stage.bng.book()
    has_all = len(shop["orders"]) == len(bng["sales_orders"]) and len(shop["shipments"]) == len(bng["shipments"])
    return has_all and stage.is_idle()


def placed(stage: Stage) -> int:
    """Orders, each of one piece."""
    return len(stage.shop.book()["orders"])


def sales_orders(stage: Stage) -> list[JsonObject]:
    found: list[JsonObject] = stage.bng.book()["sales_orders"]
    return found


def salable(stage: Stage) -> Decimal:
    return Decimal(str(stage.api().get(f"/rest/V1/inventory/get-product-salable-quantity/{SKU}/1")))


def on_hand(stage: Stage) -> Decimal:
    return Decimal(item(stage)["QuantityOnHand"])


def available(stage: Stage) -> Decimal:
    return Decimal(item(stage)["QuantityAvailable"])


def item(stage: Stage) -> JsonObject:
    items: list[JsonObject] = stage.bng.book()["inventory_items"]
    (found,) = [each for each in items if (each["SKU"], each["Warehouse"]) == (SKU, WAREHOUSE)]
    return found
