"""What an expression may name: the document, context, named values, loop variables, tables and functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bng_bridge.mapping.budget import DOCUMENT, FIRST_FREE
from bng_bridge.mapping.findings import Position, Wrong
from bng_bridge.mapping.functions.registry import Function
from bng_bridge.mapping.shapes import INTEGER, Shape
from bng_bridge.mapping.tables import Table

CONSTANTS = {"None": None, "True": True, "False": False}
POSITION = "position"


@dataclass(frozen=True, slots=True)
class Variable:
    slot: int
    shape: Shape


class Slots:
    """Numbers the places of a frame while a file is compiled."""

    def __init__(self) -> None:
        self.count = FIRST_FREE

    def take(self) -> int:
        self.count += 1
        return self.count - 1


@dataclass(frozen=True)
class Scope:
    """Names visible at one place of the file. Inner scopes are copies with more in them.

    `elsewhere`: names that other places of the file set, and where, for who uses one too early.
    """

    variables: Mapping[str, Variable]
    tables: Mapping[str, Table]
    functions: Mapping[str, Function]
    slots: Slots
    elsewhere: Mapping[str, Position] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Functions are names of another kind: they stand before a bracket only."""
        return name in self.variables or name in self.tables or name in CONSTANTS

    def names(self) -> Iterable[str]:
        return [*self.variables, *self.tables]

    def with_name(self, name: str, shape: Shape, at: Position) -> tuple["Scope", int]:
        """A scope with one more variable, and its slot. Raises Wrong for a name that is none or taken."""
        if not name.isidentifier() or name.startswith("_"):
            raise Wrong(at, f"{name!r} is no name: letters, digits and _, a letter first")
        if name in self or name == POSITION:
            raise Wrong(at, f"{name} is taken already")
        slot = self.slots.take()
        return replace(self, variables={**self.variables, name: Variable(slot, shape)}), slot

    def with_position(self) -> tuple["Scope", int]:
        """A scope in which `position` counts the rows of a list, from 1."""
        slot = self.slots.take()
        return replace(self, variables={**self.variables, POSITION: Variable(slot, INTEGER)}), slot


def first_scope(root: str, shape: Shape, functions: Mapping[str, Function]) -> Scope:
    """The scope of a file before its tables, context and named values: the source document by its own name."""
    variables: dict[str, Any] = {root: Variable(DOCUMENT, shape)}
    return Scope(variables, {}, functions, Slots())
