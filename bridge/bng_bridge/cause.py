"""What dead letters with one remedy have in common: a short text that is the same for all of them.

Ids, numbers, addresses and quoted values are taken out of it, so it groups. Of a target's answer only the status is
kept: its own words may hold anything, of persons, too.
"""

import hashlib
import re

from bridge_common.errors import BridgeError, PermanentError, RejectedByTarget

LONGEST = 120
GAP = "…"
_VALUE = re.compile(
    r"""(?<!\w)'[^']*'(?!\w) | "[^"]*" | \S*[\d@]\S* | \b[A-Z]{2,}[-_/|+.]\S*""",  # the last: a SKU such as MUG-WHITE
    re.VERBOSE,
)
_ANSWERED = re.compile(r"\banswered (\d{3})\b")
"""As both clients begin what they say of an answer; the target's own words follow."""
_GAPS = re.compile(rf"{GAP}(?:[\s,;:]*{GAP})+")


def cause_of(error: Exception, entity: str) -> str:
    """`RejectedByTarget sales_order unknown-customer /CustomerID`, or where no problem is named `RejectedByTarget
    sales_order status 422`, or the sentence of an error of our own.

    `entity` is the event's; where the target refused another one, such as an order's customer, that one counts.
    """
    words = [type(error).__name__, entity]
    if isinstance(error, RejectedByTarget):
        words = [type(error).__name__, error.entity or entity]
    if isinstance(error, PermanentError) and error.problem:
        words += [error.problem, re.sub(r"/\d+(?=/|$)", "/*", error.pointer)]
    elif status := _status_of(error):
        words += ["status", status]
    else:
        words.append(shape(error.message if isinstance(error, BridgeError) else str(error)))
    return " ".join(word for word in words if word)[:LONGEST]


def _status_of(error: Exception) -> str:
    """Of the answer that the error tells of, "" for none."""
    if isinstance(error, RejectedByTarget) and error.status:
        return str(error.status)
    found = _ANSWERED.search(str(error)) if isinstance(error, BridgeError) else None
    return found[1] if found else ""


def shape(sentence: str) -> str:
    """The sentence without what differs from one letter to the next."""
    return _GAPS.sub(GAP, _VALUE.sub(GAP, " ".join(sentence.split()))).strip()


def cause_id(cause: str) -> str:
    """Short enough to be typed."""
    return hashlib.sha256(cause.encode()).hexdigest()[:8]
