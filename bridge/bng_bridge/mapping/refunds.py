"""What the shop is asked to give back for a BNG credit memo: rows, freight, and an adjustment that makes the sums equal.

Magento computes a credit memo from what it invoiced. What BNG credits beyond that or short of it (another price, goodwill, a
fee that is kept, a cent) is the adjustment, so that the shop gives back BNG's Total to the cent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.bills import Billed, check_left
from bng_bridge.mapping.money import CENT, amount, cents
from bng_bridge.mapping.shipments import rows_by_id
from bridge_common.errors import RejectedByTarget

Document = dict[str, Any]
_AMOUNTS = (
    ("row_invoiced", "amount_refunded", 1),
    ("discount_invoiced", "discount_refunded", -1),
    ("discount_tax_compensation_invoiced", "discount_tax_compensation_refunded", 1),
)
"""Of a row: what was invoiced, what of it was given back, and its sign. Tax is summed apart: its header is limited."""


@dataclass(frozen=True, slots=True)
class Refund:
    """`items` and `shipping_amount` of the refund call, and the `adjustment`: above 0 it is given beside them, below 0 it is
    kept. All in the currency that the shop's order and its base have in common."""

    items: list[Document]
    shipping_amount: Decimal
    adjustment: Decimal


def to_refund(credit: Document, found: Billed, order: Document, freight_sku: str) -> Refund:
    """Raises RejectedByTarget: `less-left-to-refund`; `amounts-differ` for what cannot be said to Magento."""
    by_id = rows_by_id(order)
    for row, wanted in found.quantities.items():
        check_left(by_id[row], wanted, _left_to_refund(by_id[row]), "refund")
    total = amount(credit, "Total")
    _check_money(total, order)
    shipping, freight, freight_tax = _freight(found.others.get(freight_sku, Decimal(0)), order)
    tax = freight_tax + _sum_of_rows(found, by_id, "tax_invoiced", "tax_refunded")
    tax = min(tax, max(amount(order, "tax_invoiced") - amount(order, "tax_refunded"), Decimal(0)))
    goods = sum((sign * _sum_of_rows(found, by_id, done, back) for done, back, sign in _AMOUNTS), Decimal(0))
    adjustment = total - goods - freight - tax
    _check_currency(order, shipping, adjustment)
    items = [{"order_item_id": by_id[row]["item_id"], "qty": wanted} for row, wanted in found.quantities.items()]
    return Refund(items or [_nothing_of(order)], shipping, adjustment)


def _left_to_refund(row: Document) -> Decimal:
    return amount(row, "qty_invoiced") - amount(row, "qty_refunded")


def _nothing_of(order: Document) -> Document:
    """None of the first row: without any item Magento would give back all of them."""
    return {"order_item_id": order["items"][0]["item_id"], "qty": Decimal(0)}


def _sum_of_rows(found: Billed, by_id: Mapping[str, Document], done: str, back: str) -> Decimal:
    return sum((_share(by_id[row], wanted, done, back) for row, wanted in found.quantities.items()), Decimal(0))


def _share(row: Document, wanted: Decimal, done: str, back: str) -> Decimal:
    """The last part of a row takes all that is left, so that the parts add up: as Magento has it."""
    left, left_amount = _left_to_refund(row), amount(row, done) - amount(row, back)
    return left_amount if wanted == left else cents(left_amount / left * wanted)


def _freight(credited: Decimal, order: Document) -> tuple[Decimal, Decimal, Decimal]:
    """For so much freight, tax and discount in it: the `shipping_amount` to ask for, what Magento gives back for it without
    tax, and the tax. Where nothing is asked for, 0 has to be said: else Magento gives all of it back."""
    whole, taxes = amount(order, "shipping_amount"), amount(order, "shipping_tax_amount")
    reduced = amount(order, "shipping_discount_amount") - amount(order, "shipping_discount_tax_compensation_amount")
    gross = whole + taxes - reduced
    if credited <= 0 or gross <= 0:
        return Decimal(0), Decimal(0), Decimal(0)
    asked = min(cents(whole * credited / gross), whole)
    if asked > whole - amount(order, "shipping_refunded"):
        raise _too_little(f"{credited} of freight", f"{whole - amount(order, 'shipping_refunded')} without tax")
    return asked, asked - cents(reduced * asked / whole), cents(taxes * asked / whole)


def _check_money(total: Decimal, order: Document) -> None:
    left = amount(order, "total_paid") - amount(order, "total_refunded")
    if total > left:
        raise _too_little(f"{total}", f"{left} of what was paid")
    known = ("subtotal", "discount_amount", "tax_amount", "discount_tax_compensation_amount", "shipping_amount",
             "shipping_discount_tax_compensation_amount")  # fmt: skip
    others = amount(order, "grand_total") - sum((amount(order, name) for name in known), Decimal(0))
    if abs(others) > CENT * (len(order["items"]) + 1):
        raise _not_sayable(f"order {order['increment_id']} has {others} in its total that is no goods, tax or freight")


def _check_currency(order: Document, shipping: Decimal, adjustment: Decimal) -> None:
    """Freight and adjustment are said in the base currency: what they come to in the order's is a guess."""
    if (shipping or adjustment) and order.get("order_currency_code") != order.get("base_currency_code"):
        raise _not_sayable(f"order {order['increment_id']} is in another currency than the shop's base currency")


def _too_little(wanted: str, left: str) -> RejectedByTarget:
    return RejectedByTarget(
        f"BNG credits {wanted}, the shop has {left} left to refund", problem="less-left-to-refund",
        hint="Part of it was refunded in the shop by hand. Settle it, then bridgectl dlq discard {event} --reason TEXT.",
    )  # fmt: skip


def _not_sayable(message: str) -> RejectedByTarget:
    return RejectedByTarget(
        message, problem="amounts-differ",
        hint="Refund it in the shop by hand, then bridgectl dlq discard {event} --reason TEXT.",
    )  # fmt: skip
