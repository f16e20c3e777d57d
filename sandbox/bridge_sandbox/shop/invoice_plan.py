"""What an invoice takes from an order: which rows, how many of each, and what they come to in both currencies.

Pure. The rules are those of Magento's invoice service:
- nothing wanted by name means all that is open; of what is wanted more than is open is refused, not cut down;
- naming the parent of a bundle that costs what its parts cost means its parts; a parent that was not named comes
  along with all that was ordered of it, however few of its parts are invoiced;
- the freight, its tax and what other modules added or took off go whole into the first invoice.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from bridge_sandbox.shop.order_items import ZERO, OrderItems
from bridge_sandbox.shop.portions import Portion, column, in_currencies, refuse_too_many, summed, whole_pieces
from bridge_sandbox.shop.session import Row


def plan_invoice(items: OrderItems, wanted: Mapping[int, Decimal]) -> list[Portion]:
    """The rows of an invoice, none without a quantity; raises the 400 for more of a row than is open."""
    quantities = with_families(items, wanted)
    portions = []
    for row in items.rows:
        is_dummy = items.is_invoice_dummy(row)
        quantity = whole_pieces(row, invoiced_quantity(items, row, quantities))
        portion = Portion(row, quantity, items.open_to_invoice(row), is_dummy)
        refuse_too_many(portion, "invoice")
        portions.append(portion)
    return [each for each in portions if each.quantity > 0]


def with_families(items: OrderItems, wanted: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """The quantities, and those of the children of each parent that was named."""
    quantities = dict(wanted)
    for row in items.rows:
        parent = row["parent_item_id"]
        if parent in wanted and row["item_id"] not in wanted:
            quantities[row["item_id"]] = wanted[parent] * items.per_parent(row)
    return quantities


def invoiced_quantity(items: OrderItems, row: Row, quantities: Mapping[int, Decimal]) -> Decimal:
    """How many of this row go; a dummy goes along with those whose dummy it is."""
    if items.is_invoice_dummy(row) and not goes_along(items, row, quantities):
        return ZERO
    if row["item_id"] in quantities:
        return quantities[row["item_id"]]
    if items.is_invoice_dummy(row):
        return Decimal(row["qty_ordered"])
    return ZERO if quantities else items.open_to_invoice(row)


def goes_along(items: OrderItems, dummy: Row, quantities: Mapping[int, Decimal]) -> bool:
    """Whether what pays for a dummy is in the invoice: its parent, or one of its children."""
    parent = items.parent(dummy)
    paying = [parent] if parent else items.children(dummy)
    if not quantities:
        return any(items.open_to_invoice(each) > 0 for each in paying)
    return any(quantities.get(each["item_id"], ZERO) > 0 for each in paying)


def invoice_row(portion: Portion) -> Row:
    """A row of sales_invoice_item, less its parent."""
    if portion.is_dummy:
        return portion.goods_row()
    return {**portion.goods_row(), **in_currencies(partial(row_amounts, portion))}


def row_amounts(portion: Portion, prefix: str) -> Row:
    """A row's money in one currency; what it has no part in stays null."""
    item = portion.item
    amounts: Row = {
        "row_total": portion.share(item[prefix + "row_total"], item[prefix + "row_invoiced"]),
        "tax_amount": portion.share(item[prefix + "tax_amount"], item[prefix + "tax_invoiced"]),
        "discount_tax_compensation_amount": portion.share(
            item[prefix + "discount_tax_compensation_amount"], item[prefix + "discount_tax_compensation_invoiced"]
        ),
        "row_total_incl_tax": portion.share_of_ordered(item[prefix + "row_total_incl_tax"] or ZERO),
    }
    discount = item[prefix + "discount_amount"]
    amounts["discount_amount"] = portion.share(discount, item[prefix + "discount_invoiced"]) if discount else None
    return amounts


def invoice_totals(order: Row, rows: Sequence[Row], *, is_first: bool) -> Row:
    """The header's money in both currencies; the discount is negative there, the freight's in it."""
    return in_currencies(partial(header_amounts, order if is_first else {}, rows))


def others(order: Row, prefix: str) -> Decimal:
    """What other modules added to an order's grand total, or took off."""
    if not order:
        return ZERO
    names = ("subtotal", "discount_amount", "tax_amount", "discount_tax_compensation_amount", "shipping_amount")
    known = sum(order[prefix + name] or ZERO for name in names)
    # An order's header keeps the freight's apart, an invoice's has it in the sum.
    known += order[column(prefix, "shipping_discount_tax_compensation_amount")] or ZERO
    return Decimal(order[prefix + "grand_total"] - known)


def header_amounts(freight_of: Row, rows: Sequence[Row], prefix: str) -> Row:
    """The sums of the rows, and the freight of an order that was not invoiced before."""
    freight = {
        name: freight_of.get(column(prefix, f"shipping_{name}")) or ZERO
        for name in ("amount", "incl_tax", "tax_amount", "discount_amount", "discount_tax_compensation_amount")
    }
    subtotal = summed(rows, prefix + "row_total")
    tax = summed(rows, prefix + "tax_amount") + freight["tax_amount"]
    compensation = summed(rows, prefix + "discount_tax_compensation_amount")
    compensation += freight["discount_tax_compensation_amount"]
    discount = summed(rows, prefix + "discount_amount") + freight["discount_amount"]
    return {
        "subtotal": subtotal,
        "subtotal_incl_tax": summed(rows, prefix + "row_total_incl_tax"),
        "tax_amount": tax,
        "discount_amount": -discount,
        "discount_tax_compensation_amount": compensation,
        "shipping_amount": freight["amount"],
        "shipping_incl_tax": freight["incl_tax"],
        "shipping_tax_amount": freight["tax_amount"],
        "shipping_discount_tax_compensation_amount": freight["discount_tax_compensation_amount"],
        "grand_total": subtotal - discount + tax + compensation + freight["amount"] + others(freight_of, prefix),
    }
