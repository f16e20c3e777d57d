"""Compiled steps, and how they run: one after another, each where its condition holds.

Nothing sleeps and nothing is kept between runs: what has to wait ends the run with a failure that says for how long, and
the next run begins anew. A write that was made is found unchanged then.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bng_bridge.flow_files.durations import seconds_in
from bng_bridge.flow_files.records import RecordKind
from bng_bridge.flow_files.texts import Text
from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.coverage import Mark
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Position
from bng_bridge.mapping.mapping_file import Mapping as MappingFile
from bridge_common.errors import BridgeError, HeldByPolicy, NotReady, RefusedByFlow

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """The fields that are to be written, and the context and the document that they came from."""

    fields: Document
    context: Document
    document: Any


Body = Callable[[Document], Awaitable[Made]]
"""From what the record itself gives. It is called inside the record's lock."""


@dataclass(frozen=True, slots=True)
class Ended:
    """`outcome`: done or skipped."""

    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One write, as a flow asks for it. `name` is the step's, or the record's; `source_id` '' is the event's own; `mapping`
    the identity of the file that gives the body, `wants` the names of its context. `adopt` is an id at the target that is
    this record's under another name; `words` the mapping in whose fields the two sides of a record are compared, and `maps`
    gives the body of another document than the event's.
    """

    name: str
    verb: str
    record: RecordKind
    source_id: str
    named: Document
    instead_of: str
    mapping: str
    wants: Container[str]
    body: Body
    adopt: str = ""
    words: MappingFile | None = None
    maps: Callable[[Document], Document] | None = None


class Outside(Protocol):
    """What a run of a flow may touch."""

    async def call(self, operation: str, arguments: Document, name: str) -> Any:
        """What an operation answers. `name` is the step's."""
        ...

    async def write(self, asked: Asked) -> Document | None:
        """A records.RESULT; None where there was nothing to update. `asked.body` is called inside the record's lock."""
        ...

    def mapping(self, name: str) -> MappingFile:
        """Of the set that the run began with."""
        ...


@dataclass(slots=True)
class Run:
    """One event on its way through a flow. `emits`: (event, what it names), in order."""

    frame: Frame
    outside: Outside
    emits: list[tuple[str, Document]] = field(default_factory=list)
    caught: BridgeError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """`place` names it in messages."""

    at: Position
    place: str
    when: Getter | None = None
    mark: Mark | None = None

    @abstractmethod
    async def run(self, run: Run) -> Ended | None:
        """Raises what it fails with; a Fault for an expression that does not work on this event."""


async def run_steps(steps: Sequence[Step], run: Run) -> Ended | None:
    """None when the last one was passed."""
    frame = run.frame
    for step in steps:
        try:
            if step.when is not None and not step.when(frame):
                continue
            if step.mark is not None:
                step.mark.hits += 1
            ended = await step.run(run)
        except Fault as fault:
            raise fault.inside(step.place, step.at) from None
        if ended is not None:
            return ended
    return None


# ── what ends or holds up a run ──


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Step):
    outcome: str
    text: Text

    async def run(self, run: Run) -> Ended:
        return Ended(self.outcome, self.text(run.frame))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Step):
    text: Text
    hint: Text
    delay_s: float
    error: type[NotReady]

    async def run(self, run: Run) -> None:
        raise self.error(self.text(run.frame), hint=self.hint(run.frame), delay_s=self.delay_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldByPolicy(Step):
    """`at_most`: a duration as people write it, or what an expression gives for one."""

    text: Text
    hint: Text
    delay_s: float
    policy: Text
    at_most: Text

    async def run(self, run: Run) -> None:
        frame = run.frame
        rule, longest = self.policy(frame), self.at_most(frame)
        longest_s = seconds_in(longest)
        if not rule or longest_s is None:
            raise Fault(f"a policy needs a name and a time such as 30 d, this is {rule!r} and {longest!r}")
        raise HeldByPolicy(
            self.text(frame), rule=rule, longest_s=longest_s, hint=self.hint(frame), delay_s=self.delay_s
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead(Step):
    text: Text
    hint: Text
    problem: str

    async def run(self, run: Run) -> None:
        raise RefusedByFlow(self.text(run.frame), hint=self.hint(run.frame), problem=self.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Step):
    """What was caught, again."""

    hint: Text | None

    async def run(self, run: Run) -> None:
        assert run.caught is not None  # the compiler lets it stand in a catch only
        if self.hint is not None:
            run.caught.hint = self.hint(run.frame)
        raise run.caught


# ── branches, and what comes next ──


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose(Step):
    """The first branch whose condition holds; none when there is none."""

    branches: tuple[tuple[Getter | None, tuple[Step, ...]], ...]

    async def run(self, run: Run) -> Ended | None:
        for when, steps in self.branches:
            if when is None or when(run.frame):
                return await run_steps(steps, run)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit(Step):
    event: str
    names: Mapping[str, Getter]

    async def run(self, run: Run) -> None:
        run.emits.append((self.event, values_of(self.names, run.frame)))


def values_of(getters: Mapping[str, Getter], frame: Frame) -> Document:
    """What they give for a frame, by name."""
    return {name: get(frame) for name, get in getters.items()}
