"""JSON in which an amount never passes through binary floating point (simplejson: the stdlib cannot write a Decimal)."""

from decimal import Decimal
from typing import Any

import simplejson


def loads(text: str | bytes) -> Any:
    """Parse; every number with a fraction or exponent is a Decimal. Raises ValueError on anything but JSON."""
    return simplejson.loads(text, use_decimal=True, allow_nan=False)


def dumps(value: Any) -> str:
    """Compact JSON; a Decimal is written as a number, digit for digit."""
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> str:
    """JSON for digests: keys sorted, Decimals normalised, so that equal content gives equal text."""
    return simplejson.dumps(_normal(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _normal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, dict):
        return {str(key): _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value
