"""The rows of an order: who belongs to whom, who is shipped and paid for, and how many are still open.

Pure. A dummy is a row that is not itself what is meant: the child of a configurable, the parent of a bundle whose
parts are what is shipped or paid for.
"""

import json
from decimal import Decimal
from typing import Any

from bridge_sandbox.shop.session import Row

ZERO = Decimal(0)


class OrderItems:
    """The rows of one order with their relations."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._by_id = {row["item_id"]: row for row in rows}

    def parent(self, row: Row) -> Row | None:
        """The row's parent."""
        return self._by_id.get(row["parent_item_id"])

    def children(self, row: Row) -> list[Row]:
        """The row's children."""
        return [each for each in self.rows if each["parent_item_id"] == row["item_id"]]

    def is_dummy(self, row: Row) -> bool:
        """Whether the row itself is not what is shipped."""
        parent = self.parent(row)
        if parent is not None:
            return not ships_separately(parent)
        return ships_separately(row)

    def is_invoice_dummy(self, row: Row) -> bool:
        """Whether the row itself is not what is paid for."""
        parent = self.parent(row)
        if parent is not None:
            return not prices_children(parent)
        return prices_children(row)

    def open_quantity(self, row: Row) -> Decimal:
        """How many are still to be shipped; nothing of a dummy, and nothing of what nobody can ship."""
        return ZERO if self.is_dummy(row) or row["is_virtual"] else simple_open_quantity(row)

    def open_to_invoice(self, row: Row) -> Decimal:
        """How many are still to be invoiced; nothing of a dummy."""
        if self.is_invoice_dummy(row):
            return ZERO
        return max(Decimal(row["qty_ordered"] - row["qty_invoiced"] - row["qty_canceled"]), ZERO)

    def open_to_cancel(self, row: Row) -> Decimal:
        """How many are neither shipped nor invoiced; nothing of what is a dummy in either way."""
        if self.is_dummy(row) or self.is_invoice_dummy(row):
            return ZERO
        return min(self.open_to_invoice(row), simple_open_quantity(row))

    def open_to_refund(self, row: Row) -> Decimal:
        """How many were invoiced and not given back; nothing of a dummy."""
        return ZERO if self.is_invoice_dummy(row) else max(row["qty_invoiced"] - row["qty_refunded"], ZERO)

    def can_ship(self) -> bool:
        """Whether anything is left to ship."""
        return any(self.open_quantity(row) > 0 for row in self.rows)

    def can_invoice(self) -> bool:
        """Whether anything is left to invoice."""
        return any(self.open_to_invoice(row) > 0 for row in self.rows)

    def per_parent(self, row: Row) -> Decimal:
        """How many of a child belong to one of its parent."""
        parent = self.parent(row)
        return row["qty_ordered"] / parent["qty_ordered"] if parent else Decimal(1)

    def leaves(self, row: Row, quantity: Decimal) -> list[tuple[str, Decimal]]:
        """The goods in so many of this row: of a parent that is shipped its children's."""
        children = self.children(row)
        if not children:
            return [(stock_sku(row), quantity)]
        return [(stock_sku(child), child["qty_ordered"] / row["qty_ordered"] * quantity) for child in children]


def ships_separately(row: Row) -> bool:
    """Whether this is the parent of a bundle whose parts are shipped on their own."""
    return row["product_type"] == "bundle" and options_of(row).get("shipment_type") == 1


def prices_children(row: Row) -> bool:
    """Whether this is the parent of a bundle that costs what its parts cost."""
    return row["product_type"] == "bundle" and options_of(row).get("product_calculations") == 0


def options_of(row: Row) -> dict[str, Any]:
    """The row's options."""
    options: dict[str, Any] = json.loads(row["product_options"] or "{}")
    return options


def stock_sku(row: Row) -> str:
    """What lies on the shelf: a row's own SKU names the options, too, and its product may be gone."""
    return str(row["product_sku"] or row["sku"])


def simple_open_quantity(row: Row) -> Decimal:
    """Ordered less shipped, refunded and cancelled."""
    left = row["qty_ordered"] - row["qty_shipped"] - row["qty_refunded"] - row["qty_canceled"]
    return max(Decimal(left), ZERO)
