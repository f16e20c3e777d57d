"""From what BNG announces or lists to a hint: which record, and in whose lane it is handled.

A record in one state is one hint, whoever brings it: webhook, poller and sweep do not run it twice, and a discarded dead
letter stays discarded until the record changes. A state is told apart by version and UpdatedAt together: a BNG restored
from a backup gives its versions out a second time. A webhook with neither is told apart by its own id.
"""

import sqlite3
from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.follow_ups import customer_lane, stock_hint
from bng_bridge.flows.names import account
from bng_bridge.inbox import Hint
from bng_bridge.merging import kept
from bng_bridge.merging.customers import of_bng
from bng_bridge.merging.merge import BNG, shows_nothing_new


def hint_of(kind: str, data: dict[str, Any], webhook_id: str, read: sqlite3.Connection) -> Hint | None:
    """None for what no flow of ours follows."""
    if kind == "shipment_created" and data.get("ShipmentID"):
        return shipment_hint(data, read, webhook_id)
    if kind == "inventory_updated" and data.get("SKU"):
        return inventory_hint(data, webhook_id)
    if kind == "order_status_changed" and data.get("SalesOrderID"):
        return status_hint(data, read, webhook_id)
    if kind == "customer_updated" and data.get("CustomerID"):
        # One that no shop has an account of is nobody's news, and there are many: each order of a guest makes one.
        return customer_hint(data, read, webhook_id) if account(read, str(data["CustomerID"])) else None
    if kind == "invoice_created" and data.get("InvoiceID"):
        return invoice_hint(data, read, webhook_id)
    return None


def listed_hint(resource: str, item: dict[str, Any], read: sqlite3.Connection) -> Hint | None:
    """For an item of a list of BNG's; None for one that nothing has to be done about.

    Raises KeyError or ValueError for one that cannot be told from another.
    """
    if resource == "shipments":
        return shipment_hint(item, read)
    if resource == "inventory-items":
        return inventory_hint(item)
    if resource == "customers":
        return customer_hint(item, read) if _is_edited(item, read) else None
    if resource == "invoices":
        return invoice_hint(item, read)
    return status_hint(item, read) if resource == "sales-orders" and _is_news(item, read) else None


def status_hint(sales_order: dict[str, Any], read: sqlite3.Connection, webhook_id: str = "") -> Hint:
    sales_order_id = str(sales_order["SalesOrderID"])
    event_key = f"bng/sales_order/{sales_order_id}/{_state(sales_order, webhook_id, 'Version')}"
    return Hint("sales_order", sales_order_id, _lane(sales_order_id, read), event_key, {})


def inventory_hint(item: dict[str, Any], webhook_id: str = "") -> Hint:
    state = _state(item, webhook_id, "Sequence", "Version")
    return stock_hint(str(item["SKU"]), str(item.get("Warehouse") or ""), f"stock/{state}")


def shipment_hint(shipment: dict[str, Any], read: sqlite3.Connection, webhook_id: str = "") -> Hint:
    sales_order_id = str(shipment.get("SalesOrderID") or "")
    shipment_id = str(shipment["ShipmentID"])
    event_key = f"bng/shipment/{shipment_id}/{_state(shipment, webhook_id, 'Version')}"
    return Hint("shipment", shipment_id, _lane(sales_order_id, read), event_key, {"SalesOrderID": sales_order_id})


def customer_hint(customer: dict[str, Any], read: sqlite3.Connection, webhook_id: str = "") -> Hint:
    customer_id = str(customer["CustomerID"])
    event_key = f"bng/customer/{customer_id}/{_state(customer, webhook_id, 'Version')}"
    return Hint("customer", customer_id, customer_lane(read, customer_id), event_key, {})


def _is_edited(customer: dict[str, Any], read: sqlite3.Connection) -> bool:
    """Of a shop's customer something that differs from the last common state: this list is full of our own writes.

    One without a common state is looked at, and one that was deleted.
    """
    bound = account(read, str(customer["CustomerID"]))
    if bound is None:
        return False
    state = kept.common(read, bound.target_key)
    return state is None or bool(customer.get("Deleted")) or not shows_nothing_new(state, of_bng(customer), of=BNG)


def invoice_hint(invoice: dict[str, Any], read: sqlite3.Connection, webhook_id: str = "") -> Hint:
    invoice_id, sales_order_id = str(invoice["InvoiceID"]), str(invoice.get("SalesOrderID") or "")
    event_key = f"bng/invoice/{invoice_id}/{_state(invoice, webhook_id, 'Version')}"
    return Hint("invoice", invoice_id, _lane(sales_order_id, read), event_key, {"SalesOrderID": sales_order_id})


def _is_news(sales_order: dict[str, Any], read: sqlite3.Connection) -> bool:
    """Only a status that differs from the last one both sides knew: this list is full of our own writes.

    One without a status is looked at: whoever reads it alone may see more.
    """
    bound = bindings.by_target(read, "bng", "sales_order", str(sales_order["SalesOrderID"]))
    return bound is not None and bound.facts.get("OrderStatus") != sales_order.get("OrderStatus")


def _state(record: dict[str, Any], webhook_id: str, *versions: str) -> str:
    """The first of these versions that the record has, and its time: `7@2026-03-02T12:00:00.000000Z`.

    Raises ValueError where nothing tells one state from the next: its second hint would be taken for its first.
    """
    version = next((record[name] for name in versions if record.get(name)), None)
    state = "@".join(str(part) for part in (version, record.get("UpdatedAt")) if part) or webhook_id
    if not state:
        raise ValueError("neither a version nor UpdatedAt")
    return state


def _lane(sales_order_id: str, read: sqlite3.Connection) -> str:
    """That of the shop's order, when the sales order is bound: all events of one order share it."""
    bound = bindings.by_target(read, "bng", "sales_order", sales_order_id)
    return "/".join(bound.target_key.split("/")[:3]) if bound else f"bng/sales_order/{sales_order_id}"
