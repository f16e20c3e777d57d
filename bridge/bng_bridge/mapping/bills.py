"""Which rows of the shop's order a BNG invoice or credit memo is about, and what the shop is asked to invoice of them."""

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import CENT, amount, cents
from bng_bridge.mapping.shipments import named_ids, rows_by_id
from bng_bridge.mapping.sold_rows import net, paid_for
from bridge_common.errors import MappingError, RejectedByTarget

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Billed:
    """`quantities` by the id of the shop's row, above 0; `goods`: what BNG asks for these; `others`: by SKU, what it
    asks for that is on no line of the sales order, such as freight."""

    quantities: Mapping[str, Decimal]
    goods: Decimal
    others: Mapping[str, Decimal]


def reference(invoice: Document) -> str:
    """The line of a comment by which an invoice or credit memo of ours is found again; the mapping file writes it."""
    return f"BNG {'credit' if invoice['Type'] == 'credit' else 'invoice'} {invoice['InvoiceID']}"


def billed(invoice: Document, sales_order: Document, order: Document, *, is_renumbered: bool = False) -> Billed:
    """A configurable is its parent's row, a bundle of a fixed price its own, another its parts', however BNG lists them.

    `is_renumbered`: its lines have other numbers than the sales order's, as those of a credit memo for an invoice that the
    bridge posted. Raises MappingError for a line that cannot be told from another.
    """
    by_id = rows_by_id(order)
    taken: dict[str, Decimal] = defaultdict(Decimal)
    others: dict[str, Decimal] = defaultdict(Decimal)
    goods = Decimal(0)
    for line in invoice["Lines"]:
        ordered = _ordered(line, invoice, sales_order, is_renumbered=is_renumbered)
        if ordered is None:
            others[str(line["SKU"])] += amount(line, "LineTotal")
        elif _is_thing(ordered):
            goods += amount(line, "LineTotal")
            taken[ordered["ExternalLineID"]] += amount(line, "Quantity")
    lines = {each["ExternalLineID"] for each in sales_order["Lines"] if _is_thing(each)}
    found: dict[str, Decimal] = defaultdict(Decimal)
    for external, quantity in taken.items():
        found.update(_paying_rows(external, quantity, taken, lines, by_id))
    return Billed({row: quantity for row, quantity in found.items() if quantity > 0}, goods, others)


def items_to_invoice(found: Billed, order: Document, freight_sku: str) -> list[Document]:
    """The `items` of the invoice call: never empty, for then Magento would invoice all that is left.

    Raises RejectedByTarget: `done-before` when the shop has invoiced all of these rows, `less-left-to-invoice` when some,
    `amounts-differ` when BNG bills other goods or prices than the shop sold.
    """
    by_id = rows_by_id(order)
    _check_amounts(found, order, by_id, freight_sku)
    left = {row: _left_to_invoice(by_id[row]) for row in found.quantities}
    if not any(left.values()) and all(amount(by_id[row], "qty_invoiced") for row in left):
        raise RejectedByTarget(
            f"the shop has invoiced all of it in order {order['increment_id']} already", problem="done-before",
            hint="bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    for row, wanted in found.quantities.items():
        check_left(by_id[row], wanted, left[row], "invoice")
    return [{"order_item_id": by_id[row]["item_id"], "qty": wanted} for row, wanted in found.quantities.items()]


def check_left(row: Document, wanted: Decimal, left: Decimal, verb: str) -> None:
    """Magento cuts a fraction of what is sold by the piece, and refuses or cuts too much. Raises RejectedByTarget."""
    is_cut = wanted != wanted.to_integral_value() and not row.get("is_qty_decimal")
    if wanted > left or is_cut:
        sold = "whole pieces" if is_cut else f"{left} left to {verb}"
        raise RejectedByTarget(
            f"BNG wants to {verb} {wanted} of {row['sku']}, the shop has {sold}", problem=f"less-left-to-{verb}",
            hint="Part of the order was invoiced, refunded or cancelled in the shop by hand. Settle it there, then "
            "bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip


def _ordered(line: Document, invoice: Document, sales_order: Document, *, is_renumbered: bool) -> Document | None:
    """The sales order's line that this one takes; None for what is no goods of it.

    Never by SKU alone where two lines have it.
    """
    sku, number = line.get("SKU"), str(line["LineNo"])
    of_sku = [each for each in sales_order["Lines"] if sku and each["SKU"] == sku]
    for each in sales_order["Lines"]:
        if not is_renumbered and str(each["LineNo"]) == number and (not sku or each in of_sku):
            return dict(each)
    if sku and len(of_sku) < 2:
        return dict(of_sku[0]) if of_sku else None
    raise MappingError(
        f"line {number} ({sku or 'without a SKU'}) of {invoice['InvoiceID']} is on no one line of the sales order",
        problem="unknown-line",
        hint="Enter it in the shop by hand, then bridgectl dlq discard {event} --reason TEXT.",
    )


def _is_thing(line: Document) -> bool:
    """No rounding, no gift card, nor what a mapping file has added."""
    return str(line["ExternalLineID"] or "")[:1].isdigit()


def _paying_rows(
    external: str, quantity: Decimal, taken: Mapping[str, Decimal], lines: Container[str], by_id: Mapping[str, Document]
) -> Mapping[str, Decimal]:
    """Of a line the rows that have its money, and how many; none for a line of a bundle whose money is on its others.

    `taken`: by ExternalLineID, all that is billed; `lines`: those that the sales order has.
    """
    parent_id, child_id = named_ids(external, by_id)
    parent = by_id[parent_id]
    if parent["product_type"] != "bundle":
        return {parent_id: quantity}
    children = [item for item in by_id.values() if item.get("parent_item_id") == parent["item_id"]]
    per_set = {str(each["item_id"]): amount(each, "qty_ordered") / amount(parent, "qty_ordered") for each in children}
    if all(net(child) == 0 for child in children):
        if parent_id in lines:
            return {} if child_id else {parent_id: quantity}
        # By its parts alone: as many whole sets as they make up.
        sets = (taken.get(f"{parent_id}/{child}", Decimal(0)) // each for child, each in per_set.items())
        return {parent_id: min(sets)}
    if child_id:
        return {child_id: quantity}
    is_by_parts = any(f"{parent_id}/{child}" in lines for child in per_set)
    return {} if is_by_parts else {child: quantity * each for child, each in per_set.items()}


def _left_to_invoice(row: Document) -> Decimal:
    return amount(row, "qty_ordered") - amount(row, "qty_invoiced") - amount(row, "qty_canceled")


def _check_amounts(found: Billed, order: Document, by_id: Mapping[str, Document], freight_sku: str) -> None:
    """The shop computes an invoice's amounts from its order, whatever BNG billed. Freight is not compared: Magento puts all
    of it on the first invoice. Raises RejectedByTarget."""
    sold = sum((_price(by_id[row]) * wanted for row, wanted in found.quantities.items()), Decimal(0))
    asked = found.goods + sum((each for sku, each in found.others.items() if sku != freight_sku), Decimal(0))
    if not found.quantities or abs(asked - sold) > CENT * (len(found.quantities) + len(found.others) + 1):
        raise RejectedByTarget(
            f"BNG bills {asked} for goods that are {cents(sold)} in the shop's order {order['increment_id']}",
            problem="amounts-differ",
            hint="Correct one of both, or enter it in the shop by hand, then bridgectl dlq discard {event} --reason TEXT.",
        )


def _price(row: Document) -> Decimal:
    """Of one piece, after discount and with tax, as the sales order has it."""
    paid = paid_for(row)
    return (paid.net - paid.discount + paid.tax) / amount(row, "qty_ordered")
