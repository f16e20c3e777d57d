"""Compares an answer of the sandbox with the recorded one: everything but what cannot be the same.

Ids are compared by what they stand for, times and random strings by their form, an HTML page by its heading. All
else has to be equal: keys, types, values, the order of lists.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.identities import ROWS_OF, Identities, kind_of

FORMS = tuple(
    re.compile(form)
    for form in (
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
        r"[0-9a-f]{32}",
        r"Internal Error\. Details are available in Magento log file\. Report ID: webapi-[0-9a-f]{13}",
    )
)
HEADING = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)
REDACTED = ("REDACTED-JWT",)
MISSING = object()


@dataclass(frozen=True)
class Difference:
    """Where the answers part, such as `.items[].qty_shipped`, and what each of them has there."""

    path: str
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.path or '(the whole)'}: recorded {show(self.theirs)}, sandbox {show(self.ours)}"


class Comparison:
    """One answer against another; `noun` says what the documents of the route are."""

    def __init__(self, identities: Identities, noun: str) -> None:
        self._identities = identities
        self._noun = noun

    def differences(self, theirs: Any, ours: Any) -> list[Difference]:
        if not isinstance(theirs, dict | list):
            return list(self._scalars("", "itself", self._noun, theirs, ours))
        return list(self._values("", self._noun, "", theirs, ours))

    def _values(self, path: str, container: str, key: str, theirs: Any, ours: Any) -> Iterator[Difference]:
        match theirs, ours:
            case dict(), dict():
                yield from self._dicts(path, container, theirs, ours)
            case list(), list():
                yield from self._lists(path, container, theirs, ours)
            case _:
                yield from self._scalars(path, container, key, theirs, ours)

    def _dicts(self, path: str, container: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
        theirs = translated_names(self._identities, theirs, self._noun)
        for key in sorted(theirs.keys() | ours.keys()):
            their_value, our_value = theirs.get(key, MISSING), ours.get(key, MISSING)
            inner = self._inner(theirs, key)
            inside = inner if isinstance(their_value, dict | list) else container
            yield from self._values(f"{path}.{key}", inside, key, their_value, our_value)

    def _inner(self, document: dict[str, Any], key: str) -> str:
        """The noun of what stands under a key."""
        if key != "items":
            return key
        return self._noun if is_search(document) else ROWS_OF.get(self._noun, key)

    def _lists(self, path: str, container: str, theirs: list[Any], ours: list[Any]) -> Iterator[Difference]:
        if len(theirs) != len(ours):
            yield Difference(f"{path}[]", f"{len(theirs)} elements", f"{len(ours)} elements")
            return
        for their_element, our_element in zip(theirs, ours, strict=True):
            yield from self._values(f"{path}[]", container, "", their_element, our_element)

    def _scalars(self, path: str, container: str, key: str, theirs: Any, ours: Any) -> Iterator[Difference]:
        if not self._are_equal(container, key, theirs, ours):
            yield Difference(path, theirs, ours)

    def _are_equal(self, container: str, key: str, theirs: Any, ours: Any) -> bool:
        if json_type(theirs) != json_type(ours):
            return False
        if theirs in REDACTED:
            return True
        kind = kind_of(container, key, theirs)
        if kind is not None:
            return self._identities.pair(kind, theirs, ours)
        return bool(theirs == ours) or (isinstance(theirs, str) and have_same_form(theirs, ours))


def translated_names(identities: Identities, document: dict[str, Any], noun: str) -> dict[str, Any]:
    """Documents that name a field beside its value: the value as the sandbox must have it."""
    for name, value in (("field", "value"), ("fieldName", "fieldValue")):
        if document.keys() >= {name, value}:
            return document | {value: translate_filter(identities, noun, document[name], document[value])}
    return document


def translate_filter(identities: Identities, noun: str, field: str, value: Any) -> Any:
    """The value of a field of these documents as the sandbox knows it."""
    kind = kind_of(noun, field, value)
    return value if kind is None else identities.ours(kind, value)


def is_search(document: dict[str, Any]) -> bool:
    return "items" in document and bool(document.keys() & {"total_count", "search_criteria"})


def have_same_form(theirs: str, ours: str) -> bool:
    if theirs.startswith("<!doctype html>") and ours.startswith("<!doctype html>"):
        return HEADING.findall(theirs) == HEADING.findall(ours)
    return any(form.fullmatch(theirs) and form.fullmatch(ours) for form in FORMS)


def json_type(value: Any) -> str:
    """The name of its JSON type: 1 and 1.0 are both numbers, true is not."""
    if value is MISSING:
        return "missing"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def show(value: Any) -> str:
    return "nothing" if value is MISSING else repr(value)[:200]
