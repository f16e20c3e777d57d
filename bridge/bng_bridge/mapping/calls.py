"""Calls of functions: arguments checked for their kind, long ones paid for."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.budget import CHARACTERS_PER_UNIT, Frame, Getter, check_length, spend
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.functions.registry import Function, Parameter
from bng_bridge.mapping.shapes import Shape

Argument = tuple[Getter, str, bool]
"""Its value, the kind that is wanted, and whether null is a value."""

_SIZED = ("text", "list")


def takes(parameter: Parameter, shape: Shape) -> bool:
    """Whether a value of that shape may be given; what is not known may."""
    if parameter.kind in ("any", "value") or not shape.is_known:
        return True
    if parameter.kind in ("number", "integer"):
        return shape.is_numeric
    if parameter.kind == "text":
        return shape.is_text
    return parameter.kind == shape.kind


def call(function: Function, arguments: Sequence[Argument]) -> Getter:
    """The call as a getter."""
    run = function.run
    if len(arguments) == 1:
        return _call_one(run, *arguments[0])
    prepared = [(get, _converter(kind), takes_null) for get, kind, takes_null in arguments]

    def called(frame: Frame) -> Any:
        values = []
        for get, convert, takes_null in prepared:
            value = get(frame)
            if value is None:
                if not takes_null:
                    return None
            elif convert is not None:
                value = convert(value)
            _pay(frame, value)
            values.append(value)
        return _paid(frame, run(*values))

    return called


def _call_one(run: Callable[..., Any], get: Getter, kind: str, takes_null: bool) -> Getter:  # noqa: FBT001
    convert, is_sized = _converter(kind), kind in _SIZED

    def called(frame: Frame) -> Any:
        value = get(frame)
        if value is None:
            return run(None) if takes_null else None
        if convert is not None:
            value = convert(value)
            if is_sized:
                _pay(frame, value)
        return run(value)

    def paid(frame: Frame) -> Any:
        return _paid(frame, called(frame))

    return paid if is_sized else called


def _pay(frame: Frame, value: Any) -> None:
    if type(value) is str:
        if len(value) > CHARACTERS_PER_UNIT:
            spend(frame, len(value) // CHARACTERS_PER_UNIT)
    elif type(value) is list:
        spend(frame, len(value))


def _paid(frame: Frame, result: Any) -> Any:
    if type(result) is str:
        check_length(len(result))
    _pay(frame, result)
    return result


def _text(value: Any) -> Any:
    if type(value) is str:
        return value
    raise Fault(f"wants text, got {kind_of(value)}", hint="text(…) makes a text of a number.")


def _number(value: Any) -> Any:
    if type(value) is Decimal:
        return value
    if type(value) is int:
        return Decimal(value)
    raise Fault(f"wants a number, got {kind_of(value)}", hint="amount(…) and number(…) make a number of a text.")


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is Decimal and value.adjusted() < 12 and value == value.to_integral_value():
        return int(value)
    raise Fault(f"wants a whole number, got {value if type(value) is Decimal else kind_of(value)}")


def _is(kind: type, name: str) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        raise Fault(f"wants {name}, got {kind_of(value)}")

    return checked


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _whole,
    "flag": _is(bool, "true or false"),
    "list": _is(list, "a list"),
    "object": _is(dict, "an object"),
}


def _converter(kind: str) -> Callable[[Any], Any] | None:
    """None where anything goes."""
    return _CONVERTERS.get(kind)
