"""What a shipment takes from an order: which rows, how many of each, which goods from the shelf.

Pure. The rules are those of Magento's shipment factory:
- what is asked beyond the open quantity is cut down to it, unknown rows and quantities below zero are dropped;
- of a configurable, and of a bundle that ships together, the parent is shipped; the child is a silent companion:
  a bundle's children have their `qty_shipped` raised without a row in the shipment, a configurable's has not;
- of a bundle that ships separately the children are shipped, and the parent comes along with quantity 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge_sandbox.shop.session import Row

ZERO = Decimal(0)


@dataclass(frozen=True)
class PlannedRow:
    """One row of an order in a shipment; a silent one only has its `qty_shipped` raised."""

    item: Row
    quantity: Decimal
    is_silent: bool = False


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
        """How many are still to be shipped; nothing of a dummy."""
        return ZERO if self.is_dummy(row) else simple_open_quantity(row)

    def can_ship(self) -> bool:
        """Whether anything is left to ship."""
        return any(self.open_quantity(row) > 0 for row in self.rows)

    def can_invoice(self) -> bool:
        """Whether anything is left to invoice."""
        return any(
            row["qty_ordered"] - row["qty_invoiced"] - row["qty_canceled"] > 0
            for row in self.rows
            if not self.is_invoice_dummy(row)
        )

    def leaves(self, row: Row, quantity: Decimal) -> list[tuple[str, Decimal]]:
        """The goods in so many of this row: of a parent that is shipped its children's."""
        children = self.children(row)
        if not children:
            return [(row["sku"], quantity)]
        return [(child["sku"], child["qty_ordered"] / row["qty_ordered"] * quantity) for child in children]


def plan_shipment(items: OrderItems, wanted: Mapping[int, Decimal]) -> list[PlannedRow]:
    """The rows of a shipment; nothing wanted by name means all that is open. Empty when nothing can go."""
    planned: list[PlannedRow] = []
    for row in items.rows:
        quantity = shipped_quantity(items, row, wanted)
        if quantity <= 0:
            continue
        planned.append(PlannedRow(row, quantity))
        if not ships_separately(row) and row["product_type"] == "bundle":
            planned.extend(silent_children(items, row, quantity))
    containers = [row for row in items.rows if ships_separately(row) and goes_along(items, row, planned)]
    return sorted(planned + [PlannedRow(row, Decimal(1)) for row in containers], key=lambda each: each.item["item_id"])


def shipped_quantity(items: OrderItems, row: Row, wanted: Mapping[int, Decimal]) -> Decimal:
    """How many of this row go, 0 for a dummy."""
    open_quantity = items.open_quantity(row)
    if not wanted:
        return open_quantity
    return min(wanted.get(row["item_id"], ZERO), open_quantity)


def silent_children(items: OrderItems, parent: Row, quantity: Decimal) -> list[PlannedRow]:
    """The children of a bundle that ships together."""
    return [
        PlannedRow(
            child,
            min(child["qty_ordered"] / parent["qty_ordered"] * quantity, simple_open_quantity(child)),
            is_silent=True,
        )
        for child in items.children(parent)
    ]


def goes_along(items: OrderItems, container: Row, planned: list[PlannedRow]) -> bool:
    """Whether a part of this bundle is in the shipment."""
    own = {child["item_id"] for child in items.children(container)}
    return any(each.item["item_id"] in own for each in planned)


def goods_taken(items: OrderItems, planned: list[PlannedRow]) -> list[tuple[str, Decimal]]:
    """What leaves the shelf."""
    return [
        pair
        for each in planned
        if not each.is_silent and not items.is_dummy(each.item)
        for pair in items.leaves(each.item, each.quantity)
    ]


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


def simple_open_quantity(row: Row) -> Decimal:
    """Ordered less shipped, refunded and cancelled."""
    left = row["qty_ordered"] - row["qty_shipped"] - row["qty_refunded"] - row["qty_canceled"]
    return max(Decimal(left), ZERO)
