"""The ways through a flow: on none of them is one record kept up to date twice.

A write is left out where its body is the last one that was sent. With two bodies that is never so: each run would send
both, and change the record to and fro.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from bng_bridge.flow_files.attempts import Catch, Try, Write
from bng_bridge.flow_files.records import UPDATE, UPSERT
from bng_bridge.flow_files.steps import Choose, Dead, End, Hold, HoldByPolicy, Raise, Step
from bng_bridge.mapping.findings import Findings, Position

Written = Mapping[Hashable, Position]
"""What was written on a way so far, and where the file says so."""

_HINT = "Put the field under `fields` of the upsert; what excludes each other stands in branches of one choose."


def check_ways(steps: Sequence[Step], findings: Findings) -> None:
    _Ways(findings).through(steps, {})


@dataclass
class _Ways:
    """Each gives what was written behind it, whichever way was taken; None where none leads on."""

    findings: Findings

    def through(self, steps: Sequence[Step], written: Written) -> Written | None:
        for step in steps:
            behind = self._behind(step, written)
            if step.when is not None:
                behind = _joined([written, behind])
            if behind is None:
                return None
            written = behind
        return written

    def _behind(self, step: Step, written: Written) -> Written | None:
        if isinstance(step, End | Hold | HoldByPolicy | Dead | Raise):
            return None
        if isinstance(step, Choose):
            is_open = all(when is not None for when, _ in step.branches)
            return _joined([written if is_open else None, *(self.through(each, written) for _, each in step.branches)])
        if isinstance(step, Try):
            return _joined([self._tried(step, written), *(self._caught(step, each, written) for each in step.catches)])
        return written

    def _tried(self, step: Try, written: Written) -> Written:
        if not isinstance(step, Write) or step.verb not in (UPSERT, UPDATE):
            return written
        record = (step.record.name, step.with_texts)
        if record in written:
            message = f"{step.record.name} is written in line {written[record].line} already: each run would send both."
            self.findings.add(step.at, step.place, message, _HINT)
        return {**written, record: step.at}

    def _caught(self, step: Try, catch: Catch, written: Written) -> Written | None:
        """`written` is what was before the step: what failed was not written."""
        behind = self.through(catch.steps, written)
        if behind is None or catch.then == "end":
            return None
        return self._tried(step, behind) if catch.then == "again" else behind


def _joined(ways: Sequence[Written | None]) -> Written | None:
    leading_on = [each for each in ways if each is not None]
    return {record: at for each in leading_on for record, at in each.items()} if leading_on else None
