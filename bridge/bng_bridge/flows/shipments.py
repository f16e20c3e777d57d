"""What a BNG shipment ships of the shop's order: bundles go in whole sets, and parts of one wait for the others."""

from typing import Any

from bng_bridge.flows.running import Running
from bng_bridge.magento.client import MagentoClient
from bng_bridge.mapping import shipments

BUNDLE_KEPT_S = 60.0
"""Somebody may set a bundle to ship otherwise; the shipments of a busy minute ask once."""


async def to_ship(
    running: Running, shipment: dict[str, Any], sales_order: dict[str, Any], order: dict[str, Any]
) -> dict[str, Any]:
    """Which rows of the shop's order, and how many; and the BNG shipments that these stand for."""
    separately = await _bundles_that_ship_separately(running.magento, order)
    up_to_now = await _up_to(running, shipment)
    now, earlier = shipments.quantities([shipment], sales_order), shipments.quantities(up_to_now[:-1], sales_order)
    items = shipments.items_to_ship(order, now, earlier, separately)
    if not items:
        return {"items": [], "parts": [shipment]}
    # Those that waited for this one to complete a set go with it.
    waiting = shipments.waiting_for(up_to_now, sales_order, order, separately)
    return {"items": items, "parts": [shipment, *waiting]}


async def _up_to(running: Running, shipment: dict[str, Any]) -> list[dict[str, Any]]:
    """BNG's shipments of the same order, oldest first, with this one as the last."""

    def age(each: dict[str, Any]) -> tuple[str, str]:
        return each["CreatedAt"], each["ShipmentID"]

    found = await running.context.bng.search("shipments", sales_order_id=str(shipment["SalesOrderID"]))
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


async def lines_shipped(
    running: Running, shipment: dict[str, Any], sales_order: dict[str, Any], order: dict[str, Any]
) -> dict[str, Any]:
    """The warehouse is null for a source that shows none of BNG's."""
    source_code = (shipment.get("extension_attributes") or {}).get("source_code")
    warehouse = next((name for name, code in running.settings.sources.items() if code == source_code), None)
    return {"Lines": shipments.lines_shipped(shipment, sales_order, order), "Warehouse": warehouse}
