"""Dead letters together: what groups them, and an operator's edited copy of one.

One by one they are rows of the inbox, and `inbox.requeue` and `inbox.discard` move them. Functions over a connection.
"""

import sqlite3
from dataclasses import dataclass

from bng_bridge import inbox
from bng_bridge.cause import cause_id
from bng_bridge.inbox import Claimed
from bridge_common import decimal_json, queries

_SQL = queries.load("bng_bridge", "letters")
EDITED = "edited"


@dataclass(frozen=True, slots=True)
class Group:
    """The letters of one cause; `first_seq` is the oldest of them, `hint` its own."""

    cause_id: str
    cause: str
    letters: int
    oldest_at: str
    first_seq: int
    first_kind: str
    hint: str


def groups(db: sqlite3.Connection) -> list[Group]:
    """The largest first."""
    return [_group(row) for row in db.execute(_SQL["causes"])]


def in_cause(db: sqlite3.Connection, cause: str) -> list[int]:
    return [row["seq"] for row in db.execute(_SQL["of_cause"], {"cause": cause})]


def everything(db: sqlite3.Connection) -> list[int]:
    return [row["seq"] for row in db.execute(_SQL["all"])]


def put_edited(db: sqlite3.Connection, seq: int, document: str, who: str, now: str) -> int | None:
    """A copy of a dead snapshot with this document, pending in its place; its number, or None when `seq` is not dead.

    Its event key is `edit/{seq}/{n}`. It is superseded by a newer state of the entity as any other.
    """
    number = db.execute(_SQL["next_edit"], {"pattern": f"edit/{seq}/*"}).fetchone()[0]
    values = {"seq": seq, "event_key": f"edit/{seq}/{number}", "who": who, "now": now}
    made = db.execute(_SQL["put_edited"], values)
    if made.rowcount == 0:
        return None
    db.execute(_SQL["put_document"], {"seq": made.lastrowid, "data": document})
    inbox.discard(db, seq, f"replaced by an edited copy {made.lastrowid}", now)
    return made.lastrowid


def discarded_before(db: sqlite3.Connection, event: Claimed) -> str | None:
    """Why an operator discarded this very state of the entity, if that was the last word on it.

    What came in between and was skipped changes nothing: the same state told again stays discarded until it differs. It
    does not where it took the place of an edited copy that was not applied yet.
    """
    this = {name: getattr(event, name) for name in ("source", "entity", "entity_id", "site", "seq")}
    last = db.execute(_SQL["last_word"], this).fetchone()
    if last is None or last["state"] != "discarded" or last["data"] is None:
        return None
    return str(last["reason"]) if _equal(last["data"], event.data) else None


def _group(row: sqlite3.Row) -> Group:
    return Group(
        cause_id(row["cause"]),
        row["cause"],
        row["letters"],
        row["oldest_at"],
        row["first_seq"],
        row["kind"],
        row["hint"],
    )


def _equal(before: bytes | str, now: bytes | None) -> bool:
    if now is None:
        return False
    return decimal_json.canonical(decimal_json.loads(before)) == decimal_json.canonical(decimal_json.loads(now))
