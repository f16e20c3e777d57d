"""Values as the target wants them: the kind comes from its schema, for what a rule computes and for what was typed."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.faults import Fault, kind_of, shown
from bng_bridge.mapping.functions.numbers import money_text, quantity_text, to_number
from bng_bridge.mapping.shapes import Shape

Convert = Callable[[Any], Any]

FLAGS = {
    "true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def converter(shape: Shape) -> Convert:
    """From a value that is not null to the target's. Raises Fault for what does not fit, and cuts nothing."""
    convert = _PLAIN[shape.kind] if shape.kind in _PLAIN else _whole_converter(shape)
    if shape.choices:
        return _chosen(convert, shape)
    return _limited(convert, shape.most) if shape.most is not None else convert


def typed(text: str, shape: Shape) -> Any:
    """What a text of the file means for a field of that shape. Raises Fault."""
    if shape.kind == "flag":
        if text.lower() not in FLAGS:
            raise Fault(f"{shown(text)} is neither true nor false")
        return FLAGS[text.lower()]
    if shape.kind not in _PLAIN:
        raise Fault(f"a text cannot be {'a list' if shape.kind == 'list' else 'an object'}")
    return converter(shape)(text)


def _chosen(convert: Convert, shape: Shape) -> Convert:
    def chosen(value: Any) -> Any:
        found = convert(value)
        if found not in shape.choices:
            raise Fault(f"{shown(found)} is not one of {', '.join(map(str, shape.choices))}")
        return found

    return chosen


def _limited(convert: Convert, most: int) -> Convert:
    def limited(value: Any) -> Any:
        found = convert(value)
        if len(found) > most:
            raise Fault(f"{shown(found)} has {len(found)} characters, at most {most} are taken", hint="left(…) cuts.")
        return found

    return limited


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    hint = "money(…), quantity(…) and text(…) make a text of a number." if type(value) is Decimal else ""
    raise Fault(f"wants text, got {kind_of(value)}", hint=hint)


def _integer(value: Any) -> int:
    number = value if type(value) is int else to_number(value)
    if number != int(number):
        raise Fault(f"is {shown(value)}, not a whole number")
    return int(number)


def _number(value: Any) -> Any:
    if type(value) is int:
        return value
    return to_number(value)


def _flag(value: Any) -> bool:
    if type(value) is bool:
        return value
    if type(value) is int and value in (0, 1):
        return bool(value)
    raise Fault(f"is {shown(value)}, not true or false")


def _date(value: Any) -> str:
    if type(value) is str and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise Fault(f"{value} is no day of the calendar") from error
    raise Fault(f"is {shown(value)}, not a day YYYY-MM-DD", hint="day(…) makes one of a moment.")


def _time(value: Any) -> str:
    if type(value) is str and _TIME.fullmatch(value):
        return value
    raise Fault(f"is {shown(value)}, not a time in RFC 3339", hint="time(…) makes one of a moment.")


def _any(value: Any) -> Any:
    if type(value) is float:
        raise Fault(f"is {value!r}, a binary float: amounts are Decimals")
    return value


_PLAIN: dict[str, Convert] = {
    "text": _text, "integer": _integer, "number": _number, "money": money_text, "quantity": quantity_text,
    "date": _date, "time": _time, "flag": _flag, "any": _any,
}  # fmt: skip


def _whole_converter(shape: Shape) -> Convert:
    """For an object or list that an expression gives as a whole: every part of it is held to the schema, too."""
    if shape.kind == "list":
        return _list_converter(shape)

    def convert(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Fault(f"wants an object, got {kind_of(value)}")
        unknown = [name for name in value if name not in shape.fields]
        if unknown:
            raise Fault(f"{shape.name} has no field {unknown[0]}", hint="Map its fields one by one, under `fields`.")
        return {
            name: None if part is None else converter(shape.fields[name])(part) for name, part in value.items()
        }  # fmt: skip

    return convert


def _list_converter(shape: Shape) -> Convert:
    item = shape.item
    convert_item = converter(item) if item is not None and not item.has_fields else None

    def convert(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Fault(f"wants a list, got {kind_of(value)}")
        each = convert_item or (converter(item) if item is not None else _any)
        return [each(entry) for entry in value]

    return convert
