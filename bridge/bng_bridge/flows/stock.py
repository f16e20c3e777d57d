"""What of BNG's stock a shop has to hold, and why it is not the number that BNG says.

Everything here is read inside the lock of the stock that it is read for. A shipment in the shop takes the same lock, so none
is made between these reads and the write that they are for. See docs/adr/0015-two-policies-for-stock.md.
"""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bng_bridge import bindings, inbox, intents
from bng_bridge.flows.keys import shipment_key
from bng_bridge.flows.reserved import Reserved, reserved_in_shop
from bng_bridge.flows.running import Running
from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import DependencyMissing

LOOK_BACK = timedelta(minutes=3)
MOST_BY_ID = 20
"""More dead letters than this are looked for in BNG's list, however long it is: a page of it has many shipments."""
MOVES = ("QuantityOnHand", "QuantityAllocated", "QuantityAvailable", "Sequence")


async def inventory_item(running: Running, sku: str, warehouse: str) -> dict[str, Any] | None:
    found = await running.context.bng.search("inventory-items", sku=sku, warehouse=warehouse)
    return found[0] if found else None


async def stock_for_shop(running: Running, sku: str, warehouse: str) -> dict[str, Any] | None:
    """BNG's item, and the quantities that the shop counts otherwise; null where BNG keeps none.

    Raises DependencyMissing when BNG's stock moved while it was read: a shipment of that moment would count twice.
    """
    item = await inventory_item(running, sku, warehouse)
    if item is None:
        return None
    has_sources = await running.magento.has_sources()
    compensates = running.settings.stock_policy == "compensate"
    not_shipped = Decimal(0) if compensates else await shipped_not_in_shop(running, sku, warehouse)
    reserved = Reserved()
    if compensates or not has_sources:
        shipped = await _shipped(running, sku, warehouse) if compensates else {}
        reserved = await reserved_in_shop(running, sku, warehouse, shipped)
    if not_shipped or reserved.is_any:
        again = await inventory_item(running, sku, warehouse)
        if again is None or any(again.get(name) != item.get(name) for name in MOVES):
            raise DependencyMissing(f"BNG's stock of {sku} in {warehouse} moved while it was read", delay_s=0.2)
    return {
        "item": item, "not_shipped_in_shop": not_shipped, "taken": reserved.taken,
        "reserved": Decimal(0) if has_sources else reserved.everything,
    }  # fmt: skip


async def shipped_not_in_shop(running: Running, sku: str, warehouse: str) -> Decimal:
    return sum((await _shipped(running, sku, warehouse)).values(), Decimal(0))


async def _shipped(running: Running, sku: str, warehouse: str) -> dict[str, Decimal]:
    """By SalesOrderID: what BNG has shipped and the shop does not show as shipped yet; its quantity still contains that.

    Raises DependencyMissing while the shop may be making one of these shipments: it is neither there nor not.
    """
    found: dict[str, Decimal] = {}
    async for shipment in _told_or_new(running):
        is_open = shipment.get("Warehouse") == warehouse and _is_open(running, shipment)
        if not is_open or _is_the_shop_s(running, shipment):
            continue
        quantity = sum((Decimal(str(line["Quantity"])) for line in shipment["Lines"] if line["SKU"] == sku), Decimal(0))
        if quantity:
            _check_known(running, shipment)
            sales_order_id = str(shipment["SalesOrderID"])
            found[sales_order_id] = found.get(sales_order_id, Decimal(0)) + quantity
    return found


async def _told_or_new(running: Running) -> AsyncIterator[dict[str, Any]]:
    """Each shipment once that BNG told of and that is not through, and what it may not have told of yet.

    A dead letter may be weeks old. It is read by itself, or all since then would be listed for it.
    """
    hints = inbox.select(running.read, "open_hints", entity="shipment")
    listed = [row for row in hints if row["state"] != "dead"]
    dead = [row for row in hints if row["state"] == "dead" and _may_be_open(running, row)]
    if len(dead) > MOST_BY_ID:
        listed, dead = listed + dead, []
    by_id = {str(row["entity_id"]) for row in dead}
    oldest = min([from_text(row["stored_at"]) for row in listed], default=utc_now())
    async for shipment in running.context.bng.pages("shipments", updated_since=to_text(oldest - LOOK_BACK)):
        by_id.discard(str(shipment["ShipmentID"]))
        yield shipment
    for shipment_id in sorted(by_id):
        if (found := await running.context.bng.get(f"shipments/{shipment_id}")) is not None:
            yield found


def _is_the_shop_s(running: Running, shipment: dict[str, Any]) -> bool:
    """Shipped in the shop's admin, and posted at BNG by the bridge: the shop has deducted it."""
    return bindings.by_target(running.read, "bng", "shipment", str(shipment["ShipmentID"])) is not None


def _may_be_open(running: Running, hint: sqlite3.Row) -> bool:
    """By what the hint says, so that no other site's dead letters are fetched. A webhook may not name the sales order."""
    sales_order_id = decimal_json.loads(hint["data"] or b"{}").get("SalesOrderID")
    known = {"SalesOrderID": sales_order_id, "ShipmentID": hint["entity_id"]}
    return not sales_order_id or _is_open(running, known)


def _is_open(running: Running, shipment: dict[str, Any]) -> bool:
    bound = bindings.by_target(running.read, "bng", "sales_order", str(shipment["SalesOrderID"]))
    if bound is None or bound.site != running.site:
        return False
    return bindings.get(running.read, shipment_key(running.site, shipment["ShipmentID"])) is None


def _check_known(running: Running, shipment: dict[str, Any]) -> None:
    key = shipment_key(running.site, shipment["ShipmentID"])
    if intents.get(running.read, key) is not None:
        raise DependencyMissing(
            f"whether {running.site} has made shipment {shipment['ShipmentID']} is not known yet: its stock waits",
            hint=f"bridgectl trace {shipment['ShipmentID']} shows what it waits for.",
        )
