"""What a shipment takes from an order: which rows, how many of each, which goods from the shelf.

Pure. The rules are those of Magento's shipment factory:
- what is asked beyond the open quantity is cut down to it, unknown rows and quantities below zero are dropped;
- of a configurable, and of a bundle that ships together, the parent is shipped; the child is a silent companion:
  a bundle's children have their `qty_shipped` raised without a row in the shipment, a configurable's has not;
- of a bundle that ships separately the children are shipped, and the parent comes along with quantity 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox.shop.order_items import ZERO, OrderItems, ships_separately, simple_open_quantity
from bridge_sandbox.shop.session import Row


@dataclass(frozen=True)
class PlannedRow:
    """One row of an order in a shipment; a silent one only has its `qty_shipped` raised."""

    item: Row
    quantity: Decimal
    is_silent: bool = False


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
