"""Which rules and table entries the user's cases have reached."""

from collections.abc import Collection
from dataclasses import dataclass, field

from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.findings import Position

ABSENT = object()
"""What a rule gives whose field is left out."""


@dataclass(eq=False)
class Mark:
    """One rule or table entry; `hits` counts how often it gave a value."""

    at: Position
    name: str
    hits: int = 0


@dataclass
class Coverage:
    """Filled while a file is compiled, counted up while its cases run."""

    rules: dict[tuple[Position, str], Mark] = field(default_factory=dict)
    entries: dict[tuple[str, str], Mark] = field(default_factory=dict)

    def counted(self, get: Getter, at: Position, name: str) -> Getter:
        mark = self.rules.setdefault((at, name), Mark(at, name))

        def counting(frame: Frame) -> object:
            value = get(frame)
            if value is not ABSENT:
                mark.hits += 1
            return value

        return counting

    def entry(self, table: str, key: str, at: Position) -> Mark:
        return self.entries.setdefault((table, key), Mark(at, f"tables.{table}.{key}"))

    def missed(self) -> list[Mark]:
        """What no case has reached, in the order of the file."""
        marks = [*self.rules.values(), *self.entries.values()]
        return sorted((mark for mark in marks if not mark.hits), key=lambda mark: mark.at)

    def counts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Of rules and of table entries: how many were reached, and how many there are."""
        return _count(self.rules.values()), _count(self.entries.values())


def _count(marks: Collection[Mark]) -> tuple[int, int]:
    return sum(1 for mark in marks if mark.hits), len(marks)
