"""Which rows a BNG invoice or credit memo is about, and what the shop is asked to give back."""

from decimal import Decimal
from typing import Any

import pytest

from bng_bridge.mapping.bills import billed, items_to_invoice, reference
from bng_bridge.mapping.refunds import Refund, to_refund
from bridge_common.errors import MappingError, RejectedByTarget

Json = dict[str, Any]


def row(item_id: int, sku: str, price: str = "10.00", **fields: Any) -> Json:
    """Two of it."""
    return {
        "item_id": item_id,
        "sku": sku,
        "product_type": "simple",
        "qty_ordered": 2,
        "price": Decimal(price),
    } | fields


def order(*rows: Json, **fields: Any) -> Json:
    return {
        "entity_id": 74, "increment_id": "000000074", "items": list(rows), "order_currency_code": "EUR",
        "base_currency_code": "EUR",
    } | fields  # fmt: skip


def sales_order(*lines: tuple[str, str]) -> Json:
    """By ExternalLineID and SKU."""
    listed = [
        {"LineNo": number, "ExternalLineID": external, "SKU": sku} for number, (external, sku) in enumerate(lines, 1)
    ]
    return {"SalesOrderID": "SO-1", "Lines": listed}


def invoice(*lines: tuple[int, str | None, str, str], total: str = "0", kind: str = "invoice") -> Json:
    """By LineNo, SKU, Quantity and LineTotal."""
    listed = [dict(zip(("LineNo", "SKU", "Quantity", "LineTotal"), line, strict=True)) for line in lines]
    return {"InvoiceID": "IN-1", "Type": kind, "Lines": listed, "Total": total}


MUGS = order(row(1, "MUG"))
MUG_LINE = sales_order(("1", "MUG"))


def test_an_invoice_and_a_credit_memo_are_found_by_different_lines() -> None:
    assert reference(invoice()) == "BNG invoice IN-1"
    assert reference(invoice(kind="credit")) == "BNG credit IN-1"


def test_freight_and_rounding_are_no_rows() -> None:
    found = billed(
        invoice((1, "MUG", "2", "20.00"), (2, "ROUNDING", "1", "0.01"), (3, "FREIGHT", "1", "5.00")),
        sales_order(("1", "MUG"), ("rounding", "ROUNDING")),
        MUGS,
    )
    assert found.quantities == {"1": 2}
    assert (found.goods, found.others["FREIGHT"]) == (Decimal(20), Decimal(5))
    assert items_to_invoice(found, MUGS, "FREIGHT") == [{"order_item_id": 1, "qty": 2}]


def test_a_fixed_bundle_is_its_own_row_and_a_dynamic_one_its_parts() -> None:
    fixed = order(
        row(1, "SET", product_type="bundle"), row(2, "MUG", "0", parent_item_id=1), row(3, "POT", "0", parent_item_id=1)
    )
    lines = sales_order(("1", "SET"), ("1/2", "MUG"), ("1/3", "POT"))
    asked = invoice((1, "SET", "2", "20"), (2, "MUG", "4", "0"), (3, "POT", "2", "0"))
    assert billed(asked, lines, fixed).quantities == {"1": 2}
    dynamic = order(row(1, "SET", product_type="bundle"), row(2, "MUG", parent_item_id=1))
    assert billed(invoice((1, "MUG", "2", "20")), sales_order(("1/2", "MUG")), dynamic).quantities == {"2": 2}


def test_bundles_are_known_however_a_rule_made_lines_of_them() -> None:
    """children of a fixed one, parent and both of a dynamic one."""
    fixed = order(row(1, "SET", product_type="bundle"), row(2, "MUG", "0", parent_item_id=1, qty_ordered=4))
    assert billed(invoice((1, "MUG", "2", "10")), sales_order(("1/2", "MUG")), fixed).quantities == {"1": 1}
    dynamic = order(row(1, "SET", product_type="bundle"), row(2, "MUG", parent_item_id=1, qty_ordered=4))
    assert billed(invoice((1, "SET", "1", "20")), sales_order(("1", "SET")), dynamic).quantities == {"2": 2}
    both = sales_order(("1", "SET"), ("1/2", "MUG"))
    assert billed(invoice((1, "SET", "1", "0"), (2, "MUG", "2", "20")), both, dynamic).quantities == {"2": 2}


def test_a_configurable_is_its_parent_s_row() -> None:
    shirt = order(row(1, "TEE-M", product_type="configurable"), row(2, "TEE-M", "0", parent_item_id=1))
    assert billed(invoice((1, "TEE-M", "1", "10")), sales_order(("1/2", "TEE-M")), shirt).quantities == {"1": 1}


def test_a_line_with_another_number_is_known_by_a_sku_that_stands_on_one_line_only() -> None:
    two = order(row(1, "MUG"), row(2, "POT"), row(3, "MUG"))
    lines = sales_order(("1", "MUG"), ("2", "POT"), ("3", "MUG"))
    found = billed(invoice((1, "POT", "1", "10")), lines, two, is_renumbered=True)
    assert found.quantities == {"2": 1}
    assert billed(invoice((3, "MUG", "1", "10")), lines, two).quantities == {"3": 1}
    with pytest.raises(MappingError, match="is on no one line"):
        billed(invoice((3, "MUG", "1", "10")), lines, two, is_renumbered=True)


@pytest.mark.parametrize(
    ("state", "quantity", "problem"),
    [
        ({"qty_invoiced": 2}, "2", "done-before"),
        ({"qty_invoiced": 1}, "2", "less-left-to-invoice"),
        ({"qty_canceled": 2}, "2", "less-left-to-invoice"),
        ({}, "1.5", "less-left-to-invoice"),
    ],
)
def test_what_is_not_left_to_invoice_is_refused(state: Json, quantity: str, problem: str) -> None:
    mugs = order(row(1, "MUG", **state))
    found = billed(invoice((1, "MUG", quantity, str(Decimal(quantity) * 10))), MUG_LINE, mugs)
    with pytest.raises(RejectedByTarget) as raised:
        items_to_invoice(found, mugs, "FREIGHT")
    assert raised.value.problem == problem


@pytest.mark.parametrize("lines", [[(1, "MUG", "2", "21.00")], [(1, "MUG", "2", "20.00"), (2, "PEN", "1", "3.00")]])
def test_other_prices_and_other_goods_are_refused(lines: list[tuple[int, str | None, str, str]]) -> None:
    with pytest.raises(RejectedByTarget) as raised:
        items_to_invoice(billed(invoice(*lines), MUG_LINE, MUGS), MUGS, "FREIGHT")
    assert raised.value.problem == "amounts-differ"


INVOICED = order(
    row(1, "MUG", qty_invoiced=2, row_invoiced=Decimal(20), tax_invoiced=Decimal("3.81")),
    grand_total=Decimal("29.76"), subtotal=Decimal(20), tax_amount=Decimal("4.76"), tax_invoiced=Decimal("4.76"),
    shipping_amount=Decimal(5), shipping_tax_amount=Decimal("0.95"), total_paid=Decimal("29.76"),
)  # fmt: skip


def refund(*lines: tuple[int, str | None, str, str], total: str, of: Json = INVOICED) -> Refund:
    credit = invoice(*lines, total=total, kind="credit")
    return to_refund(credit, billed(credit, MUG_LINE, of), of, "FREIGHT")


def test_goods_and_freight_as_invoiced_need_no_adjustment() -> None:
    found = refund((1, "MUG", "2", "23.81"), (2, "FREIGHT", "1", "5.95"), total="29.76")
    assert found == Refund([{"order_item_id": 1, "qty": 2}], Decimal(5), Decimal(0))


def test_a_part_of_the_freight_is_said_without_tax() -> None:
    found = refund((2, "FREIGHT", "1", "2.97"), total="2.97")
    # 2.50 and 0.48 of tax: the cent that is too much is kept.
    assert (found.shipping_amount, found.adjustment) == (Decimal("2.50"), Decimal("-0.01"))
    assert found.items == [{"order_item_id": 1, "qty": 0}]


def test_a_price_below_what_was_invoiced_is_kept_and_one_above_is_given() -> None:
    assert refund((1, "MUG", "1", "6.66"), total="6.66").adjustment == Decimal("6.66") - Decimal("11.91")
    assert refund((1, "MUG", "1", "15.00"), total="15.00").adjustment == Decimal("15.00") - Decimal("11.91")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"total_refunded": Decimal(20)}, "less-left-to-refund"),
        ({"grand_total": Decimal(20)}, "amounts-differ"),
        ({"base_currency_code": "USD"}, "amounts-differ"),
    ],
)
def test_what_magento_cannot_be_told_is_refused(changes: Json, problem: str) -> None:
    with pytest.raises(RejectedByTarget) as raised:
        refund((1, "MUG", "1", "10.00"), total="10.00", of=INVOICED | changes)
    assert raised.value.problem == problem


def test_freight_that_was_given_back_is_refused() -> None:
    with pytest.raises(RejectedByTarget, match="of freight"):
        refund((2, "FREIGHT", "1", "5.95"), total="5.95", of=INVOICED | {"shipping_refunded": Decimal(1)})
