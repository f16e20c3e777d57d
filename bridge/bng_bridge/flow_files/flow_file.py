"""A flow file, from its text to something that runs.

`load` checks everything that can be checked without an event and reports all of it at once. What it gives keeps nothing
between runs, has no loop and at most compiler.MOST_STEPS steps, so a run is bounded by what it asks of others.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bng_bridge.flow_files.compiler import Compiler, Place
from bng_bridge.flow_files.names import all_names
from bng_bridge.flow_files.outline import outline_of
from bng_bridge.flow_files.steps import Document, Ended, Outside, Run, Step, run_steps
from bng_bridge.flow_files.trigger import Trigger, check_head, read_trigger
from bng_bridge.flow_files.uses import Uses
from bng_bridge.flow_files.ways import check_ways
from bng_bridge.mapping.budget import BUDGET, DOCUMENT, LEFT, Frame
from bng_bridge.mapping.coverage import Coverage
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Findings, MappingFileError, Position, Wrong
from bng_bridge.mapping.lets import Let, read_lets, set_lets
from bng_bridge.mapping.rules import Compiler as RuleCompiler
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.yaml_tree import Node, Section, parse, read_text

FORMAT = 1
"""Part of the identity: the same file means something else when this rises."""


@dataclass(frozen=True)
class Ran:
    """How a run ended, and what is to be looked at next: (event, what it names)."""

    ended: Ended
    emits: tuple[tuple[str, Document], ...] = ()


@dataclass(frozen=True)
class Beginning:
    """What one event brings into a flow. `site` and `bound` are None where there is none."""

    document: Any
    event: Document
    site: Document | None
    bound: Document | None = None


@dataclass(frozen=True, eq=False)
class Flow:
    """`identity` is a hash of all that determines what the flow does; `uses` what it wants of other files;
    `outline` a line for each step, for comparing two flows."""

    path: str
    identity: str
    trigger: Trigger
    uses: Uses
    outline: tuple[str, ...]
    _lets: tuple[Let, ...]
    _steps: tuple[Step, ...]
    _slots: int

    @property
    def name(self) -> str:
        """That of its file, by which operators know it."""
        return Path(self.path).stem

    def is_of(self, beginning: Beginning) -> bool:
        """Whether the steps run for the beginning's site. Raises MappingError."""
        if self.trigger.sites is None:
            return True
        try:
            return bool(self.trigger.sites(self._frame(beginning)))
        except Fault as fault:
            raise fault.error(self.path) from fault

    def reason_for_none(self, beginning: Beginning) -> str:
        """Why an event that concerns no site is skipped. Raises MappingError."""
        if self.trigger.no_site is None:
            return ""
        try:
            return self.trigger.no_site(self._frame(beginning))
        except Fault as fault:
            raise fault.error(self.path) from fault

    async def run(self, beginning: Beginning, outside: Outside) -> Ran:
        """Raises what a step fails with; MappingError, with step and line, for an expression that does not work."""
        run = Run(self._frame(beginning), outside)
        try:
            if self.trigger.when is not None and not self.trigger.when(run.frame):
                return Ran(Ended("skipped", f"{self.name} does not start for it"))
            set_lets(self._lets, run.frame)
            ended = await run_steps(self._steps, run)
        except Fault as fault:
            raise fault.error(self.path) from fault
        return Ran(ended or Ended("done"), tuple(run.emits))

    def _frame(self, beginning: Beginning) -> Frame:
        frame: Frame = [None] * self._slots
        frame[LEFT], frame[DOCUMENT] = BUDGET, beginning.document
        frame[self.trigger.site_slot], frame[self.trigger.event_slot] = beginning.site, beginning.event
        if self.trigger.bound_slot is not None:
            frame[self.trigger.bound_slot] = beginning.bound
        return frame


def load(path: Path, *, schemas: Schemas | None = None, coverage: Coverage | None = None) -> Flow:
    """Raises MappingFileError with every mistake of the file; ConfigError for a plug-in that cannot be loaded."""
    return compile_text(read_text(path), path, schemas=schemas, coverage=coverage)


def compile_text(text: str, path: Path, *, schemas: Schemas | None = None, coverage: Coverage | None = None) -> Flow:
    """The same for a text; `path` is where it says it stands."""
    tree, findings, schemas = parse(text, str(path)), Findings(), (schemas or Schemas()).near(path)
    # By the kinds of its fields a document is converted.
    hashed = [str(FORMAT), text, *([schemas.shop.digest] if schemas.shop else [])]
    identity = hashlib.sha256("\0".join(hashed).encode()).hexdigest()
    check_head(tree, findings)
    if not {"on", "steps"} <= set(tree.entries):
        raise MappingFileError(findings)
    try:
        trigger, scope = read_trigger(tree.entries["on"], schemas)
    except Wrong as wrong:
        findings.take(wrong, "on")
        raise MappingFileError(findings) from wrong
    scope = replace(scope, elsewhere=_elsewhere(tree))
    # Of document, event and site: known from the first step on.
    scope, lets = read_lets(tree.entries.get("let"), scope, RuleCompiler(findings, coverage=coverage), findings)
    compiler = Compiler(trigger.event, schemas, findings, identity, coverage)
    steps = _steps(compiler, tree.entries["steps"], scope)
    if not findings:
        check_ways(steps, findings)
    if findings:
        raise MappingFileError(findings)
    return Flow(str(path), identity, trigger, compiler.uses, outline_of(tree), lets, steps, scope.slots.count)


def _steps(compiler: Compiler, node: Node, scope: Scope) -> tuple[Step, ...]:
    try:
        return compiler.block(node, scope, Place()).steps
    except Wrong as wrong:
        compiler.findings.take(wrong, "steps")
        return ()


def _elsewhere(tree: Section) -> dict[str, Position]:
    names = dict(all_names(tree.entries["steps"]))
    let = tree.entries.get("let")
    return {**names, **let.keys} if isinstance(let, Section) else names
