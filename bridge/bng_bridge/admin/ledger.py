"""Is it complete? The ledger of some days, and a sweep of BNG now."""

import sqlite3
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bng_bridge import ledger
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.ledger import AT_BNG, VERDICTS, Line, Sums
from bng_bridge.manifest import mark
from bng_bridge.mapping.money import text
from bng_bridge.sources import bng_rows, sweeper
from bridge_common.clock import to_text, utc_now

SCHEMA = 1
MOST_DAYS = 366


async def completeness(bridge: Bridge, last: date | None, days: int) -> dict[str, Any]:
    """Schema 1; see docs/ledger.md. So many days up to `last`; None: to today, in each shop's own time zone."""
    now = utc_now()

    def read(db: sqlite3.Connection) -> list[Line]:
        found = ledger.from_bng(db, list(bridge.config.sites), *_span(now, "UTC", last, days))
        for name, site in bridge.config.sites.items():
            found += ledger.from_magento(db, name, site, *_span(now, site.time_zone, last, days), now)
        return sorted(found, key=lambda line: (line.day, line.source == "bng"))

    lines = await bridge.store.look(read)
    stored = bridge.store.read
    return {
        "schema": SCHEMA,
        "verdict": max((line.verdict for line in lines), key=VERDICTS.index),
        "at": to_text(now),
        "swept_at": {name: sweeper.swept_at(stored, name) for name in bng_rows.ENTITIES},
        "shops_listed_at": {
            site: {entity: mark.listed_at(stored, site, entity) for entity in AT_BNG} for site in bridge.config.sites
        },
        "lines": [_line(line) for line in lines],
    }


async def sweep(bridge: Bridge) -> list[dict[str, Any]]:
    """Every list of BNG, to its end. Raises what BNG's client raises."""
    return [asdict(swept) for swept in await bridge.sweeper.run_all()]


async def _get(bridge: Bridge, request: web.Request) -> Any:
    day, days = request.query.get("day"), int(request.query.get("days", "1"))
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"days is from 1 to {MOST_DAYS}")
    return await completeness(bridge, date.fromisoformat(day) if day else None, days)


async def _sweep(bridge: Bridge, _request: web.Request) -> Any:
    return await sweep(bridge)


ROUTES: tuple[Route, ...] = (("GET", "/ledger", _get), ("POST", "/sweep", _sweep))


def _span(now: datetime, time_zone: str, last: date | None, days: int) -> tuple[date, date]:
    until = last or now.astimezone(ZoneInfo(time_zone)).date()
    return until - timedelta(days=days - 1), until


def _line(line: Line) -> dict[str, Any]:
    return {
        "day": line.day,
        "site": line.site,
        "entity": line.entity,
        "source": line.source,
        "target": line.target,
        "verdict": line.verdict,
        "unlisted": line.unlisted,
        "seen": line.places.total(),
        "applied": line.places["applied"],
        "excluded": dict(line.excluded.most_common()),
        "waiting": line.places["waiting"],
        "waiting_since": line.oldest_at,
        "dead": line.places["dead"],
        "missing": line.places["missing"],
        "differ": line.differ,
        "sums": [_sums(currency, sums) for currency, sums in sorted(line.sums.items())],
        "bng_totals_from": {"sweep": line.bng_totals["sweep"], "write": line.bng_totals["write"]},
        "listed_at": line.listed_at,
        "trouble": line.trouble,
    }


def _sums(currency: str, sums: Sums) -> dict[str, str]:
    """Amounts as text: they are exact, and JSON's numbers are not where they are read as floats."""
    return {
        "currency": currency,
        "seen": text(sums.seen),
        "applied": text(sums.applied),
        "bng": text(sums.bng),
        "difference": text(sums.difference),
    }
