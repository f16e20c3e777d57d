"""A mapping file may say everything about a record but its name: by that it is found again when an answer was lost."""

from typing import Any

from bridge_common.errors import MappingError


def check(field: str, found: Any, wanted: str) -> None:
    """Raises MappingError for a body that would be written under another name than it is looked up by."""
    if found != wanted:
        raise _lost(field, f"is {found!r}, and must be {wanted!r}")


def check_lines(field: str, found: Any, wanted: list[str]) -> None:
    """The same for a text that has the names as lines of its own."""
    missing = [line for line in wanted if line not in str(found).splitlines()]
    if missing:
        raise _lost(field, f"has no line {missing[0]!r}")


def _lost(field: str, what: str) -> MappingError:
    return MappingError(
        f"{field} {what}: by it the record is found again", problem="reference", pointer=f"/{field}",
        hint="Correct the mapping file, then bridgectl dlq retry {event}.",
    )  # fmt: skip
