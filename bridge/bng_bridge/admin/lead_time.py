"""How long orders take from the shop's checkout to BNG's shipment: both sides are asked now, the store adds what it saw.

An order that the bridge has carried is known by its binding. One from before go-live is looked for in BNG by the ExternalID
that it would have, or by its number, under which an earlier connector may have put it there.
"""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from bng_bridge import lead_time, windows
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.backfill.days import Days, created_between
from bng_bridge.bng.client import BngClient
from bng_bridge.config import Site
from bng_bridge.flows.names import order_name
from bng_bridge.lead_time import Journey
from bng_bridge.magento.listing import Listing, pages
from bridge_common import decimal_json, queries
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.magento_time import from_magento

_SQL = queries.load("bng_bridge", "lead_time")

SCHEMA = 1
DAYS = 14
LISTED = Listing("/V1/orders", "entity_id,increment_id,created_at")
PLACED_WITHIN = timedelta(minutes=1)
"""The first event of an order that is as old as this after its creation is another change of it."""
ALLOCATED = "allocated"


@dataclass(frozen=True, slots=True)
class Ordered:
    """As the shop lists it."""

    entity_id: str
    increment_id: str
    created_at: datetime


@dataclass
class AtBng:
    """What BNG lists: sales orders by id, ids by ExternalID, and when the first shipment of each was made."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    shipped_at: dict[str, datetime] = field(default_factory=dict)


async def report(bridge: Bridge, first: date | None, last: date | None) -> dict[str, Any]:
    """Schema 1; see docs/lead-time.md. Orders created on these days of each shop's own calendar.

    Raises what the clients raise.
    """
    now = utc_now()
    spans = {name: _days(site, now, first, last) for name, site in bridge.config.sites.items()}
    since = min(days.span(bridge.config.sites[name].time_zone, now)[0] for name, days in spans.items())
    at_bng = await _list_bng(bridge.context.bng, since)
    journeys: list[Journey] = []
    for name, days in spans.items():
        ordered = await _list_shop(bridge, name, days, now)
        read = partial(_journeys, name=name, site=bridge.config.sites[name], ordered=ordered, at_bng=at_bng)
        journeys += await bridge.store.look(read)
    shown = {name: {"from": str(days.first), "to": str(days.last)} for name, days in spans.items()}
    return {"schema": SCHEMA, "at": to_text(now), "sites": shown, **lead_time.report(journeys)}


async def _get(bridge: Bridge, request: web.Request) -> Any:
    first, last = (request.query.get(name) for name in ("from", "to"))
    return await report(
        bridge, date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
    )


ROUTES: tuple[Route, ...] = (("GET", "/report/lead-time", _get),)


def _days(site: Site, now: datetime, first: date | None, last: date | None) -> Days:
    """Without a first day the last fourteen."""
    end = last or now.astimezone(ZoneInfo(site.time_zone)).date()
    return Days(first or end - timedelta(days=DAYS - 1), end)


async def _list_shop(bridge: Bridge, name: str, days: Days, now: datetime) -> list[Ordered]:
    since, until = days.span(bridge.config.sites[name].time_zone, now + timedelta(seconds=1))
    span = created_between(since, until)
    return [
        Ordered(str(item["entity_id"]), str(item["increment_id"]), from_magento(item["created_at"]))
        async for page in pages(bridge.context.magento[name], LISTED, [], every=span)
        for item in page.items
    ]


async def _list_bng(bng: BngClient, since: datetime) -> AtBng:
    """What was made since then was changed since then."""
    found = AtBng()
    async for order in bng.pages("sales-orders", updated_since=to_text(since)):
        number = str(order["SalesOrderID"])
        found.orders[number] = order
        if order.get("ExternalID"):
            found.ids[str(order["ExternalID"])] = number
    async for shipment in bng.pages("shipments", updated_since=to_text(since)):
        number, made_at = str(shipment.get("SalesOrderID") or ""), shipment.get("CreatedAt")
        if made_at:
            found.shipped_at[number] = min(found.shipped_at.get(number, from_text(made_at)), from_text(made_at))
    return found


def _journeys(db: sqlite3.Connection, name: str, site: Site, ordered: list[Ordered], at_bng: AtBng) -> list[Journey]:
    values = {"site": name, "ids": json.dumps([each.entity_id for each in ordered])}
    events = {row["entity_id"]: row["committed_at"] for row in db.execute(_SQL["first_events"], values)}
    bound = {row["entity_id"]: row for row in db.execute(_SQL["sales_orders"], values)}
    return [
        _journey(db, name, site, each, events.get(each.entity_id), bound.get(each.entity_id), at_bng)
        for each in ordered
    ]


def _journey(
    db: sqlite3.Connection,
    name: str,
    site: Site,
    order: Ordered,
    committed_at: str | None,
    bound: sqlite3.Row | None,
    at_bng: AtBng,
) -> Journey:
    number = str(bound["target_id"]) if bound is not None else _number(db, name, site, order, at_bng)
    at, unknown = _hops(number, bound, at_bng)
    return Journey(
        site=name,
        day=order.created_at.astimezone(ZoneInfo(site.time_zone)).date().isoformat(),
        placed_at=_placed_at(order, committed_at),
        is_live=site.go_live_at is None or order.created_at >= site.go_live_at,
        at=at,
        unknown=frozenset(unknown),
        is_brought_over=windows.covering(db, name, "order", order.entity_id, order.created_at) is not None,
    )


def _hops(number: str, bound: sqlite3.Row | None, at_bng: AtBng) -> tuple[dict[str, datetime], set[str]]:
    """The times that are known, and what has happened at a time that is not.

    BNG does not say when it allocated an order: only of one that it allocated when it was made the time is known.
    """
    if not number:
        return {}, set()
    facts = decimal_json.loads(bound["facts"]) if bound is not None else {}
    document = at_bng.orders.get(number, {})
    made_at = document.get("CreatedAt") or facts.get("CreatedAt")
    at = {"in_bng": from_text(str(made_at))} if made_at else {}
    is_at_once = bound is not None and bound["is_as_made"] and facts.get("AllocationStatus") == ALLOCATED
    is_untouched = document.get("AllocationStatus") == ALLOCATED and document.get("UpdatedAt") == made_at
    if made_at and (is_at_once or is_untouched):
        at["allocated"] = at["in_bng"]
    if number in at_bng.shipped_at:
        at["shipped"] = at_bng.shipped_at[number]
    is_allocated = ALLOCATED in (document.get("AllocationStatus"), facts.get("AllocationStatus"))
    behind = {"in_bng"} | ({"allocated"} if is_allocated else set())
    return at, behind - at.keys()


def _number(db: sqlite3.Connection, name: str, site: Site, order: Ordered, at_bng: AtBng) -> str:
    """'' for an order that BNG does not have by any name that we know."""
    external_id = order_name(db, name, site, order.entity_id)
    return at_bng.ids.get(external_id) or at_bng.ids.get(order.increment_id) or ""


def _placed_at(order: Ordered, committed_at: str | None) -> datetime:
    """The shop's own time is in whole seconds; the row that its checkout wrote is exact."""
    if committed_at is None:
        return order.created_at
    exact = from_text(committed_at)
    return exact if timedelta(0) <= exact - order.created_at < PLACED_WITHIN else order.created_at
