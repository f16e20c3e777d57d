"""Checks of single values, and of lists and nested objects.

Amounts and quantities arrive as decimal strings or JSON numbers (read as Decimal, never float) and are stored as
strings.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.bng.fields import Check, FieldErrors, Schema, Shape, check_object, wrong
from bridge_sandbox.bng.problems import FieldProblem

DECIMAL = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,6})?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
BEYOND = 10**14
ANY_NUMBER: Schema = {
    "type": ["string", "number"],
    "pattern": f"^{DECIMAL.pattern}$",
    "exclusiveMinimum": -BEYOND,
    "exclusiveMaximum": BEYOND,
    "description": "At most 6 digits after the point.",
}
NOT_NEGATIVE: Schema = ANY_NUMBER | {"pattern": f"^{DECIMAL.pattern.removeprefix('-?')}$", "minimum": 0}
PLAIN_NUMBER: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}


def described(takes: Schema, gives: Schema | None = None) -> Callable[[Callable[[Any], Any]], Check]:
    """The function below it as a check; without `gives` it returns what it takes."""
    return lambda function: Check(function, takes, takes if gives is None else gives)


def text(limit: int = 255) -> Check:
    """A string of at most `limit` characters."""

    @described({"type": "string", "maxLength": limit})
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong("is not a string")
        if len(value) > limit:
            raise wrong(f"is longer than {limit} characters")
        return value

    return check


@described({"type": "boolean"})
def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise wrong("is not true or false")
    return value


def whole(at_least: int) -> Check:
    """A whole number, not a string."""

    @described({"type": "integer", "minimum": at_least})
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise wrong(f"is not a whole number from {at_least}")
        return value

    return check


def choice(*allowed: int | str) -> Check:
    """One of a few values."""

    @described({"enum": list(allowed)})
    def check(value: Any) -> int | str:
        if isinstance(value, bool) or value not in allowed:
            raise wrong(f"is not one of {', '.join(map(str, allowed))}")
        # Not the value itself: 10.0 is 10 in JSON, and a Decimal here.
        return allowed[allowed.index(value)]

    return check


def read_number(value: Any) -> Decimal:
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


number = Check(read_number, ANY_NUMBER, {})
"""Any number, as a Decimal; for what is not stored."""


@described(ANY_NUMBER, {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,6}$"})
def money(value: Any) -> str:
    """An amount, with at least two places: `5` is stored as `5.00`, `0.333` stays."""
    amount = read_number(value)
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:.{places}f}"


@described(NOT_NEGATIVE, PLAIN_NUMBER)
def quantity(value: Any) -> str:
    """A quantity from 0 upwards, without trailing zeros."""
    amount = read_number(value)
    if amount < 0:
        raise wrong("is negative")
    return plain_number(amount)


def plain_number(amount: Decimal) -> str:
    """`2`, `0.5`: no exponent, no trailing zeros."""
    return f"{amount.normalize() + 0:f}"


@described({"type": "string", "format": "date", "pattern": f"^{DATE.pattern}$"})
def day(value: Any) -> str:
    """A date `YYYY-MM-DD` of the calendar."""
    if not isinstance(value, str) or not DATE.fullmatch(value):
        raise wrong("is not a date YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise wrong("is not a date of the calendar") from error
    return value


@described({"type": "string", "pattern": f"^{MONTH.pattern}$"})
def month(value: Any) -> str:
    """A month `YYYY-MM`."""
    if not isinstance(value, str) or not MONTH.fullmatch(value):
        raise wrong("is not a month YYYY-MM")
    return value


def nested(shape: Shape) -> Check:
    """An object of this shape, which needs a name."""
    return Check(lambda value: check_object(shape, value), ref(f"{shape.name}Input"), ref(shape.name))


def ref(name: str) -> Schema:
    """A schema that stands under `components` of the OpenAPI document."""
    return {"$ref": f"#/components/schemas/{name}"}


def each(check: Check, *, at_least: int = 0) -> Check:
    """A list of values that all pass `check`."""
    rest: Schema = {"minItems": at_least} if at_least else {}

    @described({"type": "array", "items": check.takes} | rest, {"type": "array", "items": check.gives} | rest)
    def check_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong("is not a list")
        if len(value) < at_least:
            raise wrong("is empty")
        clean: list[Any] = []
        errors: list[FieldProblem] = []
        for index, entry in enumerate(value):
            try:
                clean.append(check(entry))
            except FieldErrors as error:
                errors += [(f"/{index}{below}", detail) for below, detail in error.errors]
        if errors:
            raise FieldErrors(errors)
        return clean

    return check_all
