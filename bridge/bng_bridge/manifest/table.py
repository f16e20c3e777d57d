"""The manifest's rows of a shop, and what the inbox knows of a record.

Functions over a connection, each inside the caller's transaction where they write. Ids are text, times RFC 3339 text.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from bng_bridge.cleaner import KEEP
from bng_bridge.manifest.lines import Line
from bng_bridge.manifest.verdict import Known, Newest
from bridge_common import decimal_json, queries
from bridge_common.clock import from_text, utc_now

_SQL = queries.load("bng_bridge", "manifest")


def known(db: sqlite3.Connection, site: str, entity: str, ids: Iterable[str]) -> dict[str, Known]:
    """By id, the rows that are there."""
    rows = db.execute(_SQL["known"], {"site": site, "entity": entity, "ids": json.dumps(list(ids))})
    return {row["entity_id"]: Known(row["digest"], row["state"], row["asked_seq"], row["excluded"]) for row in rows}


def newest(db: sqlite3.Connection, site: str, entity: str, entity_id: str) -> Newest | None:
    """None for a record of which no event ever came."""
    row = db.execute(_SQL["newest"], {"site": site, "entity": entity, "entity_id": entity_id}).fetchone()
    if row is None:
        return None
    if row["seq"] is None:
        # Closed events are cleaned some time after they were settled, so it was captured before that.
        return Newest(0, "snapshot", "done", "", utc_now() - KEEP, None)
    data = row["data"] if row["kind"] == "snapshot" else None
    # An agent's clock that was ahead would make its events cover whatever was missed until that time came.
    captured_at = min(from_text(row["captured_at"]), from_text(row["stored_at"]))
    # What could not be read was perhaps read anew when an operator retried it; its document was not kept.
    is_read_anew = row["kind"] == "unreadable" and row["settled_at"]
    read = None if data is None else (lambda: dict(decimal_json.loads(data)))
    return Newest(
        row["seq"],
        row["kind"],
        row["state"],
        row["reason"],
        from_text(row["settled_at"]) if is_read_anew else captured_at,
        read,
        row["committed_at"],
    )


def highest_seq(db: sqlite3.Connection) -> int:
    return int(db.execute(_SQL["highest_seq"]).fetchone()[0])


def put(db: sqlite3.Connection, site: str, time_zone: str, lines: Iterable[tuple[Line, Known]], listed_at: str) -> None:
    """One page: what the shop shows, and what is known of each of its lines now."""
    db.executemany(_SQL["put"], [_row(site, time_zone, line, row, listed_at) for line, row in lines])


def ask(db: sqlite3.Connection, site: str, entity: str, entity_id: str, digest: str, asked_seq: int) -> None:
    """An event of this listed record was asked for when the inbox had come to `asked_seq`."""
    values = {"site": site, "entity": entity, "entity_id": entity_id, "digest": digest, "asked_seq": asked_seq}
    db.execute(_SQL["ask"], values)


def note_gone(db: sqlite3.Connection, site: str, entity: str, ids: Iterable[str], state: str, now: str) -> None:
    """They are not in the shop: 'asked' for their tombstone, or known as 'deleted'."""
    rows = [{"site": site, "entity": entity, "entity_id": each, "state": state, "listed_at": now} for each in ids]
    db.executemany(_SQL["gone"], rows)


def customers(db: sqlite3.Connection, site: str, after: str) -> list[str]:
    """Ids of which there ever was an event or a line, in the order of text, up to 5,000."""
    return [row[0] for row in db.execute(_SQL["customers"], {"site": site, "after": after})]


def orders_after(db: sqlite3.Connection, site: str, day: str) -> set[str]:
    """Ids of the orders known from days after this one."""
    return {row[0] for row in db.execute(_SQL["orders"], {"site": site, "day": day})}


def _row(site: str, time_zone: str, line: Line, row: Known, listed_at: str) -> dict[str, Any]:
    return {
        "site": site, "entity": line.entity, "entity_id": line.entity_id, "name": line.name, "day": line.day(time_zone),
        "total": line.total, "currency": line.currency, "digest": row.digest, "state": row.state,
        "asked_seq": row.asked_seq, "excluded": row.excluded, "listed_at": listed_at,
    }  # fmt: skip
