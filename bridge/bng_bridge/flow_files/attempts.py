"""The steps that speak to somebody, `call` and the writes: what they do, and what is done when they fail."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bng_bridge.flow_files.failures import is_caught
from bng_bridge.flow_files.records import RecordKind
from bng_bridge.flow_files.steps import Asked, Document, Ended, Made, Run, Step, run_steps, values_of
from bng_bridge.mapping.budget import DOCUMENT, Frame, Getter
from bng_bridge.mapping.coverage import Mark
from bng_bridge.mapping.faults import Fault
from bridge_common.errors import BridgeError, Pace, RefusedByFlow


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

    @abstractmethod
    async def act(self, run: Run) -> Any:
        """What is to stand under the step's name."""

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
        try:
            answer = await self.act(run)
        except BridgeError as again:
            again.pace = again.pace or self.pace
            raise
        if self.slot is not None:
            run.frame[self.slot] = answer
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Try):
    name: str
    operation: str
    arguments: Mapping[str, Getter]

    async def act(self, run: Run) -> Any:
        return await run.outside.call(self.operation, values_of(self.arguments, run.frame), self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Try):
    """`reads` run inside the record's lock, before the body is made. `identity` is the flow's, noted where no mapping is;
    `with_texts` what the file says under `with`, by which two writes of a kind are told apart.
    """

    name: str
    verb: str
    record: RecordKind
    identity: str
    of: Getter | None = None
    names: Mapping[str, Getter] = field(default_factory=dict)
    with_texts: tuple[str, ...] = ()
    instead_of: Getter | None = None
    reads: tuple[Step, ...] = ()
    document: Getter | None = None
    mapping: str = ""
    context: Mapping[str, Getter] = field(default_factory=dict)
    fields: Getter | None = None
    adopt: Getter | None = None
    merge: str = ""

    async def act(self, run: Run) -> Document | None:
        frame = run.frame
        mapping = run.outside.mapping(self.mapping) if self.mapping else None

        def maps(document: Document) -> Document:
            made: Document = {} if mapping is None else mapping(document, **values_of(self.context, frame))
            return made if self.fields is None else {**made, **self.fields(frame)}

        async def body(given: Document) -> Made:
            if await run_steps(self.reads, run) is not None:
                # The compiler lets nothing stand there that ends a flow; were it so, nothing may be written.
                raise RefusedByFlow(f"the reads of {self.place} end the flow, and they only read", problem="reads")
            context = {**given, **values_of(self.context, frame)}
            document = frame[DOCUMENT] if self.document is None else self.document(frame)
            made: Document = {}
            if mapping is not None:
                made = mapping(document, **context)
            if self.fields is not None:
                made = {**made, **self.fields(frame)}
            return Made(made, context, document)

        return await run.outside.write(
            Asked(
                self.name, self.verb, self.record, _text(self.of, frame), values_of(self.names, frame),
                _text(self.instead_of, frame), mapping.identity if mapping is not None else self.identity,
                mapping.head.context if mapping is not None else (), body,
                adopt=str((self.adopt and self.adopt(frame)) or ""),
                words=run.outside.mapping(self.merge) if self.merge else None, maps=maps,
            )
        )  # fmt: skip


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
