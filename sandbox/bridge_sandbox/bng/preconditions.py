"""If-Match and If-None-Match (RFC 9110, 13.1) over a record's entity tag."""

from collections.abc import Callable, Mapping

from bridge_sandbox.bng.problems import PRECONDITION_FAILED, Problem
from bridge_sandbox.bng.records import Record

Tag = Callable[[Record], str]


def check(headers: Mapping[str, str], record: Record | None, tag: Tag) -> None:
    """Raise Problem 412 if the record, or that there is none, is not what the request expects."""
    wanted, unwanted = headers.get("If-Match"), headers.get("If-None-Match")
    if wanted is not None and not matches(wanted, record, tag):
        raise refusal(record, tag)
    if unwanted is not None and matches(unwanted, record, tag):
        raise refusal(record, tag)


def matches(condition: str, record: Record | None, tag: Tag) -> bool:
    """Whether the record is there and, unless the condition is *, its tag is among those listed."""
    if record is None:
        return False
    return condition.strip() == "*" or tag(record) in (each.strip() for each in condition.split(","))


def refusal(record: Record | None, tag: Tag) -> Problem:
    """412, with the present tag if there is a record."""
    if record is None:
        return Problem(PRECONDITION_FAILED, "there is no such record")
    return Problem(PRECONDITION_FAILED, f"the record has Version {record['Version']}", headers={"ETag": tag(record)})
