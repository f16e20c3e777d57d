"""Texts of flow files: what a person reads, with {expressions} in them."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.faults import Fault, kind_of
from bng_bridge.mapping.findings import Position, Wrong
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.yaml_tree import Node, Scalar

Text = Callable[[Frame], str]
EVENT = "{event}"
"""In a hint it stays as it is: the worker puts the event's number there."""

_PLACES = re.compile(r"\{([^{}]*)\}")


def text_of(node: Node, scope: Scope) -> Text:
    """Null in a place is nothing. Raises Wrong, also for a brace without its other one."""
    if not isinstance(node, Scalar) or not node.text.strip():
        raise Wrong(node.at, "one text is wanted")
    if re.search(r"[{}]", _PLACES.sub("", node.text)):
        raise Wrong(node.at, "has a { or } without the other one.", "An expression stands in { }.")
    parts: list[str | Getter] = []
    end = 0
    for number, place in enumerate(_PLACES.finditer(node.text)):
        parts.append(node.text[end : place.start()])
        parts.append(EVENT if place[0] == EVENT else _getter(node, place[1], number, scope))
        end = place.end()
    parts.append(node.text[end:])
    return _joined(parts)


def _getter(node: Scalar, code: str, number: int, scope: Scope) -> Getter:
    at = _place(node, number)
    made = expression_of(Scalar(at, code, code, at), scope)
    if made.shape.has_fields or made.shape.kind == "list":
        raise Wrong(at, f"{made.shape.words} cannot stand in a text")
    return made.get


def _place(node: Scalar, number: int) -> Position:
    """Of what stands behind the so-manieth brace; folding of lines changes blanks only."""
    found = [each.start() for each in re.finditer(r"\{", node.code)]
    if number >= len(found):
        return node.at
    before = node.code[: found[number] + 1]
    return node.position(before.count("\n"), len(before) - (before.rfind("\n") + 1))


def _joined(parts: list[str | Getter]) -> Text:
    if all(isinstance(part, str) for part in parts):
        fixed = "".join(map(str, parts))
        return lambda _: fixed
    return lambda frame: "".join(part if isinstance(part, str) else _shown(part(frame)) for part in parts)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (str, int):
        return str(value)
    if type(value) is Decimal:
        return f"{value:f}"
    raise Fault(f"{kind_of(value)} cannot stand in a text")
