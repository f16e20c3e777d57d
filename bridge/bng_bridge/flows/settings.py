"""A site's table of bridge.toml as flow files see it: `site`. Where a store has a time zone of its own, it is that one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bng_bridge.config import Site

_made: dict[tuple[str, str], tuple[Site, dict[str, Any]]] = {}


def settings_of(name: str, site: Site, document: Any = None) -> dict[str, Any]:
    """For a document of the site's. Made once for a store: it does not change while the bridge runs, and no expression can
    change it."""
    store = _store_of(document, site)
    kept = _made.get((name, store))
    if kept is None or kept[0] is not site:
        kept = _made[name, store] = (site, _settings(name, site, store))
    return kept[1]


def _store_of(document: Any, site: Site) -> str:
    """Its id, where the site says something of it; else ''."""
    store = str(document.get("store_id")) if isinstance(document, dict) else ""
    return store if store in site.stores else ""


def _settings(name: str, site: Site, store: str) -> dict[str, Any]:
    return {
        "name": name,
        "time_zone": (site.stores[store].time_zone if store else None) or site.time_zone,
        "go_live_at": None if site.go_live_at is None else _moment(site.go_live_at),
        "guest_policy": site.guest_policy,
        "generic_customer_id": site.generic_customer_id,
        "offline_methods": list(site.offline_methods),
        "sources": dict(site.sources),
        "stock_policy": site.stock_policy,
        "backorders": site.backorders,
    }


def _moment(at: datetime) -> str:
    """As time() writes it, so that both compare as texts: whole seconds, and no earlier."""
    at = at.astimezone(UTC)
    if at.microsecond:
        at = at.replace(microsecond=0) + timedelta(seconds=1)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
