"""Texts."""

from decimal import Decimal
from typing import Any

from bng_bridge.mapping.budget import check_length
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.functions.numbers import money_text, quantity_text, to_number
from bng_bridge.mapping.functions.registry import Value, function


@function
def text(value: Value) -> str:
    """A number as text, digit for digit; a text as it is."""
    if type(value) is str:
        return value
    if type(value) in (int, Decimal):
        return f"{to_number(value):f}"
    raise Fault(f"text() wants a text or number, got {kind_of(value)}")


@function
def money(value: Decimal) -> str:
    """An amount as text: two places at least, 12.5 as 12.50."""
    return money_text(value)


@function
def quantity(value: Decimal) -> str:
    """A quantity as text: without zeros at its end, 2.00 as 2."""
    return quantity_text(value)


@function
def upper(text: str) -> str:
    """In capitals."""
    return text.upper()


@function
def lower(text: str) -> str:
    """In small letters."""
    return text.lower()


@function
def trim(text: str) -> str:
    """Without blanks at both ends, and one blank for several."""
    return " ".join(text.split())


@function
def left(text: str, count: int) -> str:
    """The first `count` characters."""
    return text[: max(count, 0)]


@function
def right(text: str, count: int) -> str:
    """The last `count` characters."""
    return text[max(len(text) - max(count, 0), 0) :]


@function
def before(text: str, mark: str) -> str:
    """What stands before the first `mark`; all, where there is none."""
    return text.partition(mark)[0] if mark else text


@function
def after(text: str, mark: str) -> str:
    """What stands behind the first `mark`; nothing, where there is none."""
    return text.partition(mark)[2] if mark else text


@function
def split(text: str, mark: str = ",") -> list[Any]:
    """The parts between the marks, each trimmed."""
    return [part.strip() for part in text.split(mark)] if mark else [text]


@function
def replace(text: str, old: str, new: str) -> str:
    """With `new` wherever `old` stood."""
    if not old:
        return text
    check_length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


@function
def starts_with(text: str, beginning: str) -> bool:
    """Whether the text begins so."""
    return text.startswith(beginning)


@function
def ends_with(text: str, end: str) -> bool:
    """Whether the text ends so."""
    return text.endswith(end)


@function
def pad(text: str, length: int, fill: str = "0") -> str:
    """Filled up at its left to that length."""
    if len(fill) != 1 or not 0 <= length <= 1000:
        raise Fault("pad() fills with one character, to a length of at most 1000")
    return text.rjust(length, fill)


@function
def length(text: str) -> int:
    """How many characters it has."""
    return len(text)
