"""Where a record of the ledger is, by what is known of it: exactly one place for each, and one day. Pure.

dead      its newest event waits for a person
waiting   its newest event is not settled yet; also when an earlier state of it is at the other side
missing   BNG has lost it; or it was asked for again, and nothing came yet
applied   it is bound
excluded  it was left out for a reason
missing   none of these: one side has it, and nothing here knows it

The first that holds. `row` is one of sql/ledger.sql; what is returned is (place, reason).
"""

import sqlite3
from datetime import datetime
from zoneinfo import ZoneInfo

from bng_bridge.inbox import DELETED, exclusion
from bridge_common.clock import from_text
from bridge_common.magento_time import from_magento

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


def day_of_arrived(row: sqlite3.Row, entity: str, zone: ZoneInfo) -> str:
    """By the record's own created_at: in its document, or in the fingerprint; without both the day of its change."""
    moment = _utc(row["created_at"] or _created_in(row["fingerprint"] or "", entity)) or from_text(row["committed_at"])
    return moment.astimezone(zone).date().isoformat()


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


def _created_in(fingerprint: str, entity: str) -> str:
    """An order's is `000000074 2026-03-02 10:15:00 protect-74`, a customer's the time alone."""
    return " ".join(fingerprint.split(" ")[1:3]) if entity == "order" else fingerprint


def _utc(magento: str) -> datetime | None:
    """None for what is no time: Magento has had days such as 0000-00-00."""
    try:
        return from_magento(str(magento))
    except ValueError:
        return None
