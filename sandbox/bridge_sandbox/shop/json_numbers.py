"""Decimals of the database as JSON numbers."""

from decimal import Decimal


def number(value: Decimal | int) -> int | float:
    """For JSON, without trailing zeros. A column has at most four decimals, which a float prints back exactly."""
    whole = int(value)
    return whole if whole == value else float(value)
