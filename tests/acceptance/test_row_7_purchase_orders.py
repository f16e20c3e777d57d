"""Row 7, vendors and purchase orders: what comes in raises the shop's stock, and what open orders want is told."""

import json
from typing import Any

import pytest

from bridge_sandbox.bng import samples
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_stock, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)
SKU = "LAMP/DESK 1"


def test_a_receipt_raises_the_shop_s_stock_and_covers_its_open_orders(stage: Stage) -> None:
    order = stage.shop.checkout(lines=[{"sku": SKU, "qty": 5}])
    wait_for_sales_order(stage, order)
    stage.bng.set_stock(SKU, WAREHOUSE, 2)
    wait_for_shop_stock(stage, SKU, 2)
    wait_until("the bridge to know the order", stage.is_idle, timeout_s=20)
    assert demand(stage, SKU) == ("short", "5", "2", "3")

    vendor = stage.bng.create("vendors", Name="Lamps & Sons", Terms="NET30")
    bought = samples.purchase_order(
        vendor["VendorID"], (SKU, "4", "60.00"), ExternalID="PO-LAMPS", ExpectedDate="2026-12-09"
    )
    stage.bng.create("purchase_orders", **bought)
    assert demand(stage, SKU) == ("expected", "5", "2", "0")

    stage.bng.receive("PO-LAMPS", [{"LineNo": 1, "Quantity": "1"}])
    wait_for_shop_stock(stage, SKU, 3)
    assert demand(stage, SKU) == ("expected", "5", "3", "0")
    stage.bng.receive("PO-LAMPS")
    wait_for_shop_stock(stage, SKU, 6)
    assert demand(stage, SKU) == ("covered", "5", "6", "0")

    stage.bng.ship(f"{stage.site}-{order['order_id']}", ["LAMPS"])
    wait_for_shop_stock(stage, SKU, 1)
    wait_until_settled(stage)
    assert demand(stage, SKU) is None


def demand(stage: Stage, sku: str) -> tuple[Any, ...] | None:
    """Verdict, ordered, on hand and short; None where nothing is wanted."""
    lines = json.loads(stage.bridgectl("report", "demand", "--json"))["lines"]
    found = [line for line in lines if line["sku"] == sku]
    return tuple(found[0][name] for name in ("verdict", "ordered", "on_hand", "short")) if found else None
