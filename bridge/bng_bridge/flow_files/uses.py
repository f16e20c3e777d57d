"""What a flow file wants of the mappings and of the other flows: checked where all of them are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bng_bridge.mapping.findings import Position
from bng_bridge.mapping.shapes import Shape


@dataclass(frozen=True)
class MappingUse:
    """A write by a mapping: `given` is its context, `source` and `target` are the documents it has to be between.
    `is_whole`: it may make the record, so the mapping gives all that this needs.
    """

    name: str
    at: Position
    place: str
    source: str
    target: str
    given: Mapping[str, tuple[Shape, Position]]
    is_whole: bool = True


@dataclass
class Uses:
    """`emits`: which events the flow has looked at next, and where it says so."""

    mappings: list[MappingUse] = field(default_factory=list)
    emits: list[tuple[str, Position]] = field(default_factory=list)
