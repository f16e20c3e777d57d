"""Entries in the general ledger: balanced, in an open period, never changed; a wrong one is reversed by another."""

from decimal import Decimal

from bridge_sandbox.bng import periods, records
from bridge_sandbox.bng.checks import day
from bridge_sandbox.bng.entities import GL_ENTRY
from bridge_sandbox.bng.entity import EXTERNAL_ID, TEXT
from bridge_sandbox.bng.fields import Field, Shape
from bridge_sandbox.bng.lines import cents
from bridge_sandbox.bng.problems import UNBALANCED_ENTRY, Problem, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

REVERSAL = Shape({"ExternalID": EXTERNAL_ID, "EntryDate": Field(day), "Reference": TEXT}, name="GlEntryReversal")


def create(work: Work, own: Record) -> Record:
    """A new entry; raises Problem if it is not balanced to the cent or its period is closed."""
    periods.refuse_closed(work, own["EntryDate"])
    refuse_unbalanced(own)
    return records.create(work, GL_ENTRY, own | {"ReversesID": None, "ReversedByID": None})


def reverse(work: Work, entry: Record, asked: Record) -> Record:
    """A new entry with debits and credits exchanged, of today unless asked otherwise; raises Problem for a second one.

    Each names the other, which is the only change that an entry ever sees.
    """
    refuse_reversed(entry)
    mirrored = own_fields(entry) | {
        "ExternalID": asked["ExternalID"],
        "EntryDate": asked["EntryDate"] or work.at[:10],
        "Reference": asked["Reference"] or entry["Reference"],
        "Lines": [line | {"Debit": line["Credit"], "Credit": line["Debit"]} for line in entry["Lines"]],
    }
    periods.refuse_closed(work, mirrored["EntryDate"])
    links = {"ReversesID": entry["GlEntryID"], "ReversedByID": None}
    reversal = records.create(work, GL_ENTRY, mirrored | links)
    records.save(work, GL_ENTRY, entry | {"ReversedByID": reversal["GlEntryID"]})
    return reversal


def own_fields(entry: Record) -> Record:
    """What a client may set."""
    return {name: value for name, value in entry.items() if name in GL_ENTRY.shape.fields}


def refuse_unbalanced(entry: Record) -> None:
    """Raise Problem unless debits equal credits to the cent."""
    debits, credits_ = (
        cents(sum((Decimal(line[side]) for line in entry["Lines"]), Decimal(0))) for side in ("Debit", "Credit")
    )
    if debits != credits_:
        error = ("/Lines", f"debits are {debits}, credits {credits_}")
        raise Problem(UNBALANCED_ENTRY, error[1], (error,))


def refuse_reversed(entry: Record) -> None:
    """Raise Problem for one that was reversed, or is a reversal."""
    if entry["ReversedByID"] is not None:
        raise invalid([("/ReversedByID", f"it was reversed by {entry['ReversedByID']}")])
    if entry["ReversesID"] is not None:
        raise invalid([("/ReversesID", f"it is the reversal of {entry['ReversesID']}")])
