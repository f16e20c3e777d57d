"""Compiled steps, and how they run: one after another, each where its condition holds.

Nothing sleeps and nothing is kept between runs: what has to wait ends the run with a failure that says for how long, and
the next run begins anew. A write that was made is found unchanged then.
"""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bng_bridge.flow_files.failures import is_caught
from bng_bridge.flow_files.records import RecordKind
from bng_bridge.flow_files.texts import Text
from bng_bridge.mapping.budget import DOCUMENT, Frame, Getter
from bng_bridge.mapping.coverage import Mark
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Position
from bng_bridge.mapping.mapping_file import Mapping as MappingFile
from bridge_common.errors import BridgeError, NotReady, Pace, RefusedByFlow

Document = dict[str, Any]
Body = Callable[[Document], Awaitable[tuple[Document, Document]]]
"""From what the record itself gives to the fields that are to be written, and the context that they came from."""


@dataclass(frozen=True, slots=True)
class Ended:
    """`outcome`: done or skipped."""

    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One write, as a flow asks for it. `name` is the step's, or the record's; `source_id` '' is the event's own; `mapping`
    the identity of the file that gives the body, `wants` the names of its context.
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
class Step:
    """`place` names it in messages."""

    at: Position
    place: str
    when: Getter | None = None
    mark: Mark | None = None

    async def run(self, run: Run) -> Ended | None:
        """Raises what it fails with; a Fault for an expression that does not work on this event."""
        raise NotImplementedError


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
        run.emits.append((self.event, _values(self.names, run.frame)))


# ── calls and writes ──


@dataclass(frozen=True, slots=True)
class Catch:
    """`then`: again, continue or end."""

    error: str
    when: Getter | None
    steps: tuple[Step, ...]
    then: str
    slot: int
    mark: Mark | None = None

    def takes(self, error: BridgeError, frame: Frame) -> bool:
        if not is_caught(self.error, error):
            return False
        frame[self.slot] = _described(error)
        return self.when is None or bool(self.when(frame))


@dataclass(frozen=True, slots=True, kw_only=True)
class Try(Step):
    """A step that may fail at somebody else."""

    slot: int | None
    catches: tuple[Catch, ...] = ()
    pace: Pace | None = None

    async def act(self, run: Run) -> Any:
        """What is to stand under the step's name."""
        raise NotImplementedError

    async def run(self, run: Run) -> Ended | None:
        try:
            answer = await self.act(run)
        except BridgeError as error:
            error.pace = error.pace or self.pace
            caught = next((each for each in self.catches if each.takes(error, run.frame)), None)
            if caught is None:
                raise
            return await self._recover(run, caught, error)
        if self.slot is not None:
            run.frame[self.slot] = answer
        return None

    async def _recover(self, run: Run, catch: Catch, error: BridgeError) -> Ended | None:
        if catch.mark is not None:
            catch.mark.hits += 1
        before, run.caught = run.caught, error
        ended = await run_steps(catch.steps, run)
        run.caught = before
        if ended is not None or catch.then == "continue":
            return ended
        if catch.then == "end":
            return Ended("done", error.message)
        # Once, so that a run is bounded: what fails again is the event's failure.
        answer = await self.act(run)
        if self.slot is not None:
            run.frame[self.slot] = answer
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Try):
    name: str
    operation: str
    arguments: Mapping[str, Getter]

    async def act(self, run: Run) -> Any:
        return await run.outside.call(self.operation, _values(self.arguments, run.frame), self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Try):
    """`reads` run inside the record's lock, before the body is made. `identity` is the flow's, noted where no mapping is."""

    name: str
    verb: str
    record: RecordKind
    identity: str
    of: Getter | None = None
    names: Mapping[str, Getter] = field(default_factory=dict)
    instead_of: Getter | None = None
    reads: tuple[Step, ...] = ()
    document: Getter | None = None
    mapping: str = ""
    context: Mapping[str, Getter] = field(default_factory=dict)
    fields: Getter | None = None

    async def act(self, run: Run) -> Document | None:
        frame = run.frame
        mapping = run.outside.mapping(self.mapping) if self.mapping else None

        async def body(given: Document) -> tuple[Document, Document]:
            if self.reads:
                await run_steps(self.reads, run)
            context = {**given, **_values(self.context, frame)}
            made: Document = {}
            if mapping is not None:
                made = mapping(frame[DOCUMENT] if self.document is None else self.document(frame), **context)
            if self.fields is not None:
                made = {**made, **self.fields(frame)}
            return made, context

        return await run.outside.write(
            Asked(
                self.name, self.verb, self.record, _text(self.of, frame), _values(self.names, frame),
                _text(self.instead_of, frame), mapping.identity if mapping is not None else self.identity,
                mapping.head.context if mapping is not None else (), body,
            )
        )  # fmt: skip


def _values(getters: Mapping[str, Getter], frame: Frame) -> Document:
    return {name: get(frame) for name, get in getters.items()}


def _text(get: Getter | None, frame: Frame) -> str:
    if get is None:
        return ""
    value = get(frame)
    if value is None or value == "":
        raise Fault("`of` and `instead_of` give the id of a record, and it is empty")
    return str(value)


def _described(error: BridgeError) -> Document:
    named = ("problem", "pointer", "entity")
    return {"kind": error.kind, "message": error.message, **{name: getattr(error, name, "") for name in named}}
