"""The comparison of the shops' stock with BNG's: begun now, how far it is, what the last one found."""

from typing import Any

from aiohttp import web

from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.stock_check import report


async def _ask(bridge: Bridge, request: web.Request) -> Any:
    """{site: number}: the report with that number is the answer, once it has ended. Raises NotFound."""
    body = await request.json()
    repairs = False if body.get("report_only") else None
    return {site: bridge.stock_checks[site].ask(repairs=repairs) for site in _sites(bridge, body.get("site"))}


async def _reports(bridge: Bridge, request: web.Request) -> Any:
    """{site: {"now": of this run of the bridge, "last": that came to its end, or null}}. Raises NotFound."""
    return {
        site: {"now": bridge.stock_checks[site].report.told(), "last": report.last(bridge.store.read, site)}
        for site in _sites(bridge, request.query.get("site"))
    }


ROUTES: tuple[Route, ...] = (("POST", "/stock", _ask), ("GET", "/stock", _reports))


def _sites(bridge: Bridge, site: str | None) -> list[str]:
    return list(bridge.stock_checks) if site is None else [bridge.known_site(site)]
