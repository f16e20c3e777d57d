"""Steps into a document: checked against its schema when a file is loaded, forgiving about null when it runs.

What is missing or null gives null, and so does every step behind it. A step into a value that has no fields is a Fault.
"""

from collections.abc import Callable
from typing import Any

from bng_bridge.mapping.budget import Frame, spend
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.findings import Position, Wrong, did_you_mean
from bng_bridge.mapping.shapes import ANY, Shape

MOST_ATTRIBUTES = 2000
"""Of one product or customer; each look for one goes through them, and is paid for."""

Step = Callable[[Frame, Any], Any]
"""In a run, from a value to what it leads to."""


def field_shape(shape: Shape, name: str, at: Position) -> Shape:
    """The shape of a field. Raises Wrong when the schema does not have it."""
    if shape.has_fields and (shape.fields or shape.name):
        if name not in shape.fields:
            raise Wrong(at, f"{shape.name or 'it'} has no field {name}.", did_you_mean(name, shape.fields))
        return shape.fields[name]
    if shape.kind == "list":
        raise Wrong(at, f"a list has no field {name}.", "Take one row: [0], first(…), find(…); or all: each, sum(…).")
    if shape.is_known and not shape.has_fields:
        raise Wrong(at, f"a value of the kind {shape.kind} has no field {name}")
    return ANY


def entry_shape(shape: Shape, index: int | str, at: Position) -> Shape:
    """The shape of `[index]`: of a row of a list, or of a field."""
    if isinstance(index, str):
        return field_shape(shape, index, at)
    if shape.is_known and shape.kind != "list":
        raise Wrong(at, f"[{index}] wants a list, this is of the kind {shape.kind}")
    return shape.item or ANY


def field_step(shape: Shape, name: str) -> Step:
    """From a value of that shape to its field."""
    return _attribute_step(name) if shape.kind == "attributes" else _field_step(name)


def entry_step(shape: Shape, index: int | str) -> Step:
    if isinstance(index, str):
        return field_step(shape, index)

    def entry(_: Frame, value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            raise Fault(f"[{index}] wants a list, got {kind_of(value)}")
        return value[index] if -len(value) <= index < len(value) else None

    return entry


def path_of(text: str, shape: Shape, at: Position) -> tuple[Step, Shape]:
    """A path as a text, such as `shipping.address`, from a value of that shape. Raises Wrong."""
    steps: list[Step] = []
    for name in text.split("."):
        if not name.isidentifier() or name.startswith("_"):
            raise Wrong(at, f"{text!r} is no path of fields, such as 'shipping.address'")
        steps.append(field_step(shape, name))
        shape = field_shape(shape, name, at)
    return _chained(steps), shape


def _chained(steps: list[Step]) -> Step:
    if len(steps) == 1:
        return steps[0]

    def chained(frame: Frame, value: Any) -> Any:
        for step in steps:
            value = step(frame, value)
        return value

    return chained


def _field_step(name: str) -> Step:
    def field(_: Frame, value: Any) -> Any:
        if type(value) is dict:
            return value.get(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return value.get(name)
        raise Fault(f"{kind_of(value)} has no field {name}")

    return field


def _attribute_step(code: str) -> Step:
    """Of Magento's custom attributes, which stand in a list."""

    def attribute(frame: Frame, value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not list or len(value) > MOST_ATTRIBUTES:
            raise Fault(f"wants a list of at most {MOST_ATTRIBUTES} attributes, got {kind_of(value)}")
        spend(frame, len(value))
        for each in value:
            if type(each) is dict and each.get("attribute_code") == code:
                return each.get("value")
        return None

    return attribute
