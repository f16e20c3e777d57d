"""What do the shops' open orders want, and is it there or on its way?"""

from typing import Any

from aiohttp import web

from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.demand import survey
from bng_bridge.demand.cover import Covered
from bng_bridge.mapping.money import quantity
from bridge_common.clock import to_text, utc_now

SCHEMA = 1


async def demand(bridge: Bridge, site: str | None) -> dict[str, Any]:
    """Schema 1; see docs/demand.md. Of one site, or of all. Raises NotFound, and what BNG's client raises."""
    sites = [bridge.known_site(site)] if site else list(bridge.config.sites)
    now = utc_now()
    ours = await bridge.store.look(lambda db: survey.open_orders(db, sites))
    found = await survey.survey(bridge.context.bng, ours, now)
    return {"schema": SCHEMA, "at": to_text(now), "sites": sites, "lines": [_line(each) for each in found]}


async def _get(bridge: Bridge, request: web.Request) -> Any:
    return await demand(bridge, request.query.get("site"))


ROUTES: tuple[Route, ...] = (("GET", "/demand", _get),)


def _line(found: Covered) -> dict[str, Any]:
    """Quantities as text: they are exact."""
    sku, warehouse = found.place
    return {
        "sku": sku,
        "warehouse": warehouse,
        "verdict": found.verdict,
        "orders": found.orders,
        "ordered": quantity(found.ordered),
        "on_hand": quantity(found.on_hand),
        "expected_on": found.expected_on or None,
        "short": quantity(found.short),
        "purchase_orders": [
            {
                "purchase_order_id": each.purchase_order_id,
                "quantity": quantity(each.quantity),
                "expected_on": each.expected_on or None,
            }
            for each in found.incoming
        ],
    }
