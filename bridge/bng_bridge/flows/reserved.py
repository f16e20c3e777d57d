"""What a shop's open orders hold of a SKU, as its own REST API says: Magento has no list of reservations.

Which of them count as taken off BNG's available quantity, BNG's own sales orders say.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bng_bridge import bindings
from bng_bridge.bng.records import CANCELLED
from bng_bridge.flows.keys import sales_order_key
from bng_bridge.flows.names import order_name
from bng_bridge.flows.running import Running
from bng_bridge.magento.listing import Listing, pages
from bng_bridge.mapping.money import amount
from bridge_common.clock import utc_now

Row = dict[str, Any]
NOTHING = Decimal(0)
ROWS = Listing(
    "/V1/orders/items",
    "item_id,order_id,parent_item_id,sku,product_type,qty_ordered,qty_shipped,qty_canceled,qty_refunded,qty_invoiced",
    id_field="item_id", column="item_id",
)  # fmt: skip
_CONTAINERS = ("configurable", "bundle")
_NOT_SHIPPED = ("virtual", "downloadable")


@dataclass(frozen=True, slots=True)
class Reserved:
    """`everything` that open orders hold; `taken` is what of it BNG has deducted from QuantityAvailable."""

    everything: Decimal = NOTHING
    taken: Decimal = NOTHING

    @property
    def is_any(self) -> bool:
        return bool(self.everything or self.taken)


async def reserved_in_shop(running: Running, sku: str, warehouse: str, shipped: dict[str, Decimal]) -> Reserved:
    """`shipped`: by SalesOrderID, what BNG has shipped of it and the shop does not show as shipped."""
    by_order = await _open_by_order(running, sku)
    taken = NOTHING
    if running.settings.stock_policy == "compensate":
        for order_id, quantity in by_order.items():
            taken += min(quantity, await _taken(running, order_id, sku, warehouse, shipped))
    return Reserved(sum(by_order.values(), NOTHING), taken)


async def _open_by_order(running: Running, sku: str) -> dict[str, Decimal]:
    since = (utc_now() - timedelta(days=running.settings.open_order_days)).strftime("%Y-%m-%d %H:%M:%S")
    found: dict[str, Decimal] = {}
    every = [("sku", "eq", sku), ("created_at", "gteq", since)]
    async for page in pages(running.magento, ROWS, [], every=every):
        parents = await _parents(running, page.items)
        for row in page.items:
            if quantity := open_quantity(row, parents.get(str(row.get("parent_item_id")))):
                order_id = str(row["order_id"])
                found[order_id] = found.get(order_id, NOTHING) + quantity
    return found


async def _parents(running: Running, rows: list[Row]) -> dict[str, Row]:
    """By their ids: in this list a row does not bring its parent."""
    wanted = sorted({str(row["parent_item_id"]) for row in rows if row.get("parent_item_id") and _left(row)})
    if not wanted:
        return {}
    found: dict[str, Row] = {}
    async for page in pages(running.magento, ROWS, [("item_id", "in", ",".join(wanted))]):
        found |= {str(row["item_id"]): row for row in page.items}
    return found


def open_quantity(row: Row, parent: Row | None) -> Decimal:
    """How many pieces of a row Magento still holds a reservation for; 0 of a row that only holds others together.

    Of a configurable, only the parent's row says what was shipped; of a bundle, only the parent's may say what was
    cancelled.
    """
    if row["product_type"] in _CONTAINERS:
        return NOTHING
    if parent is None or not amount(parent, "qty_ordered"):
        return _left(row)
    each = amount(row, "qty_ordered") / amount(parent, "qty_ordered")
    if parent.get("product_type") == "configurable":
        return _left(parent) * each
    return max(NOTHING, min(_left(row), (amount(parent, "qty_ordered") - amount(parent, "qty_canceled")) * each))


def _left(row: Row) -> Decimal:
    gone = "qty_invoiced" if row.get("product_type") in _NOT_SHIPPED else "qty_shipped"
    left = amount(row, "qty_ordered") - amount(row, "qty_canceled") - amount(row, "qty_refunded") - amount(row, gone)
    return max(NOTHING, left)


async def _taken(running: Running, order_id: str, sku: str, warehouse: str, shipped: dict[str, Decimal]) -> Decimal:
    """What BNG no longer has available because of this order.

    An order that BNG does not have has taken nothing; neither has a cancelled one. And of one that is allocated in part
    BNG does not say which part: too little is given back rather than too much.
    """
    sales_order = await _sales_order(running, order_id)
    if sales_order is None or sales_order.get("Deleted") or sales_order.get("OrderStatus") == CANCELLED:
        return NOTHING
    if sales_order.get("AllocationStatus") in ("partial", "backordered"):
        return shipped.get(str(sales_order["SalesOrderID"]), NOTHING)
    lines = [each for each in sales_order["Lines"] if each["SKU"] == sku]
    here = [each for each in lines if (each.get("Warehouse") or warehouse) == warehouse]
    return sum((Decimal(str(each["Quantity"])) for each in here), NOTHING)


async def _sales_order(running: Running, order_id: str) -> dict[str, Any] | None:
    """By its name where it is not bound: BNG may have it, and the bridge not have committed yet that it does."""
    bound = bindings.get(running.read, sales_order_key(running.site, order_id))
    if bound is not None:
        return await running.context.bng.get(f"sales-orders/{bound.target_id}")
    name = order_name(running.read, running.site, running.settings, order_id)
    found = await running.context.bng.search("sales-orders", external_id=name)
    return found[0] if found else None
