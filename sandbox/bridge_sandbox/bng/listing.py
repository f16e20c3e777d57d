"""Lists: filters, order by (UpdatedAt, id), and pages continued by a cursor.

A record that changes while a list is read moves to the end and may be seen twice, but none is missed.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bridge_sandbox.bng.entities import Entity
from bridge_sandbox.bng.problems import MALFORMED, Problem
from bridge_sandbox.bng.store import Work, timestamp

DEFAULT_LIMIT = 100
LONGEST_LIMIT = 1000
FILTERS = ("external_id", "sku", "warehouse", "sales_order_id")
PARAMETERS = frozenset({"limit", "cursor", "updated_since", *FILTERS})

Position = tuple[str, str]
"""UpdatedAt and id of the last record of a page."""


@dataclass(frozen=True)
class Query:
    """What is asked for; `filters` by column."""

    limit: int = DEFAULT_LIMIT
    after: Position | None = None
    updated_since: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)


def read_query(parameters: Mapping[str, str]) -> Query:
    """The query in a URL; raises Problem 400 for an unknown parameter or an unreadable value."""
    if unknown := set(parameters) - PARAMETERS:
        raise Problem(MALFORMED, f"unknown query parameters: {', '.join(sorted(unknown))}")
    since, cursor = parameters.get("updated_since"), parameters.get("cursor")
    return Query(
        limit=read_limit(parameters.get("limit", str(DEFAULT_LIMIT))),
        after=None if cursor is None else read_cursor(cursor),
        updated_since=None if since is None else read_since(since),
        filters={name: parameters[name] for name in FILTERS if name in parameters},
    )


def page(work: Work, entity: Entity, query: Query) -> str:
    """{"items": [...], "next_cursor": ...} as JSON text; the stored texts are joined, not read."""
    clauses, values = ["entity = ?"], [entity.name]
    for column, value in query.filters.items():
        clauses.append(f"{column} = ?")
        values.append(value)
    if query.updated_since is not None:
        clauses.append("updated_at >= ?")
        values.append(query.updated_since)
    if query.after is not None:
        clauses.append("(updated_at, id) > (?, ?)")
        values += query.after
    rows = work.db.execute(
        f"SELECT updated_at, id, body FROM records WHERE {' AND '.join(clauses)} ORDER BY updated_at, id LIMIT ?",
        [*values, query.limit + 1],
    ).fetchall()
    shown = rows[: query.limit]
    cursor = write_cursor(shown[-1][:2]) if len(rows) > query.limit else None
    return f'{{"items":[{",".join(row[2] for row in shown)}],"next_cursor":{json.dumps(cursor)}}}'


def read_limit(text: str) -> int:
    """From 1 to the longest page."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= LONGEST_LIMIT:
        raise Problem(MALFORMED, f"limit is not a whole number from 1 to {LONGEST_LIMIT}")
    return int(text)


def read_since(text: str) -> str:
    """The point in time as stored; it must name its offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Problem(MALFORMED, f"updated_since {text!r} is not an RFC 3339 time") from error
    if at.tzinfo is None:
        raise Problem(MALFORMED, f"updated_since {text!r} has no offset")
    return timestamp(at)


def write_cursor(position: Position) -> str:
    """Opaque to clients."""
    return base64.urlsafe_b64encode(" ".join(position).encode()).decode().rstrip("=")


def read_cursor(text: str) -> Position:
    """The position in a cursor; raises Problem if we did not write it."""
    try:
        updated_at, record_id = base64.b64decode(text + "===", b"-_").decode().split(" ", 1)
    except (binascii.Error, ValueError) as error:
        raise Problem(MALFORMED, "the cursor cannot be read") from error
    return updated_at, record_id
