"""Row 1, orders: every kind that the sandbox shop sells, read at BNG with lines and totals; and which go out when."""

import json
from decimal import Decimal
from typing import Any

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.bng.lines import wrong_total
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order

pytestmark = pytest.mark.acceptance

EAST, WEST = "2", "3"
"""The stores that a test opens, by their ids: between them it is never the same day."""

PLAN = Plan(
    poll_interval_s=1.0,
    more={
        f"sites.shop1.stores.{EAST}": {"time_zone": "Pacific/Kiritimati", "website": "islands"},
        f"sites.shop1.stores.{WEST}": {"time_zone": "Pacific/Pago_Pago", "website": "islands"},
        "sites.shop1.export.unpaid-cards": {
            "action": "hold",
            "methods": ["card"],
            "states": ["new", "pending_payment"],
        },
    },
)
KINDS = ("virtual", "part_virtual", "grouped", "options", "twice", "decimal", "mixed")
CARD = {"name": "gift_cards_amount", "amount": "2.50", "takes_off": True}
BALANCE = {"name": "customer_balance_amount", "amount": "1.25", "takes_off": True, "in_header": True}
LINES = {
    "virtual": ["WARRANTY-2Y"], "part_virtual": ["LAMP/DESK 1", "WARRANTY-2Y"], "options": ["MUG-WHITE-ENG", "MUG-WHITE"],
    "twice": ["LAMP/DESK 1", "LAMP/DESK 1"],
}  # fmt: skip


@pytest.mark.every_mode
def test_every_kind_of_order_is_at_bng_to_the_cent(stage: Stage) -> None:
    """Net and gross, in two currencies, with and without coupons on the freight, with a gift card and store credit."""
    stage.shop.open_store("east", gross_prices=True, taxed_freight=True, currency="CHF", rate="0.9371")
    stage.shop.open_store("west", website="other", taxed_freight=True)
    placed = [
        *((stage.shop.checkout(kind), kind) for kind in KINDS),
        *((stage.shop.checkout(kind, store="east", coupon="TEN-ALL", extras=[CARD, BALANCE]), kind) for kind in KINDS),
        (stage.shop.checkout("simple", store="west", coupon="GRATIS", payment="free"), "simple"),
    ]
    found = [
        (wait_for_sales_order(stage, each), stage.api().get(f"/rest/V1/orders/{each['order_id']}"), kind)
        for each, kind in placed
    ]
    for sales_order, order, kind in found:
        agrees(sales_order, order)
        goods = [line["SKU"] for line in sales_order["Lines"] if line["ExternalLineID"][:1].isdigit()]
        assert goods == LINES.get(kind, goods)
    abroad = [sales_order for sales_order, order, _ in found if str(order["store_id"]) == EAST]
    assert {(each["Currency"], each["BaseCurrency"], each["ExchangeRate"]) for each in abroad} == {
        ("CHF", "EUR", "0.9371")
    }
    assert all({"GIFT-CARD", "STORE-CREDIT"} <= {line["SKU"] for line in each["Lines"]} for each in abroad)
    free, _, _ = found[-1]
    assert Decimal(free["Total"]) == 0
    assert free["OrderDate"] < abroad[0]["OrderDate"]


def agrees(sales_order: JsonObject, order: JsonObject) -> None:
    """What BNG has is what the shop says, and adds up both ways."""
    lines, name = sales_order["Lines"], order["increment_id"]

    def added(field: str) -> Decimal:
        return sum((Decimal(line[field]) for line in lines), Decimal(0))

    assert wrong_total(sales_order) == [], name
    assert Decimal(sales_order["Total"]) == cents(order["grand_total"]), name
    assert Decimal(sales_order["BaseTotal"]) == cents(order["base_grand_total"]), name
    assert Decimal(sales_order["TaxTotal"]) == cents(order["tax_amount"]), name
    assert added("Tax") + Decimal(sales_order["FreightTax"]) == Decimal(sales_order["TaxTotal"]), name
    net = added("LineTotal") - added("Tax") + added("Discount") + Decimal(sales_order["Freight"])
    assert net - Decimal(sales_order["DiscountTotal"]) + Decimal(sales_order["TaxTotal"]) == Decimal(
        sales_order["Total"]
    ), name


def cents(amount: Any) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"), "ROUND_HALF_UP")


def test_an_order_that_is_not_paid_waits_on_a_list_of_its_own_until_it_is(stage: Stage) -> None:
    order = stage.shop.checkout("simple", payment="card")
    later = stage.shop.checkout("simple")
    wait_for_sales_order(stage, later)
    (held,) = wait_until("the order to be held", lambda: waiting(stage), timeout_s=10) or []
    assert (held["rule"], held["increment_id"]) == ("unpaid-cards", order["increment_id"])
    assert "shop1 rule unpaid-cards: 1 wait, the longest since" in stage.bridgectl("queue", "--policy")
    # What is held is in no backlog: nothing is under way, and it waits all the same.
    wait_until("nothing to be under way", stage.is_idle, timeout_s=20)
    status = json.loads(stage.bridgectl("status", "--json"))
    assert (status["bridge"]["held_by_policy"], status["bridge"]["inbox_pending"]) == (1, 0)
    stage.shop.invoice(order["order_id"], capture="online")
    assert wait_for_sales_order(stage, order)["OrderStatus"] == 20
    wait_until("nothing to be held", lambda: not waiting(stage), timeout_s=10)


def waiting(stage: Stage) -> list[JsonObject]:
    found: list[JsonObject] = json.loads(stage.bridgectl("queue", "--policy", "--json"))["held"]
    return found


def test_an_edited_order_takes_the_place_of_the_one_that_bng_had(stage: Stage) -> None:
    first = stage.shop.checkout("simple")
    wait_for_sales_order(stage, first)
    second = stage.shop.edit(first["order_id"])
    wait_for_sales_order(stage, second)
    assert wait_until(
        "the first one to be cancelled", lambda: wait_for_sales_order(stage, first)["OrderStatus"] == 90, timeout_s=10
    )
    assert wait_for_sales_order(stage, second)["OrderStatus"] != 90
