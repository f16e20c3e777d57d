"""Lists: filters, order by (UpdatedAt, id), and pages continued by a cursor; or by offset, in the order of ids.

A record that changes while a list is read moves to the end and may be seen twice, but none is missed. By offset none
moves: one that changes may only join the list.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.problems import MALFORMED, Problem
from bridge_sandbox.bng.store import Work, timestamp

DEFAULT_LIMIT = 100
LONGEST_LIMIT = 1000
FILTERS = {
    "external_id": "ExternalID",
    "sku": "SKU",
    "warehouse": "Warehouse",
    "customer_id": "CustomerID",
    "sales_order_id": "SalesOrderID",
    "invoice_id": "InvoiceID",
    "transaction_id": "TransactionID",
    "email": "Email",
}
"""By column the field that has to equal what is asked for."""

Position = tuple[str, str]
"""UpdatedAt and id of the last record of a page."""


@dataclass(frozen=True)
class Query:
    """What is asked for; `filters` by column."""

    limit: int = DEFAULT_LIMIT
    after: Position | None = None
    offset: int | None = None
    updated_since: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Stored records as JSON texts, and whether there are more behind them."""

    texts: list[str]
    last: Position | None
    has_more: bool

    @property
    def cursor(self) -> str | None:
        """For the next page, None on the last one."""
        return write_cursor(self.last) if self.has_more and self.last else None


def page(work: Work, entity: Entity, query: Query) -> Page:
    """The records that match."""
    # What is asked for by a field is few records: they are sorted, or the index on the order would be read whole for them.
    by_field = "+" if query.filters else ""
    changed, order = f"{by_field}updated_at", f"{by_field}updated_at, {by_field}id"
    clauses, values = ["entity = ?"], [entity.name]
    for column, value in query.filters.items():
        clauses.append(f"{column} = ?")
        values.append(value)
    if query.updated_since is not None:
        clauses.append(f"{changed} >= ?")
        values.append(query.updated_since)
    if query.after is not None:
        clauses.append(f"({changed}, id) > (?, ?)")
        values += query.after
    if query.offset is not None:
        order = f"{by_field}id"
    rows = work.db.execute(
        f"SELECT updated_at, id, body FROM records WHERE {' AND '.join(clauses)} ORDER BY {order} LIMIT ? OFFSET ?",
        [*values, query.limit + 1, query.offset or 0],
    ).fetchall()
    shown = rows[: query.limit]
    last = (shown[-1][0], shown[-1][1]) if shown else None
    return Page([row[2] for row in shown], last, len(rows) > query.limit)


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
