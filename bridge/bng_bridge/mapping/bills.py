"""Which rows of the shop's order a BNG invoice or credit memo is about, and what the shop is asked to invoice of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import CENT, amount
from bng_bridge.mapping.shipments import named_row, rows_by_id
from bng_bridge.mapping.sold_rows import net
from bridge_common.errors import MappingError, RejectedByTarget

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Billed:
    """`quantities` by the id of the shop's row, above 0; `goods`: what BNG asks for these; `others`: its lines that are no
    row of the shop's, such as freight."""

    quantities: Mapping[str, Decimal]
    goods: Decimal
    others: tuple[Document, ...]

    def sum_of(self, sku: str) -> Decimal:
        """Of the other lines with that SKU."""
        return sum((amount(line, "LineTotal") for line in self.others if line.get("SKU") == sku), Decimal(0))


def reference(invoice: Document) -> str:
    """The line of a comment by which an invoice or credit memo of ours is found again; the mapping file writes it."""
    return f"BNG {'credit' if invoice['Type'] == 'credit' else 'invoice'} {invoice['InvoiceID']}"


def billed(invoice: Document, sales_order: Document, order: Document, *, is_renumbered: bool = False) -> Billed:
    """A configurable is its parent's row, a bundle of a fixed price its own and none of its parts', another its parts'.

    `is_renumbered`: its lines have other numbers than the sales order's, as those of a credit memo for an invoice that the
    bridge posted. Raises MappingError for a line that cannot be told from another.
    """
    by_id = rows_by_id(order)
    quantities: dict[str, Decimal] = defaultdict(Decimal)
    others: list[Document] = []
    goods = Decimal(0)
    for line in invoice["Lines"]:
        ordered = _ordered(line, invoice, sales_order, is_renumbered=is_renumbered)
        if ordered is None or ordered["ExternalLineID"] == "rounding":
            others.append(line)
            continue
        goods += amount(line, "LineTotal")
        row = _paying_row(ordered["ExternalLineID"], by_id, order)
        if row is not None:
            quantities[row] += amount(line, "Quantity")
    return Billed({row: taken for row, taken in quantities.items() if taken > 0}, goods, tuple(others))


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


def _paying_row(external: str, by_id: Mapping[str, Document], order: Document) -> str | None:
    """The id of the row that has the money; None for a part of what is paid as a whole."""
    parent, child_id = named_row(external, by_id)
    parent_id = str(parent["item_id"])
    if parent["product_type"] != "bundle":
        return parent_id
    children = [item for item in order["items"] if item.get("parent_item_id") == parent["item_id"]]
    if all(net(child) == 0 for child in children):
        return None if child_id else parent_id
    return child_id or None


def _left_to_invoice(row: Document) -> Decimal:
    return amount(row, "qty_ordered") - amount(row, "qty_invoiced") - amount(row, "qty_canceled")


def _check_amounts(found: Billed, order: Document, by_id: Mapping[str, Document], freight_sku: str) -> None:
    """The shop computes an invoice's amounts from its order, whatever BNG billed. Freight is not compared: Magento puts all
    of it on the first invoice."""
    sold = sum((_price(by_id[row]) * wanted for row, wanted in found.quantities.items()), Decimal(0))
    asked = found.goods + sum(
        (amount(line, "LineTotal") for line in found.others if line.get("SKU") != freight_sku), Decimal(0)
    )
    if abs(asked - sold) > CENT * (len(found.quantities) + len(found.others) + 1):
        raise RejectedByTarget(
            f"BNG bills {asked} for goods that are {sold:.2f} in the shop's order {order['increment_id']}",
            problem="amounts-differ",
            hint="Correct one of both, or enter it in the shop by hand, then bridgectl dlq discard {event} --reason TEXT.",
        )


def _price(row: Document) -> Decimal:
    """Of one piece, after discount and with tax, as the sales order has it."""
    whole = (
        net(row)
        - amount(row, "discount_amount")
        + amount(row, "tax_amount")
        + amount(row, "discount_tax_compensation_amount")
    )
    return whole / amount(row, "qty_ordered")
