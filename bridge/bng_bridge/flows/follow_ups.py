"""What a flow has looked at next: hints, stored in the commit that closes its event."""

import sqlite3
from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.names import account
from bng_bridge.flows.running import Running
from bng_bridge.inbox import Hint


def hints_of(running: Running, event: str, names: dict[str, Any]) -> list[Hint]:
    """Of one `emit`. The same event run again emits the same hints, and each is stored once."""
    cause = f"after-{running.event.entity}/{running.event.seq}"
    if event == "bng/inventory_item":
        warehouse = str(names["warehouse"] or "")
        return [stock_hint(sku, warehouse, cause) for sku in sorted({str(each) for each in names["skus"] or ()})]
    entity, record_id = event.partition("/")[2], str(names["id"] or "")
    if event == "bng/customer":
        lane = customer_lane(running.read, record_id)
        return [Hint(entity, record_id, lane, f"bng/{cause}/{entity}/{record_id}", {})] if record_id else []
    sales_order_id = record_id if entity == "sales_order" else str(names["sales_order_id"] or "")
    data = {} if entity == "sales_order" else {"SalesOrderID": sales_order_id}
    lane = _lane(running, sales_order_id)
    return [Hint(entity, record_id, lane, f"bng/{cause}/{entity}/{record_id}", data)] if record_id else []


def stock_hint(sku: str, warehouse: str, cause: str) -> Hint:
    entity_id = f"{warehouse}|{sku}"
    data = {"SKU": sku, "Warehouse": warehouse}
    return Hint("stock", entity_id, f"stock/{entity_id}", f"bng/{cause}/{entity_id}", data)


def customer_lane(read: sqlite3.Connection, customer_id: str) -> str:
    """That of the shop's customer, where one is bound."""
    bound = account(read, customer_id)
    return "/".join(bound.target_key.split("/")[:3]) if bound else f"bng/customer/{customer_id}"


def _lane(running: Running, sales_order_id: str) -> str:
    """That of the shop's order: all events of one order share it."""
    bound = bindings.by_target(running.read, "bng", "sales_order", sales_order_id)
    return "/".join(bound.target_key.split("/")[:3]) if bound else f"bng/sales_order/{sales_order_id}"
