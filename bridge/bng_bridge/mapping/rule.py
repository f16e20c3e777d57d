"""What a compiled rule is, and the getters that rules are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bng_bridge.mapping.budget import Frame, Getter, spend, weight
from bng_bridge.mapping.coverage import ABSENT
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.findings import Position
from bng_bridge.mapping.shapes import ANY, Shape

Convert = Callable[[Any], Any]
Fill = Callable[[Frame, list[Any]], None]
"""Appends to a list that is being made."""

Member = tuple[str, Getter, Position]


@dataclass(frozen=True, slots=True)
class Rule:
    """`get` gives ABSENT where the field is left out. `always`: it never is. `size`: what running it once costs."""

    get: Getter
    shape: Shape
    size: int
    always: bool = True


NOTHING = Rule(lambda _: None, ANY, 1)
"""Stands for a rule with a mistake, so that the others are checked, too."""


def nullable(get: Getter, convert: Convert | None, *, required: bool, omits: bool) -> Getter:
    """A value as the target wants it; null fails, is left out, or stays."""
    if required:
        get = not_null(get)
    null = ABSENT if omits else None
    if convert is None:
        return lambda frame: null if (value := get(frame)) is None else value

    def converted(frame: Frame) -> Any:
        value = get(frame)
        return null if value is None else convert(value)

    return converted


def paid(get: Getter) -> Getter:
    """A whole object or list of the document, which is copied and converted part by part."""

    def weighed(frame: Frame) -> Any:
        value = get(frame)
        spend(frame, weight(value))
        return value

    return weighed


def or_default(get: Getter, convert: Convert | None, default: Any) -> Getter:
    def converted(frame: Frame) -> Any:
        value = get(frame)
        if value is None:
            return default
        return value if convert is None else convert(value)

    return converted


def not_null(get: Getter) -> Getter:
    def checked(frame: Frame) -> Any:
        value = get(frame)
        if value is None:
            raise Fault("is null, and it is required", hint="A default may stand for it.")
        return value

    return checked


def object_of(members: Sequence[Member]) -> Getter:
    """An object of these fields. A Fault inside learns where it was."""
    members = tuple(members)

    def build(frame: Frame) -> dict[str, Any]:
        result = {}
        for name, get, at in members:
            try:
                value = get(frame)
            except Fault as fault:
                raise fault.inside(name, at) from None
            if value is not ABSENT:
                result[name] = value
        return result

    return build


def attributes_of(build: Getter) -> Getter:
    """The same as Magento's list of custom attributes."""

    def listed(frame: Frame) -> list[dict[str, Any]]:
        return [{"attribute_code": name, "value": value} for name, value in build(frame).items()]

    return listed


def with_value(base: Getter, slot: int, build: Getter) -> Getter:
    """The object for a value under a name; null where that is null or empty."""

    def built(frame: Frame) -> Any:
        value = base(frame)
        if not value:
            return None
        frame[slot] = value
        return build(frame)

    return built


def list_from(fills: Sequence[Fill]) -> Getter:
    def build(frame: Frame) -> list[Any]:
        result: list[Any] = []
        for fill in fills:
            fill(frame, result)
        return result

    return build


def one(get: Getter, position: int) -> Fill:
    """One entry of a list, unless its rule leaves it out."""

    def fill(frame: Frame, result: list[Any]) -> None:
        frame[position] = len(result) + 1
        try:
            value = get(frame)
        except Fault as fault:
            fault.steps.append(f"[{len(result)}]")
            raise
        if value is not ABSENT:
            result.append(value)

    return fill


def many(rows: Getter, slot: int, where: Getter | None, entry: Fill, cost: int) -> Fill:
    """An entry for each row that `where` lets through; none for null."""

    def fill(frame: Frame, result: list[Any]) -> None:
        found = rows(frame)
        if found is None:
            return
        if type(found) is not list:
            raise Fault(f"each wants a list, got {kind_of(found)}")
        spend(frame, len(found) * cost)
        for row in found:
            frame[slot] = row
            if where is None or where(frame):
                entry(frame, result)

    return fill


def only_when(holds: Getter, fill: Fill) -> Fill:
    def filled(frame: Frame, result: list[Any]) -> None:
        if holds(frame):
            fill(frame, result)

    return filled
