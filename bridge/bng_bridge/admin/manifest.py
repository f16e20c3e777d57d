"""A pass over what the shops list: begun now, and what it has come to. A pass takes longer than one answer may."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from bng_bridge.admin.bridge import Bridge, NotFound, Route


async def _ask(bridge: Bridge, request: web.Request) -> Any:
    """{site: number}: the report with that number is the answer, once it has ended."""
    site = (await request.json()).get("site")
    return {name: bridge.manifests[name].ask() for name in _sites(bridge, site)}


async def _reports(bridge: Bridge, _request: web.Request) -> Any:
    return {name: asdict(each.report) for name, each in bridge.manifests.items()}


ROUTES: tuple[Route, ...] = (("POST", "/manifest", _ask), ("GET", "/manifest", _reports))


def _sites(bridge: Bridge, site: str | None) -> list[str]:
    """Raises NotFound."""
    if site is not None and site not in bridge.manifests:
        raise NotFound(f"There is no site {site}.", hint=f"Sites: {', '.join(sorted(bridge.manifests))}.")
    return [site] if site is not None else list(bridge.manifests)
