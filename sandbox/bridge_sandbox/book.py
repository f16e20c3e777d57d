"""Compares what the shop sold with what BNG holds, and what BNG did with what the shop shows.

Pure functions over the two sandboxes' books (`GET /book`), so that the proof does not come from the programs it is
about. Amounts in a book are Decimal, or text that reads as one.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bridge_sandbox.catalogue import BY_SKU, SOURCE_CODE, WAREHOUSE

Book = dict[str, Any]

CENT = Decimal("0.01")
_REFERENCE = re.compile(r"BNG shipment (\w[\w-]*)")


@dataclass(frozen=True)
class Comparison:
    """One run's result; `lost` and `duplicated` hold a sentence for each thing that is wrong."""

    orders_placed: int
    sales_orders: int
    shipments_created: int
    shipments_in_shop: int
    stock_changes: int
    stock_in_shop: int
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    latencies_ms: tuple[float, ...]

    @property
    def is_complete(self) -> bool:
        """Everything arrived once, and both sides agree on the numbers."""
        return not self.lost and not self.duplicated and self.pairs_equal

    @property
    def pairs_equal(self) -> bool:
        return (
            self.orders_placed == self.sales_orders
            and self.shipments_created == self.shipments_in_shop
            and self.stock_changes == self.stock_in_shop
        )


def compare(shop: Book, bng: Book, *, site: str) -> Comparison:
    """Compare one site's shop with BNG; records of other sites in BNG are left aside."""
    sales_orders = by_external_id(bng["sales_orders"], site)
    customers = by_external_id(bng["customers"], site)
    shipments = shipments_of(bng, sales_orders)
    in_shop = shop_shipments(shop)
    changed = changed_stock(bng)
    quantities = source_quantities(shop)
    return Comparison(
        orders_placed=len(shop["orders"]),
        sales_orders=sum(map(len, sales_orders.values())),
        shipments_created=len(shipments),
        shipments_in_shop=sum(len(found) for number, found in in_shop.items() if number in shipments),
        stock_changes=len(changed),
        stock_in_shop=sum(quantities.get(sku) == on_hand for sku, on_hand in changed.items()),
        lost=(
            *lost_orders(shop, sales_orders, site),
            *lost_shipments(shipments, in_shop),
            *lost_stock(bng, quantities),
        ),
        duplicated=(
            *extra_records("sales order", sales_orders),
            *extra_records("customer", customers),
            *extra_shipments(shipments, in_shop),
            *extra_tracks(shop),
        ),
        latencies_ms=tuple(latencies_ms(shop, sales_orders, site)),
    )


def percentile(values: Iterable[float], percent: float) -> float | None:
    """Nearest rank: a value that occurred. None of nothing."""
    ranked = sorted(values)
    if not ranked:
        return None
    return ranked[max(0, math.ceil(percent / 100 * len(ranked)) - 1)]


def by_external_id(records: Iterable[Book], site: str) -> dict[str, list[Book]]:
    """The site's records by their ExternalID; a list longer than one is a duplicate."""
    found = defaultdict(list)
    for record in records:
        external_id = record.get("ExternalID") or ""
        if external_id.startswith(f"{site}-"):
            found[external_id].append(record)
    return found


def shipments_of(bng: Book, sales_orders: dict[str, list[Book]]) -> dict[str, Book]:
    """BNG's shipments for these sales orders, by ShipmentID."""
    ours = {record["SalesOrderID"] for found in sales_orders.values() for record in found}
    return {record["ShipmentID"]: record for record in bng["shipments"] if record["SalesOrderID"] in ours}


def shop_shipments(shop: Book) -> dict[str, list[Book]]:
    """The shop's shipments by the BNG shipment that their comments name."""
    found = defaultdict(list)
    for shipment in shop["shipments"]:
        for number in sorted(set(_REFERENCE.findall("\n".join(shipment["comments"])))):
            found[number].append(shipment)
    return found


def changed_stock(bng: Book) -> dict[str, Decimal]:
    """On hand now, of each SKU that BNG shipped or adjusted: it is no longer the opening stock."""
    return {sku: on_hand for sku, on_hand in stock_on_hand(bng).items() if on_hand != BY_SKU[sku].opening_stock}


def stock_on_hand(bng: Book) -> dict[str, Decimal]:
    return {
        item["SKU"]: Decimal(item["QuantityOnHand"])
        for item in bng["inventory_items"]
        if item["Warehouse"] == WAREHOUSE and item["SKU"] in BY_SKU
    }


def source_quantities(shop: Book) -> dict[str, Decimal]:
    return {
        item["sku"]: Decimal(item["quantity"]) for item in shop["source_items"] if item["source_code"] == SOURCE_CODE
    }


def lost_orders(shop: Book, sales_orders: dict[str, list[Book]], site: str) -> Iterable[str]:
    """Shop orders without a sales order, or with one whose total is a cent or more off."""
    for order in shop["orders"]:
        external_id = f"{site}-{order['entity_id']}"
        found = sales_orders.get(external_id)
        if not found:
            yield f"order {order['entity_id']} ({order['increment_id']}) has no sales order {external_id}"
        elif abs(Decimal(found[0]["Total"]) - Decimal(order["grand_total"])) >= CENT:
            yield (
                f"order {order['entity_id']} is {order['grand_total']} in the shop "
                f"and {found[0]['Total']} as sales order {found[0]['SalesOrderID']}"
            )


def lost_shipments(shipments: dict[str, Book], in_shop: dict[str, list[Book]]) -> Iterable[str]:
    """BNG shipments that the shop does not show with all their tracking numbers."""
    for number, shipment in shipments.items():
        found = in_shop.get(number)
        if not found:
            yield f"shipment {number} of {shipment['SalesOrderID']} is not in the shop"
            continue
        shown = {track["track_number"] for each in found for track in each["tracks"]}
        if missing := sorted(set(shipment["TrackingNumbers"]) - shown):
            yield f"shipment {number} is in the shop without {', '.join(missing)}"


def lost_stock(bng: Book, quantities: dict[str, Decimal]) -> Iterable[str]:
    for sku, on_hand in stock_on_hand(bng).items():
        if quantities.get(sku) != on_hand:
            yield f"stock of {sku} is {on_hand} in BNG and {quantities.get(sku)} in the shop"


def extra_records(noun: str, records: dict[str, list[Book]]) -> Iterable[str]:
    """One sentence per record too many."""
    for external_id, found in records.items():
        for _ in found[1:]:
            yield f"{noun} {external_id} exists {len(found)} times in BNG"


def extra_shipments(shipments: dict[str, Book], in_shop: dict[str, list[Book]]) -> Iterable[str]:
    for number in shipments:
        for each in in_shop.get(number, [])[1:]:
            yield f"shipment {number} is in the shop again as {each['increment_id']}"


def extra_tracks(shop: Book) -> Iterable[str]:
    """Tracking numbers that one shop shipment shows more than once."""
    for shipment in shop["shipments"]:
        for number, count in Counter(track["track_number"] for track in shipment["tracks"]).items():
            for _ in range(count - 1):
                yield f"tracking number {number} is {count} times on shop shipment {shipment['increment_id']}"


def latencies_ms(shop: Book, sales_orders: dict[str, list[Book]], site: str) -> Iterable[float]:
    """From the order's commit in the shop to its sales order in BNG; one machine, so one clock."""
    for order in shop["orders"]:
        for record in sales_orders.get(f"{site}-{order['entity_id']}", [])[:1]:
            committed_at = datetime.fromisoformat(order["committed_at"])
            created_at = datetime.fromisoformat(record["CreatedAt"])
            yield (created_at - committed_at).total_seconds() * 1000
