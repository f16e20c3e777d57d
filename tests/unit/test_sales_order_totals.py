"""Before a sales order is written its amounts are added up, whatever mapping made them."""

from typing import Any

import pytest

from bng_bridge.mapping import totals
from bridge_common.errors import MappingError

LINE = {
    "LineNo": 1,
    "SKU": "MUG",
    "Quantity": "2",
    "UnitPrice": "9.99",
    "Discount": "1.00",
    "Tax": "3.61",
    "LineTotal": "22.59",
}
GOOD: dict[str, Any] = {
    "Lines": [LINE], "Freight": "5.00", "FreightTax": "0.95", "DiscountTotal": "1.00", "TaxTotal": "4.56", "Total": "28.54",
}  # fmt: skip


def held(changes: dict[str, Any], **line: Any) -> MappingError:
    with pytest.raises(MappingError) as caught:
        totals.check({**GOOD, "Lines": [{**LINE, **line}], **changes})
    return caught.value


def test_amounts_that_add_up_are_let_through() -> None:
    totals.check(GOOD)


@pytest.mark.parametrize(
    ("field", "value", "difference"),
    [
        ("Total", "28.55", r"Total is 28\.55, lines and freight add up to 28\.54, a difference of 0\.01"),
        ("Freight", "4.00", r"lines and freight add up to 27\.54, a difference of 1\.00"),
        (
            "TaxTotal",
            "4.55",
            r"TaxTotal is 4\.55, the taxes of lines and freight add up to 4\.56, a difference of -0\.01",
        ),
        ("DiscountTotal", "0.00", r"the lines' discounts add up to 1\.00, a difference of -1\.00"),
    ],
)
def test_a_cent_that_is_missing_somewhere_holds_the_order_with_the_difference(
    field: str, value: str, difference: str
) -> None:
    with pytest.raises(MappingError, match=difference):
        totals.check({**GOOD, field: value})


def test_a_line_is_quantity_times_price_less_discount_with_tax() -> None:
    error = held({}, Discount="0.00")
    assert error.message == (
        "the sales order does not add up: line 1 (MUG): LineTotal is 22.59, price, discount and tax give 23.59, "
        "a difference of -1.00"
    )


def test_a_unit_price_may_be_rounded_by_half_a_cent_for_each_piece_and_no_more() -> None:
    lines = [{"SKU": "A", "Quantity": "3", "UnitPrice": "8.40", "LineTotal": "25.21"}]
    totals.check({"Lines": lines, "Total": "25.21"})
    with pytest.raises(MappingError, match=r"a difference of 0\.03"):
        totals.check({"Lines": [{**lines[0], "LineTotal": "25.23"}], "Total": "25.23"})


def test_what_is_held_names_cause_and_command() -> None:
    error = held({"Total": "99.00"})
    assert (error.problem, error.pointer) == ("totals", "/Total")
    assert "bridgectl dlq retry {event}" in error.hint


@pytest.mark.parametrize("body", [{}, {"OrderStatus": 20}, {"CustomerID": "C-5", "ShipVia": "DHL", "TaxTotal": "4.56"}])
def test_a_change_of_other_fields_is_none_of_its_business(body: dict[str, Any]) -> None:
    totals.check(body)


@pytest.mark.parametrize(
    "body", [{"Freight": "5.00"}, {"Total": "5.00"}, {"Lines": [LINE]}, {"Lines": [], "Total": "0.00"}]
)
def test_some_amounts_without_the_others_cannot_be_added_up_and_are_held(body: dict[str, Any]) -> None:
    with pytest.raises(MappingError, match="is written without Lines and Total"):
        totals.check(body)


def test_amounts_that_a_mapping_leaves_out_are_not_looked_at() -> None:
    totals.check({"Lines": [{"SKU": "A", "Quantity": "1", "LineTotal": "5.00"}], "Total": "5.00", "TaxTotal": None})
