"""What BNG has shipped and the shop does not show as shipped yet: its quantity still contains that."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bng_bridge import bindings, inbox
from bng_bridge.flows.keys import shipment_key
from bng_bridge.flows.running import Running
from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text, utc_now

LOOK_BACK = timedelta(minutes=3)
MOST_BY_ID = 20
"""More dead letters than this are looked for in BNG's list, however long it is: a page of it has many shipments."""


async def shipped_not_in_shop(running: Running, sku: str, warehouse: str) -> Decimal:
    total = Decimal(0)
    async for shipment in _told_or_new(running):
        if (
            shipment.get("Warehouse") == warehouse
            and _is_open(running, shipment)
            and not _is_the_shop_s(running, shipment)
        ):
            total += sum(Decimal(str(line["Quantity"])) for line in shipment["Lines"] if line["SKU"] == sku)
    return total


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
