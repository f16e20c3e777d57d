"""What a flow has looked at next: hints, stored in the commit that closes its event."""

import sqlite3
from typing import Any

from bng_bridge import bindings, switches
from bng_bridge.flows.names import account
from bng_bridge.flows.running import Running
from bng_bridge.inbox import Hint


def hints_of(running: Running, event: str, names: dict[str, Any]) -> list[Hint]:
    """Of one `emit`. The same event run again emits the same hints, and each is stored once."""
    cause = f"after-{running.event.entity}/{running.event.seq}"
    if event == "bng/inventory_item":
        skus = sorted({str(each) for each in names["skus"] or ()})
        return [
            stock_hint(sku, warehouse, cause) for warehouse in _warehouses(running, names["warehouse"]) for sku in skus
        ]
    source, _, entity = event.partition("/")
    if source == "magento":
        at = _switched_at(running, event)
        return [document_hint(running.site, entity, each, at) for each in names["documents"] or ()]
    record_id = str(names["id"] or "")
    if entity == "customer":
        lane = customer_lane(running.read, record_id)
        return [Hint(entity, record_id, lane, f"bng/{cause}/{entity}/{record_id}", {})] if record_id else []
    sales_order_id = record_id if entity == "sales_order" else str(names["sales_order_id"] or "")
    data = {} if entity == "sales_order" else {"SalesOrderID": sales_order_id}
    lane = _lane(running, sales_order_id)
    return [Hint(entity, record_id, lane, f"bng/{cause}/{entity}/{record_id}", data)] if record_id else []


def _warehouses(running: Running, named: Any) -> list[str]:
    if named:
        return [str(named)]
    return list(running.settings.sources) if running.site else []


def _switched_at(running: Running, event: str) -> str:
    flow = running.context.mappings.current.flows(running.site, event, "hint")
    return "" if flow is None else switches.switched_at(running.read, running.site, flow.name)


def document_hint(site: str, entity: str, document: dict[str, Any], switched_at: str) -> Hint:
    """An invoice, shipment or credit memo of the shop, in the lane of its order: one hint for each state that it is seen in,
    however often the order changes; and again once its flow was switched anew, which left it alone before."""
    record_id, order_id = str(document["entity_id"]), str(document["order_id"])
    state = "@".join(str(document.get(name) or "") for name in ("state", "updated_at"))
    state += f"@{switched_at}"
    return Hint(
        entity,
        record_id,
        f"{site}/order/{order_id}",
        f"{site}/{entity}/{record_id}/{state}",
        {"order_id": order_id},
        site,
    )


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
