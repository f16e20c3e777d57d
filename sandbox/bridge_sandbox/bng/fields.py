"""Checks of single values and of objects made of them; pure functions.

A check takes a value from a JSON body and returns it as it is stored, or raises FieldErrors. Amounts and
quantities arrive as decimal strings or JSON numbers (read as Decimal, never float) and are stored as strings.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.bng.problems import FieldProblem

Check = Callable[[Any], Any]

DECIMAL = re.compile(r"-?\d{1,14}(\.\d{1,6})?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
CENT = Decimal("0.01")


class FieldErrors(Exception):
    """What is wrong, each with a pointer relative to the value that was checked."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True)
class Field:
    """A field of an object; without a value it is `default`, or an error if `required`."""

    check: Check
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Shape:
    """The fields of an object; `ignored` ones belong to the server and may be sent back to it."""

    fields: Mapping[str, Field]
    ignored: frozenset[str] = field(default_factory=frozenset)


def check_object(shape: Shape, value: Any, *, partial: bool = False) -> dict[str, Any]:
    """The object with its values as they are stored; with `partial` absent fields stay absent."""
    if not isinstance(value, dict):
        raise wrong("is not an object")
    errors: list[FieldProblem] = [
        (pointer(name), "unknown field") for name in value if name not in shape.fields and name not in shape.ignored
    ]
    clean: dict[str, Any] = {}
    for name, described in shape.fields.items():
        if partial and name not in value:
            continue
        try:
            clean[name] = check_field(described, value.get(name))
        except FieldErrors as error:
            errors += [(pointer(name) + below, detail) for below, detail in error.errors]
    if errors:
        raise FieldErrors(errors)
    return clean


def check_field(described: Field, value: Any) -> Any:
    """The field's value or its default; null counts as absent."""
    if value is not None:
        return described.check(value)
    if described.required:
        raise wrong("is required")
    return described.default


def text(limit: int = 255) -> Check:
    """A string of at most `limit` characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong("is not a string")
        if len(value) > limit:
            raise wrong(f"is longer than {limit} characters")
        return value

    return check


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise wrong("is not true or false")
    return value


def whole(value: Any) -> int:
    """A whole number from 1, not a string."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise wrong("is not a whole number from 1")
    return value


def choice(*allowed: int | str) -> Check:
    """One of a few values."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or value not in allowed:
            raise wrong(f"is not one of {', '.join(map(str, allowed))}")
        return value

    return check


def number(value: Any) -> Decimal:
    """The decimal number in a string or JSON number; at most 14 digits before and 6 after the point."""
    plain = format(value, "f") if isinstance(value, Decimal) else value
    if isinstance(plain, int) and not isinstance(plain, bool):
        plain = str(plain)
    if not isinstance(plain, str) or not DECIMAL.fullmatch(plain):
        raise wrong("is not a decimal number")
    try:
        return Decimal(plain)
    except InvalidOperation as error:
        raise wrong("is not a decimal number") from error


def money(value: Any) -> str:
    """An amount, with at least two places: `5` is stored as `5.00`, `0.333` stays."""
    amount = number(value)
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:.{places}f}"


def quantity(value: Any) -> str:
    """A quantity from 0 upwards, without trailing zeros."""
    amount = number(value)
    if amount < 0:
        raise wrong("is negative")
    return plain_number(amount)


def plain_number(amount: Decimal) -> str:
    """`2`, `0.5`: no exponent, no trailing zeros."""
    return f"{amount.normalize() + 0:f}"


def day(value: Any) -> str:
    """A date `YYYY-MM-DD` of the calendar."""
    if not isinstance(value, str) or not DATE.fullmatch(value):
        raise wrong("is not a date YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise wrong("is not a date of the calendar") from error
    return value


def nested(shape: Shape) -> Check:
    """An object of this shape."""
    return lambda value: check_object(shape, value)


def each(check: Check, *, at_least: int = 0) -> Check:
    """A list of values that all pass `check`."""

    def check_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong("is not a list")
        if len(value) < at_least:
            raise wrong("is empty")
        clean, errors = [], []
        for index, entry in enumerate(value):
            try:
                clean.append(check(entry))
            except FieldErrors as error:
                errors += [(f"/{index}{below}", detail) for below, detail in error.errors]
        if errors:
            raise FieldErrors(errors)
        return clean

    return check_all


def wrong(detail: str) -> FieldErrors:
    """The error of a single value."""
    return FieldErrors([("", detail)])


def pointer(name: str) -> str:
    """A step of a JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
