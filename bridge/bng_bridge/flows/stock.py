"""BNG inventory → the quantity of Magento's source items.

BNG's on-hand quantity still contains what open web orders have reserved, as Magento's source quantity does. It no longer
contains what BNG has shipped; Magento's still must until its own shipment is made, or that shipment fails for want of
stock. So what is pushed is on hand + shipped at BNG and not yet in the shop.
"""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bng_bridge import bindings, inbox
from bng_bridge.flows import references
from bng_bridge.flows.context import Context
from bng_bridge.flows.shipments import shipment_key, stock_key
from bng_bridge.inbox import Claimed
from bng_bridge.magento.target import source_reference
from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.outcome import DONE, Outcome, skipped
from bng_bridge.target import Write
from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import DependencyMissing

LOOK_BACK = timedelta(minutes=3)
MOST_BY_ID = 20
"""More dead letters than this are looked for in BNG's list, however long it is: a page of it has many shipments."""


async def stock_to_source_items(event: Claimed, context: Context) -> Outcome:
    hint = event.document()
    sku, warehouse = hint["SKU"], hint["Warehouse"]
    sites = {name: site.sources[warehouse] for name, site in context.sites.items() if warehouse in site.sources}
    if not sites:
        return skipped(f"no site shows the stock of warehouse {warehouse}")
    writes = {site: _write(site, source_reference(sku, source_code)) for site, source_code in sites.items()}
    is_known = any(bindings.get(context.read, write.target_key) for write in writes.values())
    if not is_known and not await context.bng.search("inventory-items", sku=sku, warehouse=warehouse):
        # A bundle's own line is shipped and has no stock.
        return skipped(f"BNG keeps no stock of {sku} in {warehouse}")
    without: list[str] = []
    for site, source_code in sites.items():
        to_source_item = context.mappings(site, "inventory-item-to-source-item")

        async def mapping(
            site: str = site, source_code: str = source_code, to_source_item: Mapping = to_source_item
        ) -> dict[str, Any]:
            item, not_shipped = await _inventory_item(context, site, sku, warehouse)
            body = to_source_item(item, source_code=source_code, not_shipped_in_shop=not_shipped)
            references.check("sku", body.get("sku"), sku)
            references.check("source_code", body.get("source_code"), source_code)
            return body

        # Magento takes the quantity of an unknown SKU with a 200 and keeps an orphan row, so its catalogue is asked first.
        if await context.magento[site].has_product(sku):
            await context.deliver(event.seq, replace(writes[site], mapping=to_source_item.identity), mapping)
        else:
            without.append(site)
    if without:
        raise DependencyMissing(f"parked until the product {sku} exists in {', '.join(without)}", delay_s=5)
    return DONE


def _write(site: str, reference: str) -> Write:
    return Write(
        target="magento", entity="source_item", site=site, target_key=stock_key(site, reference),
        lock_key=f"{site}/stock/{reference}", reference=reference, absolute=True,
    )  # fmt: skip


async def _inventory_item(context: Context, site: str, sku: str, warehouse: str) -> tuple[dict[str, Any], Decimal]:
    """BNG's record, and what was shipped and is not in the shop yet.

    On hand is read before the shipments: one made in between is added twice over, never missed, and seen again.
    """
    found = await context.bng.search("inventory-items", sku=sku, warehouse=warehouse)
    if not found:
        raise DependencyMissing(f"BNG has no inventory item {sku} in {warehouse}", delay_s=30)
    return found[0], await _shipped_not_in_shop(context, site, sku, warehouse)


async def _shipped_not_in_shop(context: Context, site: str, sku: str, warehouse: str) -> Decimal:
    total = Decimal(0)
    async for shipment in _told_or_new(context, site):
        if shipment.get("Warehouse") == warehouse and _is_open(context, site, shipment):
            total += sum(Decimal(str(line["Quantity"])) for line in shipment["Lines"] if line["SKU"] == sku)
    return total


async def _told_or_new(context: Context, site: str) -> AsyncIterator[dict[str, Any]]:
    """Each shipment once that BNG told of and that is not through, and what it may not have told of yet.

    A dead letter may be weeks old. It is read by itself, or all since then would be listed for it.
    """
    hints = inbox.select(context.read, "open_hints", entity="shipment")
    listed = [row for row in hints if row["state"] != "dead"]
    dead = [row for row in hints if row["state"] == "dead" and _may_be_open(context, site, row)]
    if len(dead) > MOST_BY_ID:
        listed, dead = listed + dead, []
    by_id = {str(row["entity_id"]) for row in dead}
    oldest = min([from_text(row["stored_at"]) for row in listed], default=utc_now())
    async for shipment in context.bng.pages("shipments", updated_since=to_text(oldest - LOOK_BACK)):
        by_id.discard(str(shipment["ShipmentID"]))
        yield shipment
    for shipment_id in sorted(by_id):
        if (found := await context.bng.get(f"shipments/{shipment_id}")) is not None:
            yield found


def _may_be_open(context: Context, site: str, hint: sqlite3.Row) -> bool:
    """By what the hint says, so that no other site's dead letters are fetched. A webhook may not name the sales order."""
    sales_order_id = decimal_json.loads(hint["data"] or b"{}").get("SalesOrderID")
    known = {"SalesOrderID": sales_order_id, "ShipmentID": hint["entity_id"]}
    return not sales_order_id or _is_open(context, site, known)


def _is_open(context: Context, site: str, shipment: dict[str, Any]) -> bool:
    bound = bindings.by_target(context.read, "bng", "sales_order", str(shipment["SalesOrderID"]))
    if bound is None or bound.site != site:
        return False
    return bindings.get(context.read, shipment_key(site, shipment["ShipmentID"])) is None
