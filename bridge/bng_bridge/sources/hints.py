"""From what BNG announces or lists to a hint: which record, and in whose lane it is handled.

A record in one version is one hint, whoever brings it: a webhook and the poller do not run it twice, and a discarded dead
letter stays discarded until the record changes. A webhook without a version is told apart by its own id.
"""

import sqlite3
from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.shipments import stock_hint
from bng_bridge.inbox import Hint


def hint_of(kind: str, data: dict[str, Any], webhook_id: str, read: sqlite3.Connection) -> Hint | None:
    """None for what no flow of ours follows."""
    if kind == "shipment_created" and data.get("ShipmentID"):
        return shipment_hint(data, read, webhook_id)
    if kind == "inventory_updated" and data.get("SKU"):
        return inventory_hint(data, webhook_id)
    if kind == "order_status_changed" and data.get("SalesOrderID"):
        return status_hint(data, read, webhook_id)
    return None


def status_hint(sales_order: dict[str, Any], read: sqlite3.Connection, webhook_id: str = "") -> Hint:
    sales_order_id = str(sales_order["SalesOrderID"])
    event_key = f"bng/sales_order/{sales_order_id}/{sales_order.get('Version') or webhook_id}"
    return Hint("sales_order", sales_order_id, _lane(sales_order_id, read), event_key, {})


def inventory_hint(item: dict[str, Any], webhook_id: str = "") -> Hint:
    version = item.get("Sequence") or item.get("Version") or webhook_id
    return stock_hint(str(item["SKU"]), str(item.get("Warehouse") or ""), f"stock/{version}")


def shipment_hint(shipment: dict[str, Any], read: sqlite3.Connection, webhook_id: str = "") -> Hint:
    sales_order_id = str(shipment.get("SalesOrderID") or "")
    shipment_id = str(shipment["ShipmentID"])
    event_key = f"bng/shipment/{shipment_id}/{shipment.get('Version') or webhook_id}"
    return Hint("shipment", shipment_id, _lane(sales_order_id, read), event_key, {"SalesOrderID": sales_order_id})


def _lane(sales_order_id: str, read: sqlite3.Connection) -> str:
    """That of the shop's order, when the sales order is bound: all events of one order share it."""
    bound = bindings.by_target(read, "bng", "sales_order", sales_order_id)
    return "/".join(bound.target_key.split("/")[:3]) if bound else f"bng/sales_order/{sales_order_id}"
