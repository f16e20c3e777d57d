"""Answers of BNG in a form that nobody can read: an error with the record's name, never the end of whoever reads it."""

from collections.abc import Iterator
from contextlib import contextmanager

from bridge_common.errors import TargetUnavailable

MISREAD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading raises where something is missing, or of another kind than it ought to be."""


class Unreadable(TargetUnavailable):
    """BNG is there, and one of its records is odd. Nothing was executed; it is read again once it was corrected."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """`name` is the record's, such as `shipments SH-1`. Raises Unreadable."""
    try:
        yield
    except MISREAD as error:
        raise Unreadable(f"BNG has {name} in a form that cannot be read: {error!r}") from error
