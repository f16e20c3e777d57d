"""If-Match and If-None-Match (RFC 9110, 13.1) over a record's Version."""

from collections.abc import Mapping

from bridge_sandbox.bng.problems import PRECONDITION_FAILED, Problem
from bridge_sandbox.bng.records import Record


def etag(record: Record) -> str:
    """The Version as a strong entity tag."""
    return f'"{record["Version"]}"'


def check(headers: Mapping[str, str], record: Record | None) -> None:
    """Raise Problem 412 if the record, or that there is none, is not what the request expects."""
    wanted, unwanted = headers.get("If-Match"), headers.get("If-None-Match")
    if wanted is not None and not matches(wanted, record):
        raise refusal(record)
    if unwanted is not None and matches(unwanted, record):
        raise refusal(record)


def matches(condition: str, record: Record | None) -> bool:
    """Whether the record is there and, unless the condition is *, its tag is among those listed."""
    if record is None:
        return False
    return condition.strip() == "*" or etag(record) in (tag.strip() for tag in condition.split(","))


def refusal(record: Record | None) -> Problem:
    """412, with the present tag if there is a record."""
    if record is None:
        return Problem(PRECONDITION_FAILED, "there is no such record")
    return Problem(PRECONDITION_FAILED, f"the record has Version {record['Version']}", headers={"ETag": etag(record)})
