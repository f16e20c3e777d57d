"""What waits because an operator's rule says so: apart from retries, each with the time since when.

The wait is the record's, not the event's: a held order that is changed is a new event, and goes on waiting. It ends when the
record goes through, or another rule holds it. A crash loses none: it is noted in the commit that gives the event back.
"""

import sqlite3
from datetime import datetime
from typing import Any

from bng_bridge.inbox import Claimed
from bridge_common import queries
from bridge_common.clock import from_text

_SQL = queries.load("bng_bridge", "policy_waits")


def note(db: sqlite3.Connection, event: Claimed, rule: str, now: str) -> None:
    """Since now, unless the same rule holds it already. An operator who requeues it gives it the whole time again."""
    db.execute(_SQL["note"], {**_key(event), "rule": rule, "now": now, "requeued_at": event.requeued_at or ""})


def forget(db: sqlite3.Connection, event: Claimed) -> None:
    db.execute(_SQL["forget"], _key(event))


def since(db: sqlite3.Connection, event: Claimed, rule: str) -> datetime | None:
    """Since when the rule holds the record; since an operator requeued it, where that was later. None: not yet."""
    row = db.execute(_SQL["since"], {**_key(event), "rule": rule}).fetchone()
    return None if row is None else from_text(max(row["since"], event.requeued_at or ""))


def waiting(db: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """The events that wait for a rule, longest first."""
    return [dict(row) for row in db.execute(_SQL["waiting"], {"limit": limit})]


def counts(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """By site and rule, with the time of the longest wait."""
    return [dict(row) for row in db.execute(_SQL["counts"])]


def clean(db: sqlite3.Connection) -> None:
    """Waits of records of which no event is left."""
    db.execute(_SQL["clean"])


def _key(event: Claimed) -> dict[str, str]:
    return {"site": event.site, "entity": event.entity, "entity_id": event.entity_id}
