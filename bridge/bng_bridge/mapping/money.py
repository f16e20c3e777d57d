"""Amounts: Decimal in, decimal text out."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bridge_common.errors import MappingError

CENT = Decimal("0.01")


def amount(document: dict[str, Any], field: str) -> Decimal:
    """The field as Decimal, 0 when absent or null. Raises MappingError on anything but a number."""
    value = document.get(field)
    if value is None:
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise _not_an_amount(field, value)
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise _not_an_amount(field, value) from error


def _not_an_amount(field: str, value: Any) -> MappingError:
    return MappingError(
        f"{field} is {value!r}, not an amount", problem="not-an-amount", pointer=f"/{field}",
        hint="Correct it in the shop, then bridgectl dlq retry {event}.",
    )  # fmt: skip


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def text(value: Decimal) -> str:
    """Two places at least, never an exponent, and nothing is never negative: 12.50, 0.333, 0.00."""
    if value == value.quantize(CENT):
        return f"{value.quantize(CENT) + 0:f}"
    return f"{value.normalize():f}"


def quantity(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"
