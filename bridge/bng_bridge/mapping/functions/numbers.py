"""Numbers: always Decimal, rounded half up, as shops and tax offices do."""

import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from bng_bridge.mapping import money
from bng_bridge.mapping.faults import Fault, shown
from bng_bridge.mapping.functions.registry import Value, function
from bng_bridge.mapping.operators import EXACT, NUMBERS

MOST_PLACES = 10

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_UNITS = [Decimal(1).scaleb(-places) for places in range(MOST_PLACES + 1)]


@function
def amount(value: Any) -> Decimal:
    """The number that a number or text is; 0 for null."""
    return Decimal(0) if value is None else to_number(value)


@function
def number(value: Value) -> Decimal:
    """The number that a number or text is."""
    return to_number(value)


@function(name="round")
def rounded(value: Decimal, places: int = 0) -> Decimal:
    """Rounded to so many places, half up: 0.125 to 0.13."""
    return _quantized(value, places, ROUND_HALF_UP)


@function
def round_down(value: Decimal, places: int = 0) -> Decimal:
    """The next lower number with so many places."""
    return _quantized(value, places, ROUND_FLOOR)


@function
def round_up(value: Decimal, places: int = 0) -> Decimal:
    """The next higher number with so many places."""
    return _quantized(value, places, ROUND_CEILING)


@function
def cents(value: Decimal) -> Decimal:
    """Rounded to two places, half up."""
    try:
        return value.quantize(money.CENT, ROUND_HALF_UP)
    except ArithmeticError as error:
        raise Fault(f"{shown(value)} is too large to be rounded") from error


@function(name="abs")
def absolute(value: Decimal) -> Decimal:
    """Without its sign."""
    return value.copy_abs()


@function(name="min")
def least(*values: Decimal) -> Decimal:
    """The smallest of the numbers."""
    return min(values, default=Decimal(0))


@function(name="max")
def greatest(*values: Decimal) -> Decimal:
    """The largest of the numbers."""
    return max(values, default=Decimal(0))


def to_number(value: Any) -> Decimal:
    """A value of a document as Decimal. Raises Fault for what is no number, floats and true included, or no amount."""
    try:
        if type(value) in NUMBERS:
            found = EXACT.plus(value)
            if found.is_finite():
                return found
        elif type(value) is str and _NUMBER.fullmatch(value):
            return Decimal(value)
    except ArithmeticError as error:
        raise Fault(f"{shown(value)} has more than 28 digits") from error
    raise Fault(f"is {shown(value)}, not an amount")


def money_text(value: Any) -> str:
    """An amount as BNG writes it: two places at least."""
    return _written(money.text, value)


def quantity_text(value: Any) -> str:
    """A quantity as BNG writes it: no zeros at its end."""
    return _written(money.quantity, value)


def _written(write: Callable[[Decimal], str], value: Any) -> str:
    try:
        return write(to_number(value))
    except ArithmeticError as error:
        raise Fault(f"{shown(value)} is too large for an amount") from error


def _quantized(value: Decimal, places: int, rounding: str) -> Decimal:
    if not 0 <= places <= MOST_PLACES:
        raise Fault(f"can round to 0 to {MOST_PLACES} places, not {places}")
    try:
        return value.quantize(_UNITS[places], rounding)
    except ArithmeticError as error:
        raise Fault(f"{shown(value)} is too large to be rounded") from error
