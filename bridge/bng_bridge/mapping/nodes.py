"""Parts of expressions: what a compiled one is, and how those of its parts make it."""

from dataclasses import dataclass
from typing import Any

from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.paths import Step
from bng_bridge.mapping.shapes import ANY, FLAG, INTEGER, NULL, TEXT, Shape, either, list_of


@dataclass(frozen=True, slots=True)
class Expression:
    """`size` is its number of nodes: what one evaluation costs. `is_constant`: it names nothing of a document."""

    get: Getter
    shape: Shape
    size: int = 1
    is_constant: bool = False


def constant(value: Any) -> Expression:
    shapes: dict[type, Shape] = {str: TEXT, int: INTEGER, bool: FLAG, type(None): NULL}
    return Expression(lambda _: value, shapes[type(value)], is_constant=True)


def stepped(base: Getter, step: Step, name: str | None) -> Getter:
    """`name` where the step is to a plain field: the common case, without another call."""
    if name is None:
        return lambda frame: step(frame, base(frame))

    def get(frame: Frame) -> Any:
        value = base(frame)
        return value.get(name) if type(value) is dict else step(frame, value)

    return get


def boolean(is_and: bool, values: list[Expression]) -> Expression:  # noqa: FBT001
    first, rest = values[0], values[1:]
    shape = first.shape
    for each in rest:
        shape = either(shape, each.shape)
    getters = tuple(each.get for each in rest)
    head = first.get

    def both(frame: Frame) -> Any:
        value = head(frame)
        for get in getters:
            if not value:
                return value
            value = get(frame)
        return value

    def one(frame: Frame) -> Any:
        value = head(frame)
        for get in getters:
            if value:
                return value
            value = get(frame)
        return value

    size = sum(each.size for each in values) + 1
    return Expression(both if is_and else one, shape, size, all(each.is_constant for each in values))


def choice(test: Expression, body: Expression, orelse: Expression) -> Expression:
    is_so, yes, no = test.get, body.get, orelse.get
    parts = (test, body, orelse)
    return Expression(
        lambda frame: yes(frame) if is_so(frame) else no(frame), either(body.shape, orelse.shape),
        sum(each.size for each in parts) + 1, all(each.is_constant for each in parts),
    )  # fmt: skip


def listing(elements: list[Expression]) -> Expression:
    getters = tuple(each.get for each in elements)
    item = elements[0].shape if elements else ANY
    for each in elements[1:]:
        item = either(item, each.shape)
    size = sum(each.size for each in elements) + 1
    constant = all(each.is_constant for each in elements)
    return Expression(lambda frame: [get(frame) for get in getters], list_of(item), size, constant)


def comparable(one: Shape, other: Shape) -> bool:
    if not (one.is_known and other.is_known):
        return True
    return one.kind == other.kind or (one.is_numeric and other.is_numeric) or (one.is_text and other.is_text)
