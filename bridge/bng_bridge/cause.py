"""What dead letters with one remedy have in common: a short text that is the same for all of them.

Ids, numbers, addresses and quoted values are taken out of it, so it groups, and holds nothing personal.
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
_GAPS = re.compile(rf"{GAP}(?:[\s,;:]*{GAP})+")


def cause_of(error: Exception, entity: str) -> str:
    """`RejectedByTarget sales_order unknown-customer /CustomerID`, or the error's sentence where it names no problem.

    `entity` is the event's; where the target refused another one, such as an order's customer, that one counts.
    """
    words = [type(error).__name__, entity]
    if isinstance(error, RejectedByTarget):
        words = [type(error).__name__, error.entity or entity]
        if error.status and not error.problem:
            words.append(str(error.status))
    if isinstance(error, PermanentError) and error.problem:
        words += [error.problem, re.sub(r"/\d+(?=/|$)", "/*", error.pointer)]
    else:
        words.append(shape(error.message if isinstance(error, BridgeError) else str(error)))
    return " ".join(word for word in words if word)[:LONGEST]


def shape(sentence: str) -> str:
    """The sentence without what differs from one letter to the next."""
    return _GAPS.sub(GAP, _VALUE.sub(GAP, " ".join(sentence.split()))).strip()


def cause_id(cause: str) -> str:
    """Short enough to be typed."""
    return hashlib.sha256(cause.encode()).hexdigest()[:8]
