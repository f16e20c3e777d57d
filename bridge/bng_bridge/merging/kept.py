"""What the store keeps of two-way customers: the last common state, the conflicts, and pairs that were told apart.

Functions over a connection, each inside the caller's transaction. `target_key` is that of the customer's binding at BNG.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from bng_bridge.merging.merge import Common, Conflict
from bridge_common import decimal_json, queries

_SQL = queries.load("bng_bridge", "merging")


def common(db: sqlite3.Connection, target_key: str) -> Common | None:
    """None also where BNG's customer is another one now: it was made anew, or linked."""
    row = db.execute(_SQL["common"], {"target_key": target_key}).fetchone()
    return None if row is None else Common(decimal_json.loads(row["shop"]), decimal_json.loads(row["bng"]))


def put_common(db: sqlite3.Connection, target_key: str, state: Common, now: str) -> None:
    sides = {"shop": decimal_json.dumps(state.shop), "bng": decimal_json.dumps(state.bng)}
    db.execute(_SQL["put_common"], {"target_key": target_key, "now": now, **sides})


def forget_common(db: sqlite3.Connection, target_key: str) -> None:
    db.execute(_SQL["forget_common"], {"target_key": target_key})


def add_conflicts(db: sqlite3.Connection, target_key: str, seq: int, conflicts: Iterable[Conflict], now: str) -> None:
    """Each once, however often it is come upon."""
    for each in conflicts:
        sides = {"shop": decimal_json.dumps(each.shop), "bng": decimal_json.dumps(each.bng), "winner": each.winner}
        known = db.execute(_SQL["last_conflict"], {"target_key": target_key, "field": each.field}).fetchone()
        if known is None or dict(known) != sides:
            db.execute(
                _SQL["add_conflict"],
                {"now": now, "seq": seq, "target_key": target_key, "field": each.field, **sides},
            )


def conflicts(db: sqlite3.Connection, target_key: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The newest first."""
    rows = db.execute(_SQL["conflicts"], {"target_key": target_key, "limit": limit})
    return [
        {**dict(row), "shop": decimal_json.loads(row["shop"]), "bng": decimal_json.loads(row["bng"])} for row in rows
    ]


def tell_apart(db: sqlite3.Connection, target_key: str, target_id: str, now: str) -> None:
    db.execute(_SQL["tell_apart"], {"target_key": target_key, "target_id": target_id, "now": now})


def put_together(db: sqlite3.Connection, target_key: str, target_id: str) -> None:
    db.execute(_SQL["put_together"], {"target_key": target_key, "target_id": target_id})


def told_apart(db: sqlite3.Connection, target_key: str) -> set[str]:
    return {row["target_id"] for row in db.execute(_SQL["told_apart"], {"target_key": target_key})}
