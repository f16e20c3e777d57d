"""From what BNG announces to a hint: which record, and in whose lane it is handled."""

import sqlite3
from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.shipments import stock_hint
from bng_bridge.inbox import Hint


def hint_of(kind: str, data: dict[str, Any], event_key: str, read: sqlite3.Connection) -> Hint | None:
    """None for what no flow of ours follows."""
    if kind == "shipment_created" and data.get("ShipmentID"):
        return shipment_hint(data, event_key, read)
    if kind == "inventory_updated" and data.get("SKU"):
        return stock_hint(str(data["SKU"]), str(data.get("Warehouse") or ""), event_key.removeprefix("bng/"))
    return None


def shipment_hint(shipment: dict[str, Any], event_key: str, read: sqlite3.Connection) -> Hint:
    """In the lane of the shop's order, when the sales order is bound: all events of one order share it."""
    sales_order_id = str(shipment.get("SalesOrderID") or "")
    bound = bindings.by_target(read, "bng", "sales_order", sales_order_id)
    lane = "/".join(bound.target_key.split("/")[:3]) if bound else f"bng/sales_order/{sales_order_id}"
    shipment_id = str(shipment["ShipmentID"])
    return Hint("shipment", shipment_id, lane, event_key, {"SalesOrderID": sales_order_id})
