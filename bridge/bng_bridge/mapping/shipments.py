"""Which rows of the shop's order a BNG shipment ships, and how many: what shipment-to-shipment.yaml is given."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import amount
from bridge_common.errors import MappingError, RejectedByTarget

Shipped = dict[str, Decimal]
"""Quantity by ExternalLineID of the sales order."""


def reference(shipment_id: str) -> str:
    """The line of a comment by which a shipment of ours is found again; the mapping file writes it."""
    return f"BNG shipment {shipment_id}"


def quantities(shipments: list[dict[str, Any]], sales_order: dict[str, Any]) -> Shipped:
    """What these BNG shipments took, by the shop's item ids. Raises MappingError on a line the order does not have."""
    lines = {str(line["LineNo"]): line["ExternalLineID"] for line in sales_order["Lines"]}
    taken: Shipped = defaultdict(Decimal)
    for shipment in shipments:
        for line in shipment["Lines"]:
            if str(line["LineNo"]) not in lines:
                raise MappingError(
                    f"shipment {shipment['ShipmentID']} has line {line['LineNo']}, the order has not",
                    hint="Correct the shipment in BNG, then bridgectl dlq retry {event}.", problem="unknown-line",
                )  # fmt: skip
            taken[lines[str(line["LineNo"])]] += Decimal(str(line["Quantity"]))
    return taken


def items_to_ship(
    order: dict[str, Any], now: Shipped, earlier: Shipped, ships_separately: dict[int, bool]
) -> list[dict[str, Any]]:
    """The `items` of the ship call; empty when this shipment only holds parts of sets that it does not complete.

    `earlier` is what BNG's earlier shipments of the order took. A configurable is shipped by its parent row. So is a bundle
    that ships together: as many whole sets as its components up to and including this shipment make up, less those that
    the earlier ones made up. A bundle that ships separately is shipped by its components. `ships_separately` is by the
    bundle's product id.
    Raises RejectedByTarget when the shop has less left to ship: it would clamp the quantity and answer 200.
    """
    by_id = rows_by_id(order)
    wanted = _wanted(order, now, earlier, ships_separately)
    return [_ship_item(by_id[item_id], taken) for item_id, taken in wanted.items()]


def lines_shipped(shipment: dict[str, Any], sales_order: dict[str, Any], order: dict[str, Any]) -> list[dict[str, Any]]:
    """LineNo, SKU and Quantity of the sales order's lines that a shipment of the shop's admin took: the other way round.

    What is shipped by its parent's row is the child's line: a configurable, and each part of a bundle that ships together.
    Raises MappingError when a row that was shipped is on no line.
    """
    by_id, found, told = rows_by_id(order), [], set()
    shipped = {str(item["order_item_id"]): amount(item, "qty") for item in shipment["items"] if amount(item, "qty")}
    for line in sales_order["Lines"]:
        external = str(line["ExternalLineID"] or "")
        row, _, child = external.partition("/")
        quantity = shipped.get(child or row)
        if not quantity and child and row in shipped:
            quantity = _with_parent(shipped[row], by_id[row], by_id[child])
        if quantity:
            found.append({"LineNo": line["LineNo"], "SKU": line["SKU"], "Quantity": quantity})
            told |= {row, child}
    # A configurable's own child is listed beside it, and is not another thing.
    missing = [row for row in shipped if row not in told and str(by_id[row].get("parent_item_id")) not in told]
    if missing:
        raise MappingError(
            f"shipment {shipment['entity_id']} has row {missing[0]} of the shop's order, which is on no line of sales order "
            f"{sales_order['SalesOrderID']}", problem="unknown-line",
            hint="Enter the shipment in BNG by hand, then bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    return found


def _with_parent(quantity: Decimal, parent: dict[str, Any], child: dict[str, Any]) -> Decimal:
    """How many of the child go with so many of the parent."""
    return quantity * amount(child, "qty_ordered") / amount(parent, "qty_ordered")


def waiting_for(
    shipments: list[dict[str, Any]],
    sales_order: dict[str, Any],
    order: dict[str, Any],
    ships_separately: dict[int, bool],
) -> list[dict[str, Any]]:
    """Of BNG's shipments of an order, oldest first, those that wait for the last one to complete a set of theirs."""
    by_id = rows_by_id(order)
    waiting: list[tuple[dict[str, Any], set[str]]] = []
    completed: list[dict[str, Any]] = []
    for index, shipment in enumerate(shipments):
        now = quantities([shipment], sales_order)
        wanted = _wanted(order, now, quantities(shipments[:index], sales_order), ships_separately)
        completed = [each for each, rows in waiting if rows & wanted.keys()]
        waiting = [(each, rows) for each, rows in waiting if not rows & wanted.keys()]
        if not wanted:
            rows = {_shipped_row(external, by_id, ships_separately) for external in now}
            waiting.append((shipment, {row for row in rows if row is not None}))
    return completed


def rows_by_id(order: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(item["item_id"]): item for item in order["items"]}


def _wanted(
    order: dict[str, Any], now: Shipped, earlier: Shipped, ships_separately: dict[int, bool]
) -> dict[str, Decimal]:
    """Quantity above 0 by the id of the row that is shipped."""
    by_id = rows_by_id(order)
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for external, taken in now.items():
        item_id = _shipped_row(external, by_id, ships_separately)
        if item_id is None:
            continue
        if by_id[item_id]["product_type"] == "bundle":
            wanted[item_id] = _whole_sets(by_id[item_id], order, earlier, now) - _whole_sets(
                by_id[item_id], order, earlier
            )
        else:
            wanted[item_id] += taken
    return {item_id: taken for item_id, taken in wanted.items() if taken > 0}


def _shipped_row(external: str, by_id: dict[str, Any], ships_separately: dict[int, bool]) -> str | None:
    if external == "rounding":
        return None
    parent, child_id = named_row(external, by_id)
    parent_id = str(parent["item_id"])
    if parent["product_type"] != "bundle":
        return parent_id
    separately = ships_separately.get(int(parent["product_id"]), False)
    if separately:
        return child_id or None
    return parent_id


def named_row(external: str, by_id: Mapping[str, dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """The row that an ExternalLineID names, and the id of its child, or ''. Raises MappingError where it is gone."""
    parent_id, _, child_id = external.partition("/")
    if parent_id not in by_id:
        raise MappingError(
            f"the shop's order has no item {parent_id}, which the sales order's line names", problem="unknown-item",
            hint="Settle it by hand in the shop, then bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    return by_id[parent_id], child_id


def _whole_sets(bundle: dict[str, Any], order: dict[str, Any], *taken: Shipped) -> Decimal:
    sets = amount(bundle, "qty_ordered")
    complete = sets
    for item in order["items"]:
        if item.get("parent_item_id") == bundle["item_id"]:
            per_set = amount(item, "qty_ordered") / sets
            external = f"{bundle['item_id']}/{item['item_id']}"
            picked = sum((each.get(external, Decimal(0)) for each in taken), Decimal(0))
            complete = min(complete, picked // per_set)
    return complete


def _ship_item(item: dict[str, Any], wanted: Decimal) -> dict[str, Any]:
    left = (
        amount(item, "qty_ordered")
        - amount(item, "qty_shipped")
        - amount(item, "qty_refunded")
        - amount(item, "qty_canceled")
    )
    if wanted > left:
        raise RejectedByTarget(
            f"BNG shipped {wanted} of {item['sku']}, the shop has {left} left to ship", problem="less-left-to-ship",
            hint="Part of the order was shipped, refunded or cancelled in the shop by hand. Settle it there, then "
            "bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    return {"order_item_id": item["item_id"], "qty": wanted}
