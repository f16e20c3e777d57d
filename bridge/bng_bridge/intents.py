"""A write that may be under way.

Committed before a write that could happen twice is sent; closed in the commit that binds its result, or when the target
certainly did not execute it. It belongs to the target key, not to an event: supersede, discard and restore leave it.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from bridge_common import decimal_json, queries

_SQL = queries.load("bng_bridge", "intents")


@dataclass(frozen=True, slots=True)
class Intent:
    """`request_id` is the idempotency key or the gateway's request id. Before `quiet_until` "not found" proves nothing."""

    target_key: str
    seq: int
    target: str
    entity: str
    body: dict[str, Any]
    digest: str
    request_id: str
    quiet_until: str
    opened_at: str = ""
    fingerprint: str = ""
    mapping: str = ""


def get(db: sqlite3.Connection, target_key: str) -> Intent | None:
    row = db.execute(_SQL["get"], {"target_key": target_key}).fetchone()
    return _intent(row) if row else None


def open_intent(db: sqlite3.Connection, intent: Intent, now: str) -> None:
    values = {name: getattr(intent, name) for name in Intent.__slots__}
    db.execute(_SQL["open"], {**values, "body": decimal_json.dumps(intent.body), "now": now})


def keep_quiet(db: sqlite3.Connection, target_key: str, until: str) -> None:
    db.execute(_SQL["keep_quiet"], {"target_key": target_key, "until": until})


def close(db: sqlite3.Connection, target_key: str) -> None:
    db.execute(_SQL["close"], {"target_key": target_key})


def begin_quiet(db: sqlite3.Connection, until: str) -> None:
    """At start: every quiet period begins anew. Under which clock its end was written nobody knows any more."""
    db.execute(_SQL["begin_quiet"], {"until": until})


def all_open(db: sqlite3.Connection) -> list[Intent]:
    return [_intent(row) for row in db.execute(_SQL["all"])]


def _intent(row: sqlite3.Row) -> Intent:
    values = {name: row[name] for name in Intent.__slots__}
    return Intent(**{**values, "body": decimal_json.loads(row["body"])})
