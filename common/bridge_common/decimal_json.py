"""JSON in which an amount never passes through binary floating point (simplejson: the stdlib cannot write a Decimal)."""

from decimal import Decimal
from typing import Any

import simplejson

_SPACE = " \t\n\r"
_SPACES = frozenset(_SPACE)
_DECODER = simplejson.JSONDecoder(parse_float=Decimal, allow_nan=False)


def loads(text: str | bytes) -> Any:
    """Parse; every number with a fraction or exponent is a Decimal. Raises ValueError on anything but JSON."""
    return simplejson.loads(text, use_decimal=True, allow_nan=False)


def loads_array(text: str) -> list[tuple[Any, str]]:
    """The members of a JSON array, each parsed and as its own text. Raises ValueError on anything but an array."""
    text = text.strip(_SPACE)
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError("not a JSON array")
    members: list[tuple[Any, str]] = []
    at, end = _skip_space(text, 1), len(text) - 1
    goes_on = at < end
    while goes_on:
        value, after = _DECODER.raw_decode(text, at)
        members.append((value, text[at:after]))
        at = _skip_space(text, after)
        goes_on = text[at : at + 1] == ","
        if goes_on:
            at = _skip_space(text, at + 1)
    if at != end:
        raise ValueError(f"neither a comma nor the end of the array at character {at}")
    return members


def member_text(text: str, name: str) -> str:
    """The very text of one member of a JSON object, as somebody may have signed it. Raises ValueError where there is none.

    Of a name that stands there twice it is the first; `loads` takes the last.
    """
    at = _skip_space(text, 0) + 1
    while text[at - 1 : at] in ("{", ","):
        key, at = _DECODER.raw_decode(text, _skip_space(text, at))
        begin = _skip_space(text, _skip_space(text, at) + 1)
        _, at = _DECODER.raw_decode(text, begin)
        if key == name:
            return text[begin:at]
        at = _skip_space(text, at) + 1
    raise ValueError(f"no member {name!r}")


def _skip_space(text: str, at: int) -> int:
    while text[at : at + 1] in _SPACES:
        at += 1
    return at


def dumps(value: Any) -> str:
    """Compact JSON; a Decimal is written as a number, digit for digit."""
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def pretty(value: Any) -> str:
    """The same over several lines, for a person to read and change."""
    return simplejson.dumps(value, use_decimal=True, indent=2, ensure_ascii=False, allow_nan=False)


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
