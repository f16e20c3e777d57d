"""Which of the fields that we own a Magento document shows otherwise. Pure.

Magento writes values back in its own way: a text for a number, six digits behind the point, a day with midnight behind it.
"""

import re
from decimal import Decimal
from typing import Any

_POINTED = re.compile(r"-?\d+\.\d+")
_WHOLE_OR_POINTED = re.compile(r"-?\d+(\.\d+)?")
_MIDNIGHT = " 00:00:00"
_ATTRIBUTES = "custom_attributes"
FILLED_BY_MAGENTO = ("special_from_date",)
"""Emptied, it becomes the day of today while there is a special price."""


def differing(body: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    """The part of `body` that `shown` does not say; its SKU is its name and no part. Custom attributes are compared one by
    one, lists in any order, objects as far as `body` names their fields."""
    found = {
        name: value
        for name, value in body.items()
        if name not in ("sku", _ATTRIBUTES) and not _is_same(value, shown.get(name))
    }
    wanted, known = _attributes(body), _attributes(shown)
    filled = FILLED_BY_MAGENTO if not _is_empty((known | wanted).get("special_price")) else ()
    attributes = [
        {"attribute_code": code, "value": value}
        for code, value in wanted.items()
        if not _is_same(value, known.get(code)) and not (_is_empty(value) and code in filled)
    ]
    return found | {_ATTRIBUTES: attributes} if attributes else found


def names(fields: dict[str, Any]) -> list[str]:
    """As a person finds them in the mapping file."""
    attributes = [f"{_ATTRIBUTES}.{each['attribute_code']}" for each in fields.get(_ATTRIBUTES) or []]
    return [*(name for name in fields if name != _ATTRIBUTES), *attributes]


def _attributes(document: dict[str, Any]) -> dict[str, Any]:
    return {each["attribute_code"]: each["value"] for each in document.get(_ATTRIBUTES) or []}


def _is_same(wanted: Any, shown: Any) -> bool:
    if _is_empty(wanted) or _is_empty(shown):
        return _is_empty(wanted) and _is_empty(shown)
    if isinstance(wanted, dict):
        return isinstance(shown, dict) and all(_is_same(value, shown.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        # A choice of several is shown as one text.
        return _are_same(wanted, shown.split(",") if isinstance(shown, str) else shown)
    if isinstance(shown, dict | list):
        return False
    return _is_same_number(wanted, shown) or str(wanted) == str(shown).removesuffix(_MIDNIGHT)


def _is_empty(value: Any) -> bool:
    return value in (None, "", [])


def _are_same(wanted: list[Any], shown: Any) -> bool:
    if not isinstance(shown, list) or len(wanted) != len(shown):
        return False
    left = list(shown)
    for each in wanted:
        found = next((number for number, other in enumerate(left) if _is_same(each, other)), None)
        if found is None:
            return False
        del left[found]
    return True


def _is_same_number(wanted: Any, shown: Any) -> bool:
    """Two texts only where one of them has a point: 007 and 7 are two texts."""
    texts = [str(int(each) if isinstance(each, bool) else each) for each in (wanted, shown)]
    is_number = not (isinstance(wanted, str) and isinstance(shown, str)) or any(map(_POINTED.fullmatch, texts))
    return is_number and all(map(_WHOLE_OR_POINTED.fullmatch, texts)) and Decimal(texts[0]) == Decimal(texts[1])
