"""BNG shipment → Magento shipment with its tracks, on the order that the sales order came from."""

from dataclasses import replace
from typing import Any

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.flows import references
from bng_bridge.flows.context import Context
from bng_bridge.flows.names import names_an_order
from bng_bridge.inbox import Claimed, Hint
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.target import source_reference
from bng_bridge.mapping import orders, shipments
from bng_bridge.outcome import Outcome, skipped
from bng_bridge.target import Write
from bridge_common.errors import DependencyMissing, RejectedByTarget

BUNDLE_KEPT_S = 60.0
"""Somebody may set a bundle to ship otherwise; the shipments of a busy minute ask once."""


async def shipment_to_shipment(event: Claimed, context: Context) -> Outcome:
    shipment = await context.bng.get(f"shipments/{event.entity_id}")
    if shipment is None:
        raise RejectedByTarget(
            f"BNG announced shipment {event.entity_id} and does not have it", problem="absent",
            hint="It was deleted in BNG: bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    sales_order_id = str(shipment["SalesOrderID"])
    bound = bindings.by_target(context.read, "bng", "sales_order", sales_order_id)
    sales_order = await context.bng.get(f"sales-orders/{sales_order_id}")
    if bound is None or sales_order is None:
        return unbound(sales_order, context)
    write = shipment_write(bound, shipment, context)
    to_shipment = context.mappings(bound.site, "shipment-to-shipment")

    async def mapping() -> dict[str, Any]:
        found = await _to_ship(context, shipment, sales_order, bound)
        body = to_shipment(shipment, **found)
        lines = [shipments.reference(part["ShipmentID"]) for part in found["parts"]]
        references.check_lines("comment", (body.get("comment") or {}).get("comment"), lines)
        return body

    await context.deliver(event.seq, replace(write, mapping=to_shipment.identity), mapping)
    return Outcome("done", hints=_stock_hints(event, shipment))


def shipment_key(site: str, shipment_id: str) -> str:
    return f"{site}/shipment/{shipment_id}/shipment"


def shipment_write(bound: Binding, shipment: dict[str, Any], context: Context) -> Write:
    order_id = bound.target_key.split("/")[2]
    source_code = context.sites[bound.site].sources.get(shipment.get("Warehouse") or "")
    references = {source_reference(line["SKU"], source_code) for line in shipment["Lines"]} if source_code else set()
    return Write(
        target="magento", entity="shipment", site=bound.site,
        target_key=shipment_key(bound.site, shipment["ShipmentID"]), lock_key=f"{bound.site}/order/{order_id}",
        reference=shipments.reference(shipment["ShipmentID"]), create_only=True,
        invalidates=tuple(stock_key(bound.site, reference) for reference in sorted(references)),
    )  # fmt: skip


def stock_key(site: str, reference: str) -> str:
    return f"{site}/stock/{reference}/source_item"


def unbound(sales_order: dict[str, Any] | None, context: Context) -> Outcome:
    """For a sales order without a binding. One that BNG took elsewhere is none of ours.

    Raises DependencyMissing for one of ours: BNG tells of it before the bridge has committed what it wrote.
    """
    if sales_order is None:
        return skipped("BNG no longer has the sales order")
    sales_order_id, external_id = str(sales_order["SalesOrderID"]), str(sales_order.get("ExternalID") or "")
    if (lost := bindings.lost_by_target(context.read, "bng", "sales_order", sales_order_id)) is not None:
        return skipped(f"{lost.site} lost the order when it was restored")
    if any(names_an_order(site, name, external_id) for name, site in context.sites.items()):
        raise DependencyMissing(f"sales order {sales_order_id} ({external_id}) is not bound yet")
    # Without its number: the ledger counts by reason.
    return skipped("the sales order did not come from a shop")


async def _to_ship(
    context: Context, shipment: dict[str, Any], sales_order: dict[str, Any], bound: Binding
) -> dict[str, Any]:
    """Which rows of the shop's order, and how many; and the BNG shipments that these stand for."""
    client, order_id = context.magento[bound.site], bound.target_key.split("/")[2]
    order = await client.get(f"/V1/orders/{order_id}")
    if order is None:
        raise RejectedByTarget(
            f"{bound.site} has no order {order_id}", problem="absent",
            hint="It was deleted in the shop: bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    bindings.check_fingerprint(bound.target_key, bound.fingerprint, orders.fingerprint(order))
    if order["state"] == "holded":
        raise DependencyMissing(f"order {order['increment_id']} is on hold in the shop", delay_s=30)
    separately = await _bundles_that_ship_separately(client, order)
    up_to_now = await _up_to(context, shipment)
    now, earlier = shipments.quantities([shipment], sales_order), shipments.quantities(up_to_now[:-1], sales_order)
    items = shipments.items_to_ship(order, now, earlier, separately)
    if not items:
        raise DependencyMissing(
            f"shipment {shipment['ShipmentID']} completes no set of a bundle yet", delay_s=3,
            hint="It is applied with the shipment that completes the set.",
        )  # fmt: skip
    # Those that waited for this one to complete a set go with it: their references, so that they are found, and tracks.
    return {
        "items": items,
        "parts": [shipment, *shipments.waiting_for(up_to_now, sales_order, order, separately)],
    }


async def _up_to(context: Context, shipment: dict[str, Any]) -> list[dict[str, Any]]:
    """BNG's shipments of the same order, oldest first, with this one as the last."""

    def age(each: dict[str, Any]) -> tuple[str, str]:
        return each["CreatedAt"], each["ShipmentID"]

    found = await context.bng.search("shipments", sales_order_id=str(shipment["SalesOrderID"]))
    return [*sorted((each for each in found if age(each) < age(shipment)), key=age), shipment]


async def _bundles_that_ship_separately(client: MagentoClient, order: dict[str, Any]) -> dict[int, bool]:
    """By product id, asked of the catalogue: the order document does not say it."""
    separately: dict[int, bool] = {}
    for item in order["items"]:
        product_id = int(item["product_id"])
        if item["product_type"] == "bundle" and product_id not in separately:
            found = await client.search("/V1/products", kept_s=BUNDLE_KEPT_S, entity_id=str(product_id))
            attributes = {a["attribute_code"]: a["value"] for a in found[0]["custom_attributes"]} if found else {}
            separately[product_id] = str(attributes.get("shipment_type", "0")) == "1"
    return separately


def _stock_hints(event: Claimed, shipment: dict[str, Any]) -> tuple[Hint, ...]:
    """Magento deducted these from its source: look at their stock again, from BNG's side."""
    warehouse = shipment.get("Warehouse") or ""
    return tuple(
        stock_hint(sku, warehouse, f"after-shipment/{event.seq}")
        for sku in sorted({line["SKU"] for line in shipment["Lines"]})
    )


def stock_hint(sku: str, warehouse: str, cause: str) -> Hint:
    entity_id = f"{warehouse}|{sku}"
    data = {"SKU": sku, "Warehouse": warehouse}
    return Hint("stock", entity_id, f"stock/{entity_id}", f"bng/{cause}/{entity_id}", data)
