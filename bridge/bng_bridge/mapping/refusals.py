"""What a mapping refuses: documents that are held for a person, in the file's own words."""

from dataclasses import dataclass

from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.coverage import Coverage, Mark
from bng_bridge.mapping.expression import expression_of
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Findings, Position, Wrong
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence


@dataclass(frozen=True)
class Refusal:
    at: Position
    when: Getter
    message: Getter
    hint: str
    mark: Mark | None = None

    def check(self, frame: Frame) -> None:
        """Raises Fault with the message when the document is refused."""
        try:
            if not self.when(frame):
                return
            message = self.message(frame)
        except Fault as fault:
            raise fault.inside("refuse", self.at) from None
        if self.mark is not None:
            self.mark.hits += 1
        refused = Fault(str(message), hint=self.hint)
        refused.at = self.at
        raise refused


def read_refusals(
    node: Node | None, scope: Scope, findings: Findings, coverage: Coverage | None
) -> tuple[Refusal, ...]:
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        findings.add(node.at, "refuse", "a list is wanted, each with when, message and perhaps hint")
        return ()
    found = []
    for each in node.items:
        try:
            found.append(_refusal(each, scope, coverage))
        except Wrong as wrong:
            findings.take(wrong, "refuse")
    return tuple(found)


def _refusal(node: Node, scope: Scope, coverage: Coverage | None) -> Refusal:
    if not isinstance(node, Section) or not {"when", "message"} <= set(node.entries) <= {"when", "message", "hint"}:
        raise Wrong(node.at, "when, message and perhaps hint are wanted")
    hint = node.entries.get("hint")
    if hint is not None and not isinstance(hint, Scalar):
        raise Wrong(hint.at, "hint is one text")
    when, message = (expression_of(node.entries[key], scope) for key in ("when", "message"))
    if message.shape.is_known and not message.shape.is_text:
        raise Wrong(node.entries["message"].at, "message is an expression that gives a text, in quotes")
    mark = coverage.rules.setdefault((node.at, "refuse"), Mark(node.at, "refuse")) if coverage else None
    return Refusal(node.at, when.get, message.get, hint.text if hint else "", mark)
