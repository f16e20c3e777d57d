"""JSON in which an amount never passes through binary floating point (simplejson: the stdlib cannot write a Decimal)."""

import json
from decimal import Decimal
from typing import Any

import simplejson

_SPACES = frozenset(" \t\n\r")
_DECODER = simplejson.JSONDecoder(parse_float=Decimal, allow_nan=False)


def loads(text: str | bytes) -> Any:
    """Parse; every number with a fraction or exponent is a Decimal. Raises ValueError on anything but JSON."""
    return simplejson.loads(text, use_decimal=True, allow_nan=False)


def loads_parted(raw: bytes, name: str) -> Any:
    """`loads`; where that is an object, each member of its array `name` is a pair of itself and its text.

    The text is its very own where the object begins with that array, as Magento's answers to a search do; else it is
    written anew, at the cost of that.
    """
    text = raw.decode()
    beginning = f'{{"{name}":['
    if text.startswith(beginning):
        members, end = _members(text, len(beginning))
        return {**loads(f"{beginning}]{text[end:]}"), name: members}
    found = loads(text)
    if isinstance(found, dict) and isinstance(found.get(name), list):
        found[name] = [(member, dumps(member)) for member in found[name]]
    return found


def _members(text: str, at: int) -> tuple[list[tuple[Any, str]], int]:
    """Those of the array whose bracket stands before `at`, and where it has ended."""
    members: list[tuple[Any, str]] = []
    at = _skip_space(text, at)
    if text[at : at + 1] == "]":
        return members, at + 1
    while True:
        value, after = _DECODER.raw_decode(text, at)
        members.append((value, text[at:after]))
        at = _skip_space(text, after)
        if text[at : at + 1] == "]":
            return members, at + 1
        if text[at : at + 1] != ",":
            raise ValueError(f"neither a comma nor the end of the array at character {at}")
        at = _skip_space(text, at + 1)


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
    return _CANONICAL.encode(value)


def _normal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    raise TypeError(f"{type(value).__name__} has no JSON form")


_CANONICAL = json.JSONEncoder(
    default=_normal, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)  # fmt: skip
