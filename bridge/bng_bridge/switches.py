"""Which flows an operator has switched on, for which site, and since when: going live, flow by flow.

A flow file that says `switched: true` runs for nobody until then, so that a new version of the bridge posts nothing that
nobody asked for.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from bridge_common import queries
from bridge_common.clock import from_text

_SQL = queries.load("bng_bridge", "switches")


@dataclass(frozen=True, slots=True)
class Switch:
    """`since`: documents created before it are left alone; None: all are taken."""

    site: str
    flow: str
    since: datetime | None
    at: str


def switch_on(db: sqlite3.Connection, site: str, flow: str, since: str | None, now: str) -> None:
    """Also for one that is on: `since` may move."""
    db.execute(_SQL["switch_on"], {"site": site, "flow": flow, "since": since, "now": now})


def switch_off(db: sqlite3.Connection, site: str, flow: str) -> bool:
    """Whether it was on."""
    return db.execute(_SQL["switch_off"], {"site": site, "flow": flow}).rowcount > 0


def why_left(db: sqlite3.Connection, site: str, flow: str, created_at: datetime | None) -> str:
    """Why a document of the site is left alone by a switched flow; '' when it is taken. One that does not say when it was
    created is taken."""
    row = db.execute(_SQL["get"], {"site": site, "flow": flow}).fetchone()
    if row is None:
        return f"flow {flow} is off for {site}"
    is_older = row["since"] is not None and created_at is not None and created_at < from_text(row["since"])
    return "before go-live" if is_older else ""


def switched_at(db: sqlite3.Connection, site: str, flow: str) -> str:
    """When it was switched on, or its `since` moved, last; '' while it is off."""
    row = db.execute(_SQL["get"], {"site": site, "flow": flow}).fetchone()
    return "" if row is None else str(row["at"])


def all_on(db: sqlite3.Connection) -> list[Switch]:
    return [
        Switch(row["site"], row["flow"], None if row["since"] is None else from_text(row["since"]), row["at"])
        for row in db.execute(_SQL["all"])
    ]
