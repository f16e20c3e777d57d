"""What an operator does with a shop before it goes live: look at it, bind what BNG has already, rehearse its last orders."""

from typing import Any

from aiohttp import web

from bng_bridge.admin import adoption, discovery, history
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.magento.listing import Listing, newest

MOST_ORDERS = 10_000
MOST_REHEARSED = 1000
IDS = Listing("/V1/orders", "entity_id")


async def rehearse(bridge: Bridge, site: str, orders: int) -> dict[str, Any]:
    """The last orders through flow and mapping as if they were placed after go-live; see history.rehearse."""
    client = bridge.context.magento[site]
    ids = [int(item["entity_id"]) for item in await newest(client, IDS, min(orders, MOST_REHEARSED))]
    documents = await history.read_all(client, "order", ids)
    return {"site": site, **await history.rehearse(bridge, "order", site, documents)}


async def _discover(bridge: Bridge, request: web.Request) -> Any:
    site, orders = bridge.only_site(request.query.get("site")), int(request.query.get("orders", "500"))
    return await discovery.discover(bridge, site, min(orders, MOST_ORDERS))


async def _rehearse(bridge: Bridge, request: web.Request) -> Any:
    return await rehearse(bridge, bridge.only_site(request.query.get("site")), int(request.query.get("orders", "100")))


async def _adopt(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    site = bridge.only_site(body.get("site"))
    return await adoption.adopt(bridge, site, str(body["who"]), is_applied=bool(body["apply"]))


ROUTES: tuple[Route, ...] = (
    ("GET", "/golive/discover", _discover), ("GET", "/golive/rehearse", _rehearse), ("POST", "/golive/adopt", _adopt),
)  # fmt: skip
