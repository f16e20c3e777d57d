"""`bridgectl ledger` over both daemons: complete with equal sums, and what BNG then loses is missing, by name."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import register
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_shipment, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)
KINDS = ("simple", "mixed", "discount")


@pytest.mark.every_mode
def test_a_day_s_trade_is_complete_and_the_sums_are_equal(stage: Stage) -> None:
    customer_id = register(stage.api(), 100)
    orders = [stage.shop.checkout(kind, customer_id=customer_id) for kind in KINDS]
    for order in orders:
        wait_for_sales_order(stage, order)
    wait_for_shop_shipment(stage, stage.bng.ship(external_id(stage, orders[0]), ["LEDGER-1"]))
    wait_until_settled(stage)
    # What the shop lists it may show a moment later than BNG has it.
    answer = wait_until("a complete ledger", lambda: complete(stage), timeout_s=20)
    assert answer is not None
    assert counted(answer, "order") == (len(orders), len(orders))
    assert counted(answer, "customer") == (1, 1)
    assert counted(answer, "shipment") == (1, 1)
    total = sum((Decimal(order["grand_total"]) for order in orders), Decimal(0))
    assert totals(answer) == {"seen": total, "applied": total, "bng": total, "difference": Decimal(0)}
    assert sum(line["bng_totals_from"]["sweep"] for line in of_entity(answer, "order")) == len(orders)


def test_a_sales_order_that_bng_lost_is_missing_and_alarms(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    sales_order = wait_for_sales_order(stage, order)
    wait_until_settled(stage)
    stage.bng.delete("sales_orders", sales_order["SalesOrderID"])
    answer = fresh(stage)
    (found,) = [each for line in of_entity(answer, "order") for each in line["trouble"]]
    assert (answer["verdict"], found["what"], found["entity_id"]) == ("incomplete", "missing", str(order["order_id"]))
    assert found["command"] == f"bridgectl resync order {order['order_id']} --site {stage.site}"
    status = json.loads(stage.bridgectl("status", "--json"))
    assert [alert["key"] for alert in status["alerts"]] == ["sales-orders-gone"]


def complete(stage: Stage) -> JsonObject | None:
    answer = fresh(stage)
    return answer if answer["verdict"] == "complete" else None


def fresh(stage: Stage) -> JsonObject:
    """Of yesterday and today: midnight may pass during the test."""
    answer: JsonObject = json.loads(stage.bridgectl("ledger", "--fresh", "--days", "2", "--json"))
    return answer


def of_entity(answer: JsonObject, entity: str) -> Iterator[JsonObject]:
    return (line for line in answer["lines"] if line["entity"] == entity)


def counted(answer: JsonObject, entity: str) -> tuple[int, int]:
    """(seen, applied)"""
    lines = list(of_entity(answer, entity))
    return sum(line["seen"] for line in lines), sum(line["applied"] for line in lines)


def totals(answer: JsonObject) -> dict[str, Decimal]:
    sums = [each for line in of_entity(answer, "order") for each in line["sums"]]
    names = ("seen", "applied", "bng", "difference")
    return {name: sum((Decimal(each[name]) for each in sums), Decimal(0)) for name in names}


def external_id(stage: Stage, order: JsonObject) -> str:
    return f"{stage.site}-{order['order_id']}"
