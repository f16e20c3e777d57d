"""Reads BNG for the demand report: through its throttle, page by page, and only what open orders want is kept.

Which sales orders are ours the bindings say, and which of them may be open. What is told about them and about stock BNG says
itself: the bindings only spare it the question.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bng_bridge.bng.client import BngClient
from bng_bridge.bng.records import FINAL
from bng_bridge.bng.unreadable import reading
from bng_bridge.demand.cover import NOTHING, Covered, Incoming, Place, Wanted, covered
from bridge_common import queries
from bridge_common.clock import from_text, to_text

_SQL = queries.load("bng_bridge", "demand")
MARGIN = timedelta(minutes=5)
LOOK_BACK = timedelta(days=365)
"""A purchase order that nobody has touched for longer is not coming."""
MOST_BY_ID = 20
"""More than so many are found in a list, however long it is: a page of it has many."""
NO_STOCK = ("SERVICE", "KIT", "FAMILY")
"""Kinds of products that lie in no warehouse themselves."""

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ours:
    """A sales order of ours that may be open, and when BNG made it."""

    sales_order_id: str
    created_at: datetime


def open_orders(db: sqlite3.Connection, sites: Iterable[str]) -> list[Ours]:
    """As far as the bridge knows: neither completed, closed nor cancelled."""
    rows = [row for site in sites for row in db.execute(_SQL["open_orders"], {"site": site})]
    return [Ours(row["target_id"], from_text(row["created_at"])) for row in rows]


async def survey(client: BngClient, ours: list[Ours], now: datetime) -> list[Covered]:
    """Raises what the client raises, and Unreadable for a record of another form."""
    if not ours:
        return []
    with reading("a record of those that cover demand"):
        return await _survey(client, ours, now)


async def _survey(client: BngClient, ours: list[Ours], now: datetime) -> list[Covered]:
    wanted = await _wanted(client, ours)
    skus = {each.place[0] for each in wanted}
    on_hand = {_place(item): _number(item["QuantityOnHand"]) async for item in _inventory(client, skus)}
    since = to_text(now - LOOK_BACK)
    incoming = [
        each
        async for order in client.pages("purchase-orders", updated_since=since)
        for each in _read(order)
        if each.place[0] in skus
    ]
    without = await _without_stock(client, skus - {sku for sku, _ in on_hand})
    return covered([each for each in wanted if each.place[0] not in without], on_hand, incoming)


async def _wanted(client: BngClient, ours: list[Ours]) -> list[Wanted]:
    """What of each open order has not been shipped."""
    shipped: dict[tuple[str, str], Decimal] = {}
    async for shipment in _of_orders(client, "shipments", ours):
        for line in shipment.get("Lines") or ():
            key = str(shipment["SalesOrderID"]), str(line["LineNo"])
            shipped[key] = shipped.get(key, NOTHING) + _number(line["Quantity"])
    wanted = []
    async for order in _of_orders(client, "sales-orders", ours):
        if order.get("Deleted") or order.get("OrderStatus") in FINAL:
            continue
        order_id = str(order["SalesOrderID"])
        for line in order["Lines"]:
            left = _number(line["Quantity"]) - shipped.get((order_id, str(line["LineNo"])), NOTHING)
            if left > 0:
                wanted.append(Wanted(order_id, _place(line), left))
    return wanted


async def _of_orders(client: BngClient, resource: str, ours: list[Ours]) -> AsyncIterator[Record]:
    """Few orders are asked for one by one; of many, all since the oldest are listed: no shipment is older than its order."""
    ids = {each.sales_order_id for each in ours}
    if len(ids) > MOST_BY_ID:
        since = to_text(min(each.created_at for each in ours) - MARGIN)
        async for record in client.pages(resource, updated_since=since):
            if str(record["SalesOrderID"]) in ids:
                yield record
        return
    for order_id in sorted(ids):
        if resource == "shipments":
            async for record in client.pages(resource, sales_order_id=order_id):
                yield record
        elif (found := await client.get(f"{resource}/{order_id}")) is not None:
            yield found


async def _inventory(client: BngClient, skus: set[str]) -> AsyncIterator[Record]:
    if len(skus) <= MOST_BY_ID:
        for sku in sorted(skus):
            async for item in client.pages("inventory-items", sku=sku):
                yield item
        return
    async for item in client.pages("inventory-items"):
        if str(item["SKU"]) in skus:
            yield item


async def _without_stock(client: BngClient, skus: set[str]) -> set[str]:
    """Of what lies in no warehouse, what never does: a service, a bundle's own line. All else is missing there."""
    found = set()
    for sku in sorted(skus):
        products = await client.search("products", sku=sku)
        if any(product.get("ProductType") in NO_STOCK for product in products):
            found.add(sku)
    return found


def _read(order: Record) -> list[Incoming]:
    with reading(f"purchase-orders {order.get('PurchaseOrderID')}"):
        return _incoming(order)


def _incoming(order: Record) -> list[Incoming]:
    if order.get("Deleted") or str(order.get("Status") or "").lower() in ("received", "closed", "cancelled"):
        return []
    parts = []
    for line in order["Lines"]:
        left = _number(line["Quantity"]) - _number(line.get("ReceivedQuantity"))
        # Such as freight: it covers nobody's demand.
        if left > 0 and line.get("SKU"):
            day = str(order.get("ExpectedDate") or "")
            parts.append(Incoming(str(order["PurchaseOrderID"]), _place(line), left, day))
    return parts


def _place(line: Record) -> Place:
    return str(line["SKU"]), str(line.get("Warehouse") or "")


def _number(value: Any) -> Decimal:
    return NOTHING if value is None else Decimal(str(value))
