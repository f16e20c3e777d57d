"""Which rows of the shop's order a BNG shipment ships, and how many: what shipment-to-shipment.yaml is given."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import amount
from bridge_common.errors import MappingError, RejectedByTarget

Shipped = dict[str, Decimal]
"""Quantity by ExternalLineID of the sales order; 0 for a line of which nothing was taken, so that its lines are known."""


def reference(shipment_id: str) -> str:
    """The line of a comment by which a shipment of ours is found again; the mapping file writes it."""
    return f"BNG shipment {shipment_id}"


def quantities(shipments: list[dict[str, Any]], sales_order: dict[str, Any]) -> Shipped:
    """What these BNG shipments took, by the shop's item ids. Raises MappingError on a line the order does not have."""
    lines = {str(line["LineNo"]): str(line.get("ExternalLineID") or "") for line in sales_order["Lines"]}
    taken: Shipped = dict.fromkeys(lines.values(), Decimal(0))
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
    bundle's product id. A bundle that is one line at BNG was taken in sets: of one that ships separately go the components
    that make them up.
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
            taken = [_ids_of(external, by_id) for external, quantity in now.items() if quantity]
            waiting.append((shipment, {ids[0] for ids in taken if ids is not None}))
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
        ids = _ids_of(external, by_id) if taken else None
        if ids is None:
            continue
        row, child_id = by_id[ids[0]], ids[1]
        if row["product_type"] != "bundle":
            wanted[ids[0]] += taken
        elif ships_separately.get(int(row["product_id"]), False):
            wanted.update(_components_of(row, child_id, taken, order, now))
        else:
            wanted[ids[0]] = _whole_sets(row, order, earlier, now) - _whole_sets(row, order, earlier)
    return {item_id: taken for item_id, taken in wanted.items() if taken > 0}


def _ids_of(external: str, by_id: dict[str, Any]) -> tuple[str, str] | None:
    """The item id of a row, and of its component, by ExternalLineID. None for a line that is no thing: a rounding, a gift
    card, what a mapping file has added."""
    if not external[:1].isdigit():
        return None
    return named_ids(external, by_id)


def _components_of(
    bundle: dict[str, Any], child_id: str, taken: Decimal, order: dict[str, Any], lines: Shipped
) -> dict[str, Decimal]:
    """Of a bundle that ships separately. Its own line is only its money where its components have theirs."""
    if child_id:
        return {child_id: taken}
    parts = _parts(bundle, order)
    if any(external in lines for external in parts):
        return {}
    return {external.partition("/")[2]: taken * each for external, each in parts.items()}


def named_ids(external: str, by_id: Mapping[str, dict[str, Any]]) -> tuple[str, str]:
    """The row that an ExternalLineID names, and its child, or ''. Raises MappingError where the row is gone."""
    parent_id, _, child_id = external.partition("/")
    if parent_id not in by_id:
        raise MappingError(
            f"the shop's order has no item {parent_id}, which the sales order's line names", problem="unknown-item",
            hint="Settle it by hand in the shop, then bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    return parent_id, child_id


def _whole_sets(bundle: dict[str, Any], order: dict[str, Any], *taken: Shipped) -> Decimal:
    """By its components' lines; by its own, where BNG has no others of it."""
    parts = _parts(bundle, order)
    if not any(external in each for each in taken for external in parts):
        parts = {str(bundle["item_id"]): Decimal(1)}
    complete = amount(bundle, "qty_ordered")
    for external, per_set in parts.items():
        picked = sum((each.get(external, Decimal(0)) for each in taken), Decimal(0))
        complete = min(complete, picked // per_set)
    return complete


def _parts(bundle: dict[str, Any], order: dict[str, Any]) -> dict[str, Decimal]:
    """By ExternalLineID of a component, how many of it are in one set."""
    sets = amount(bundle, "qty_ordered")
    return {
        f"{bundle['item_id']}/{item['item_id']}": amount(item, "qty_ordered") / sets
        for item in order["items"]
        if item.get("parent_item_id") == bundle["item_id"]
    }


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
