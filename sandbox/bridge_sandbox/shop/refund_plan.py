"""What a credit memo gives back of an order: which rows, how many of each, and what they come to in both currencies.

Pure. The rules are those of Magento's credit memo factory:
- nothing wanted by name means all that was invoiced and not given back;
- of a bundle that costs what its parts cost the parts are named; its parent comes along with all that was invoiced of
  it, however few of its parts are given back;
- without a `shipping_amount` all of the freight that is left goes back too, however few of the goods.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import MagentoError, required
from bridge_sandbox.shop.invoice_plan import others
from bridge_sandbox.shop.money import cents, money
from bridge_sandbox.shop.order_items import ZERO, OrderItems
from bridge_sandbox.shop.portions import Portion, column, in_currencies, refuse_too_many, summed, whole_pieces
from bridge_sandbox.shop.session import Row

NO_FIXED_TAX = {
    "weee_tax_applied": "[]",
    "weee_tax_applied_row_amount": ZERO,
    "weee_tax_row_disposition": ZERO,
    "base_weee_tax_row_disposition": ZERO,
}


@dataclass(frozen=True)
class Terms:
    """What a refund is asked for beside its rows: amounts in base currency, order items whose goods come back."""

    shipping: Decimal | None = None
    positive: Decimal | None = None
    negative: Decimal | None = None
    returned: frozenset[int] = frozenset()


def read_terms(body: Document) -> Terms:
    """The `arguments` of a refund; raises the 400 for what is no amount."""
    arguments = body.get("arguments") or {}
    extension = arguments.get("extension_attributes") or {}
    try:
        return Terms(
            shipping=amount_or_none(arguments.get("shipping_amount")),
            positive=amount_or_none(arguments.get("adjustment_positive")),
            negative=amount_or_none(arguments.get("adjustment_negative")),
            returned=frozenset(int(each) for each in extension.get("return_to_stock_items") or []),
        )
    except (InvalidOperation, TypeError, ValueError) as error:
        raise required("arguments") from error


def amount_or_none(value: Any) -> Decimal | None:
    """Nothing said is not the same as 0."""
    return None if value is None else Decimal(str(value))


def plan_refund(
    items: OrderItems, wanted: Mapping[int, Decimal], limits: Mapping[int, Decimal] | None = None
) -> list[Portion]:
    """The rows of a credit memo, none without a quantity; raises the 400 for more of a row than can be given back.

    `limits` are an invoice's quantities that are not given back yet: what is wanted is cut down to them.
    """
    portions = []
    for row in items.rows:
        if limits is not None and row["item_id"] not in limits:
            continue
        is_dummy = items.is_invoice_dummy(row)
        quantity = whole_pieces(row, refunded_quantity(items, row, wanted))
        if limits is not None and not is_dummy:
            quantity = min(quantity, limits[row["item_id"]])
        portion = Portion(row, quantity, items.open_to_refund(row), is_dummy)
        refuse_too_many(portion, "refund")
        portions.append(portion)
    return [each for each in portions if each.quantity > 0]


def is_rest(items: OrderItems, portions: Sequence[Portion]) -> bool:
    """Whether all that can be given back is."""
    taken = {each.item["item_id"] for each in portions if each.is_last}
    return all(row["item_id"] in taken for row in items.rows if items.open_to_refund(row) > 0)


def refunded_quantity(items: OrderItems, row: Row, wanted: Mapping[int, Decimal]) -> Decimal:
    """How many of this row come back; a dummy comes along with those whose dummy it is."""
    if not items.is_invoice_dummy(row):
        return wanted.get(row["item_id"], ZERO) if wanted else items.open_to_refund(row)
    parent = items.parent(row)
    if parent is not None:
        of_parent = wanted.get(parent["item_id"], ZERO) if wanted else items.open_to_refund(parent)
        return of_parent * items.per_parent(row)
    parts = [
        wanted.get(each["item_id"], ZERO) if wanted else items.open_to_refund(each) for each in items.children(row)
    ]
    return Decimal(row["qty_invoiced"]) if any(part > 0 for part in parts) else ZERO


def refund_row(portion: Portion) -> Row:
    """A row of sales_creditmemo_item, less its parent."""
    goods = {**portion.goods_row(), **NO_FIXED_TAX}
    return goods if portion.is_dummy else {**goods, **in_currencies(partial(row_amounts, portion))}


def row_amounts(portion: Portion, prefix: str) -> Row:
    """A row's money in one currency: its part of what was invoiced; what it has no part in stays null."""
    item = portion.item
    amounts: Row = {
        "row_total": portion.share(item[prefix + "row_invoiced"], item[prefix + "amount_refunded"]),
        "tax_amount": portion.share(item[prefix + "tax_invoiced"], item[prefix + "tax_refunded"]),
        "discount_tax_compensation_amount": portion.share(
            item[prefix + "discount_tax_compensation_invoiced"], item[prefix + "discount_tax_compensation_refunded"]
        ),
        "row_total_incl_tax": portion.share_of_ordered(item[prefix + "row_total_incl_tax"] or ZERO),
    }
    discount = item[prefix + "discount_invoiced"]
    amounts["discount_amount"] = portion.share(discount, item[prefix + "discount_refunded"]) if discount else None
    return amounts


def refund_totals(
    order: Row, rows: Sequence[Row], terms: Terms, most_shipping: Decimal | None = None, *, is_rest: bool = False
) -> Row:
    """The header's money in both currencies; raises the 400 for more freight than is left.

    `most_shipping` is what an invoice had of it, in base currency: the default where no amount is asked for. What other
    modules added or took off goes back with the rest of the goods, if the freight does.
    """
    left = order["base_shipping_amount"] - (order["base_shipping_refunded"] or ZERO)
    default = left if most_shipping is None else min(left, most_shipping)
    wanted = default if terms.shipping is None else cents(terms.shipping)
    if wanted > left:
        most = money(left, order["base_currency_code"])
        raise MagentoError(400, "Maximum shipping amount allowed to refund is: %1", [most])
    adjustments = Adjustments(terms, order["base_to_order_rate"] or Decimal(1))
    freight = Freight(order, wanted, wanted == left)
    with_others = order if is_rest and freight.is_last else {}
    return in_currencies(partial(header_amounts, order, rows, freight, adjustments, with_others))


@dataclass(frozen=True)
class Freight:
    """So much of the order's freight in base currency; the last part takes all that is left of each amount."""

    order: Row
    wanted: Decimal
    is_last: bool

    def share(self, prefix: str, name: str, refunded: str = "") -> Decimal:
        """What goes back of one of the order's amounts for the freight."""
        whole = self.order[column(prefix, name)] or ZERO
        if self.is_last and refunded:
            return Decimal(whole - (self.order[column(prefix, refunded)] or ZERO))
        of = self.order["base_shipping_amount"]
        return cents(whole * self.wanted / of) if of else ZERO


@dataclass(frozen=True)
class Adjustments:
    """What is given back beside goods and freight, or kept."""

    terms: Terms
    rate: Decimal

    def amounts(self, prefix: str) -> Row:
        """In one currency; what was not asked for stays null."""
        positive, negative = (self._in(prefix, each) for each in (self.terms.positive, self.terms.negative))
        return {
            "adjustment_positive": positive,
            "adjustment_negative": negative,
            "adjustment": (positive or ZERO) - (negative or ZERO),
        }

    def _in(self, prefix: str, amount: Decimal | None) -> Decimal | None:
        if amount is None:
            return None
        return cents(amount) if prefix else cents(cents(amount) * self.rate)


def header_amounts(
    order: Row, rows: Sequence[Row], freight: Freight, adjustments: Adjustments, with_others: Row, prefix: str
) -> Row:
    """The sums of the rows, with the freight's part and the adjustments; the discount is negative."""
    shipping = freight.share(prefix, "shipping_amount", "shipping_refunded")
    shipping_tax = freight.share(prefix, "shipping_tax_amount", "shipping_tax_refunded")
    subtotal = summed(rows, prefix + "row_total")
    discount = summed(rows, prefix + "discount_amount") + freight.share(prefix, "shipping_discount_amount")
    tax_left = (order[prefix + "tax_invoiced"] or ZERO) - (order[prefix + "tax_refunded"] or ZERO)
    tax = min(summed(rows, prefix + "tax_amount") + shipping_tax, max(tax_left, ZERO))
    compensation = summed(rows, prefix + "discount_tax_compensation_amount")
    compensation += freight.share(prefix, "shipping_discount_tax_compensation_amount")
    adjusted = adjustments.amounts(prefix)
    return {
        "subtotal": subtotal,
        "subtotal_incl_tax": summed(rows, prefix + "row_total_incl_tax"),
        "tax_amount": tax,
        "discount_amount": -discount,
        "discount_tax_compensation_amount": compensation,
        "shipping_amount": shipping,
        "shipping_incl_tax": freight.share(prefix, "shipping_incl_tax"),
        "shipping_tax_amount": shipping_tax,
        **adjusted,
        "grand_total": subtotal
        - discount
        + tax
        + compensation
        + shipping
        + adjusted["adjustment"]
        + others(with_others, prefix),
    }
