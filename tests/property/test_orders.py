"""Whatever a shop sells and however it reckons: BNG gets the amounts that the shop's books have, to the cent, or nothing.

The orders are priced by Magento's rules (tests/support/magento_orders.py), which know nothing of our mapping; what comes out
is held against the shop's own books, and against the arithmetic of the sandbox BNG.
"""

from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.support.magento_orders import CENT, ZERO, Order, cents, orders
from tests.support.mappings import compiled

from bng_bridge.mapping import totals
from bng_bridge.mapping.mapping_file import Mapping
from bridge_common.errors import MappingError
from bridge_sandbox.bng.lines import wrong_total

CONTEXT = {"external_id": "shop1-74", "customer_id": "C-5", "time_zone": "UTC", "transaction_id": ""}
CREDITS, OWN = ("gift-card", "store-credit", "reward-points"), ("rounding",)


@cache
def template(rule: str) -> Mapping:
    return compiled(f"extends: order-to-sales-order.yaml\nlet:\n  bundles: \"'{rule}'\"\n", head="")


@settings(max_examples=1200, deadline=None)
@given(orders(), st.sampled_from(["as-priced", "parent", "children", "both"]))
def test_an_order_s_amounts_are_the_shop_s_to_the_cent_or_it_is_held(order: Order, rule: str) -> None:
    why = "differ from the grand total by" if order.unknown else "a base total of 0" if is_worthless(order) else ""
    if why:
        with pytest.raises(MappingError, match=f"{why}|a base total of 0"):
            template(rule)(order.document, **CONTEXT)
        event(f"held: {why}")
        return
    event("written")
    body = template(rule)(order.document, **CONTEXT)
    totals.check(body)
    check_header(body, order)
    check_lines(body, order)


def is_worthless(order: Order) -> bool:
    """Some cents of a weak currency may be nothing in the shop's own."""
    return order.total > 0 and order.base_total == 0


def check_header(body: dict[str, Any], order: Order) -> None:
    lines = body["Lines"]
    assert wrong_total(body) == []
    assert Decimal(body["Total"]) == cents(order.total)
    assert Decimal(body["TaxTotal"]) == cents(order.tax)
    assert Decimal(body["BaseTotal"]) == cents(order.base_total)
    assert added(lines, "Tax") + Decimal(body["FreightTax"]) == Decimal(body["TaxTotal"])
    assert added(lines, "Discount") == Decimal(body["DiscountTotal"])
    net = sum((Decimal(line["LineTotal"]) - Decimal(line["Tax"]) + Decimal(line["Discount"]) for line in lines), ZERO)
    total = net + Decimal(body["Freight"]) - Decimal(body["DiscountTotal"]) + Decimal(body["TaxTotal"])
    assert total == cents(order.total)


def check_lines(body: dict[str, Any], order: Order) -> None:
    """What was paid for each cart line, the gift card, and no more rounding than there may be."""
    for item_id, paid in order.paid.items():
        found = [line for line in body["Lines"] if line["ExternalLineID"].partition("/")[0] == str(item_id)]
        difference = added(found, "LineTotal") - paid
        assert abs(difference) <= CENT / 2 * len(found), item_id
        whole = [line for line in found if "/" not in line["ExternalLineID"]]
        assert all(Decimal(line["Quantity"]) == order.quantities[item_id] for line in whole)
    used = [line for line in body["Lines"] if line["ExternalLineID"] in CREDITS]
    assert -added(used, "LineTotal") == order.credits
    rounding = [line for line in body["Lines"] if line["ExternalLineID"] in OWN]
    assert len(rounding) <= 1
    assert abs(added(rounding, "LineTotal")) <= CENT * len(body["Lines"])
    assert len(body["Lines"]) == len({line["ExternalLineID"] for line in body["Lines"]})


def added(lines: list[dict[str, Any]], field: str) -> Decimal:
    return sum((Decimal(line[field]) for line in lines), ZERO)
