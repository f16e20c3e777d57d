"""The completeness ledger: of a day's records at one side, what became of each at the other, and whether the sums agree.

Seen is what a side lists itself (table `manifest`) and what has arrived and is not listed yet. Every record seen is in
exactly one place (places.py). Nothing is written here: a ledger after a crash is the ledger before it.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from bng_bridge import inbox, places
from bng_bridge.config import Site
from bng_bridge.flows.names import customer_name, order_name
from bng_bridge.manifest import mark
from bng_bridge.mapping.money import cents, text
from bridge_common import queries
from bridge_common.clock import to_text

_SQL = queries.load("bng_bridge", "ledger")

AT_BNG = {"order": "sales_order", "customer": "customer"}
"""What becomes of a shop's record, with the name of its binding."""
NAMES = {"order": order_name, "customer": customer_name}

VERDICTS = ("complete", "waiting", "unlisted", "incomplete")
"""From good to bad."""

SHOWN = 20
EARLY, LATE = timedelta(hours=1), timedelta(days=4)
"""When an event of a day's record may have been stored: clocks differ, and a shop may have been cut off."""


@dataclass(slots=True)
class Sums:
    """In one currency: what the shop says of all that were seen and of the applied, what BNG says of the applied."""

    seen: Decimal = Decimal(0)
    applied: Decimal = Decimal(0)
    bng: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        return self.applied - self.bng


@dataclass(slots=True)
class Line:
    """One day, site and entity. `places` counts the records, `excluded` why; `trouble` has the first of each kind.

    `unlisted` says why the source may have records that are not counted; empty where it was listed.
    """

    day: str
    site: str
    entity: str
    source: str
    target: str
    unlisted: str = ""
    places: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    oldest_at: str | None = None
    listed_at: str | None = None
    differ: int = 0
    sums: dict[str, Sums] = field(default_factory=dict)
    bng_totals: Counter[str] = field(default_factory=Counter)
    trouble: list[dict[str, Any]] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.places["missing"] or self.places["dead"] or self.differ:
            return "incomplete"
        if self.unlisted:
            return "unlisted"
        return "waiting" if self.places["waiting"] else "complete"


def from_magento(db: sqlite3.Connection, name: str, site: Site, first: date, last: date, now: datetime) -> list[Line]:
    """Orders and customers of one shop created on these days of its own calendar."""
    days = _Days(first, last, ZoneInfo(site.time_zone))
    span = _stored_between(db, days.begin - EARLY, days.end + LATE)
    arrived = defaultdict(list)
    for row in db.execute(_SQL["arrived"], {**span, "site": name}):
        arrived[row["entity"]].append(row["entity_id"])
    return [line for entity in AT_BNG for line in _of_entity(db, name, site, entity, days, now, arrived[entity])]


def from_bng(db: sqlite3.Connection, sites: list[str], first: date, last: date) -> list[Line]:
    """Shipments made, stock and orders' status changed at BNG on these days, UTC as in BNG's own times."""
    days = _Days(first, last, ZoneInfo("UTC"))
    lines = {(day, entity): Line(day, "", entity, "bng", "magento")
             for day in days for entity in ("shipment", "stock", "sales_order")}  # fmt: skip
    span = _stored_between(db, days.begin, days.end)
    for row in db.execute(_SQL["shipments"], {**days.named(), **span, "sites": json.dumps(sites)}):
        if (row["day"], "shipment") in lines:
            _count(lines[row["day"], "shipment"], row, *places.of_shipment(row))
    for row in db.execute(_SQL["changes"], span):
        if (row["day"], row["entity"]) in lines:
            _count(lines[row["day"], row["entity"]], row, *places.of_change(row))
    return list(lines.values())


@dataclass(frozen=True, slots=True)
class _Days:
    """From `first` to `last`, both included, in one time zone."""

    first: date
    last: date
    zone: ZoneInfo

    def __iter__(self) -> Iterator[str]:
        for number in range((self.last - self.first).days + 1):
            yield (self.first + timedelta(days=number)).isoformat()

    @property
    def begin(self) -> datetime:
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=self.zone)

    @property
    def end(self) -> datetime:
        return self.end_of(self.last.isoformat())

    def end_of(self, day: str) -> datetime:
        next_day = date.fromisoformat(day) + timedelta(days=1)
        return datetime(next_day.year, next_day.month, next_day.day, tzinfo=self.zone)

    def named(self) -> dict[str, str]:
        return {"first_day": self.first.isoformat(), "last_day": self.last.isoformat()}


def _of_entity(
    db: sqlite3.Connection, name: str, site: Site, entity: str, days: _Days, now: datetime, arrived: list[str]
) -> list[Line]:
    """`arrived` are ids of records that are not listed, of these days or of others."""
    listed_at = mark.listed_at(db, name, entity)
    lines = {
        day: Line(day, name, entity, "magento", "bng",
                  mark.why_unlisted(listed_at, name, site, days.end_of(day), now))
        for day in days
    }  # fmt: skip
    named = {"site": name, "entity": entity, "at_bng": AT_BNG[entity], "arrived": json.dumps(arrived)}
    for row in db.execute(_SQL["from_magento"], {**days.named(), **named}):
        line = lines.get(row["day"] or places.day_of_arrived(row, entity, days.zone))
        if line is not None:
            named_at_bng = NAMES[entity](db, name, site, row["entity_id"])
            place, reason = places.of_record(row, named_at_bng)
            _count(line, row, place, reason)
            _add_amounts(line, row, is_applied=place == "applied")
    return list(lines.values())


def _count(line: Line, row: sqlite3.Row, place: str, reason: str) -> None:
    line.places[place] += 1
    if place == "excluded":
        line.excluded[reason] += 1
    elif place == "waiting":
        line.oldest_at = min(filter(None, (line.oldest_at, row["stored_at"])))
    elif place in ("dead", "missing"):
        _note(line, row, place, reason)
    if row["listed_at"]:
        line.listed_at = max(filter(None, (line.listed_at, row["listed_at"])))


def _note(line: Line, row: sqlite3.Row, what: str, reason: str, **amounts: str) -> None:
    """The first of a kind by name, with the command that looks at it or mends it."""
    if sum(found["what"] == what for found in line.trouble) < SHOWN:
        entity_id, name = row["entity_id"], row["name"] or row["increment_id"] or row["entity_id"]
        command = _command(line, row, what)
        line.trouble.append(
            {"what": what, "entity_id": entity_id, "name": name, "reason": reason, "command": command, **amounts}
        )


def _command(line: Line, row: sqlite3.Row, what: str) -> str:
    if what == "dead":
        return f"bridgectl dlq show {row['seq']}"
    if what == "differs":
        return f"bridgectl trace {row['entity_id']} --site {line.site}"
    if line.source == "bng":
        return "bridgectl ledger --fresh"
    return f"bridgectl resync {line.entity} {row['entity_id']} --site {line.site}"


def _add_amounts(line: Line, row: sqlite3.Row, *, is_applied: bool) -> None:
    total = _amount(row["grand_total"] if row["state"] == "arrived" else row["total"])
    if total is None:
        return
    total, currency = cents(total), row["currency"] or row["order_currency"] or ""
    sums = line.sums.setdefault(currency, Sums())
    sums.seen += total
    if not is_applied:
        return
    sums.applied += total
    at_bng, currency_at_bng, told_by = _at_bng(row, currency)
    line.bng_totals[told_by] += 1
    line.sums.setdefault(currency_at_bng, Sums()).bng += at_bng or Decimal(0)
    if (total, currency) != (at_bng, currency_at_bng):
        line.differ += 1
        in_shop = f"{text(total)} {currency}"
        told = "nothing" if at_bng is None else f"{text(at_bng)} {currency_at_bng}"
        _note(line, row, "differs", f"{in_shop} in the shop, {told} at BNG", shop_total=in_shop, bng_total=told)


def _at_bng(row: sqlite3.Row, currency: str) -> tuple[Decimal | None, str, str]:
    """BNG's total, its currency, and where that is known from: the sweep, or BNG's answer to a later write of ours."""
    swept = _amount(row["bng_total"])
    if swept is not None and row["bng_listed_at"] >= row["applied_at"]:
        return swept, row["bng_currency"] or currency, "sweep"
    return _amount((row["written_total"] or "").strip('"')), currency, "write"


def _amount(found: str | None) -> Decimal | None:
    try:
        return Decimal(found) if found else None
    except InvalidOperation:
        return None


def _stored_between(db: sqlite3.Connection, begin: datetime, end: datetime) -> dict[str, int]:
    """The inbox's rows of that time as a range of `seq`, which grows with it: the times have no index."""
    return {"first_seq": inbox.seq_at(db, to_text(begin)), "last_seq": inbox.seq_at(db, to_text(end)) - 1}
