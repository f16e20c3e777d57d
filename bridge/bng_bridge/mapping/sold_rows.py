"""Which rows of a Magento order are things that are sold or picked."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import amount

Row = dict[str, Any]


def sold_rows(order: dict[str, Any]) -> list[Row]:
    """`item`, `sku` and `external_id` of each, keyed by order item ids, never by SKU.

    Configurable: one row, money and item of the parent, both ids kept. Fixed bundle: the money on the bundle's row, its
    components at 0 for picking. Dynamic bundle: the components carry the money, the parent only repeats their sum and is
    left out.
    """
    items = order["items"]
    children = defaultdict(list)
    for item in items:
        if item.get("parent_item_id"):
            children[item["parent_item_id"]].append(item)
    return [
        row for item in items if not item.get("parent_item_id") for row in _rows_of(item, children[item["item_id"]])
    ]


def _rows_of(item: dict[str, Any], children: list[dict[str, Any]]) -> list[Row]:
    if item["product_type"] == "bundle" and children:
        parts = [_row(child, external_id=_ids(item, child)) for child in children]
        if all(net(child) == 0 for child in children):
            return [_row(item), *parts]
        return parts
    if children:
        return [_row(item, sku=children[0]["sku"], external_id=_ids(item, children[0]))]
    return [_row(item)]


def net(item: dict[str, Any]) -> Decimal:
    """Before discount. REST's row_total is after it and never below 0; the discount is added back from its own field."""
    return amount(item, "price") * amount(item, "qty_ordered")


def _row(item: dict[str, Any], *, sku: str | None = None, external_id: str | None = None) -> Row:
    return {"item": item, "sku": sku or item["sku"], "external_id": external_id or str(item["item_id"])}


def _ids(parent: dict[str, Any], child: dict[str, Any]) -> str:
    return f"{parent['item_id']}/{child['item_id']}"
