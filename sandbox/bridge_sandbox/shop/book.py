"""The shop's book: what really happened here, for a test or a demo to compare with the other side's book."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge_sandbox.shop.customers import customer_documents
from bridge_sandbox.shop.documents import grouped, shown
from bridge_sandbox.shop.session import Row, Session


def read_book(session: Session, committed_at: Mapping[int, datetime], stock_writes: int) -> dict[str, Any]:
    """Orders and the documents on them, transactions, stock and customers, read in one consistent view.

    An order placed by an earlier run of this process has no known moment of commit: its `created_at` stands in.
    """
    session.run_raw("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    try:
        customer_ids = [row["entity_id"] for row in session.rows("book_customers")]
        return {
            "orders": book_orders(session, committed_at),
            "shipments": book_shipments(session),
            "invoices": book_documents(session, "invoice"),
            "credit_memos": book_documents(session, "credit_memo"),
            "transactions": [complete(row) for row in session.rows("book_transactions")],
            "source_items": [shown(row) for row in session.rows("book_source_items")],
            "customers": customer_documents(session, customer_ids),
            "stock_writes": stock_writes,
        }
    finally:
        session.connection.rollback()


def book_orders(session: Session, committed_at: Mapping[int, datetime]) -> list[dict[str, Any]]:
    """Every order with its rows."""
    items = grouped(session.rows("book_order_items"), "order_id")
    return [
        {
            **{name: value for name, value in complete(row).items() if name != "created_at"},
            "committed_at": rfc3339(committed_at.get(row["entity_id"]) or as_time(row["created_at"])),
            "items": [without(complete(item), "order_id") for item in items[row["entity_id"]]],
        }
        for row in session.rows("book_orders")
    ]


def book_shipments(session: Session) -> list[dict[str, Any]]:
    """Every shipment with its rows, tracks and comments."""
    items = grouped(session.rows("book_shipment_items"), "parent_id")
    tracks = grouped(session.rows("book_tracks"), "parent_id")
    comments = grouped(session.rows("book_shipment_comments"), "parent_id")
    return [
        {
            **complete(row),
            "items": [without(complete(item), "parent_id") for item in items[row["entity_id"]]],
            "tracks": [without(complete(track), "parent_id") for track in tracks[row["entity_id"]]],
            "comments": [comment["comment"] for comment in comments[row["entity_id"]]],
        }
        for row in session.rows("book_shipments")
    ]


def book_documents(session: Session, noun: str) -> list[dict[str, Any]]:
    """Every invoice or credit memo with its rows and comments; one with a transaction moved money."""
    items = grouped(session.rows(f"book_{noun}_items"), "parent_id")
    comments = grouped(session.rows(f"book_{noun}_comments"), "parent_id")
    return [
        {
            **complete(row),
            "items": [without(complete(item), "parent_id") for item in items[row["entity_id"]]],
            "comments": [comment["comment"] for comment in comments[row["entity_id"]]],
        }
        for row in session.rows(f"book_{noun}s")
    ]


def complete(row: Row) -> Row:
    """The row with its nulls, numbers ready for JSON."""
    return dict.fromkeys(row) | shown(row)


def without(row: Row, name: str) -> Row:
    """The row less one column."""
    return {key: value for key, value in row.items() if key != name}


def as_time(text: str) -> datetime:
    """A database time as an aware one."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """With microseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
