"""Where a record of the ledger is, by what is known of it: exactly one place for each. Pure.

dead      its newest event waits for a person
waiting   its newest event is not settled yet; also when an earlier state of it is at the other side
missing   BNG has lost it; or it was asked for again, and nothing came yet
applied   it is bound
excluded  it was left out for a reason
missing   none of these: one side has it, and nothing here knows it

The first that holds. `row` is one of sql/ledger.sql; what is returned is (place, reason).
"""

import sqlite3

from bng_bridge.inbox import DELETED, exclusion

Place = tuple[str, str]


def of_record(row: sqlite3.Row, external_id: str) -> Place:
    """Of a shop's; `external_id` is the one that it has at BNG."""
    is_bound = row["target_id"] is not None
    if (found := _open(row)) is not None:
        return found
    if is_bound and (row["bng_state"] == "deleted" or (row["bng_name"] or external_id) != external_id):
        return "missing", f"BNG no longer has it as {row['target_id']}"
    if row["state"] == "asked" and (row["seq"] or 0) <= row["asked_seq"]:
        return "missing", "the shop was asked for it again, and nothing came yet"
    if is_bound:
        return "applied", ""
    return _left_out(row) or ("missing", "the shop has it, and nothing here knows it")


def of_shipment(row: sqlite3.Row) -> Place:
    """Of BNG's, in any shop."""
    if (found := _open(row)) is not None:
        return found
    if row["target_id"] is not None:
        return "applied", ""
    return _left_out(row) or ("missing", "BNG has it, and nothing here knows it")


def of_change(row: sqlite3.Row) -> Place:
    """A change is not bound: what its last event came to is where it is."""
    return _open(row) or _left_out(row) or ("applied", "")


def _open(row: sqlite3.Row) -> Place | None:
    if row["event_state"] == "dead":
        return "dead", row["reason"]
    return ("waiting", row["reason"]) if row["event_state"] in ("pending", "processing") else None


def _left_out(row: sqlite3.Row) -> Place | None:
    if row["event_state"] in ("skipped", "discarded"):
        return "excluded", exclusion(row["event_state"], row["kind"], row["reason"])
    if row["excluded"]:
        return "excluded", row["excluded"]
    return ("excluded", DELETED) if row["state"] == "deleted" else None
