"""`let`: values with names, of a mapping file or a flow file, each of which sees those before it."""

from dataclasses import dataclass

from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.coverage import ABSENT
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.findings import Findings, Position, Wrong
from bng_bridge.mapping.rules import Compiler
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.shapes import ANY
from bng_bridge.mapping.yaml_tree import Node, Section


@dataclass(frozen=True, slots=True)
class Let:
    """One of them: `get` gives it, `slot` is where the frame keeps it."""

    name: str
    slot: int
    get: Getter
    at: Position


def read_lets(node: Node | None, scope: Scope, compiler: Compiler, findings: Findings) -> tuple[Scope, tuple[Let, ...]]:
    """With the scope in which they are known. A mistake goes to `findings`, and its name is not known then."""
    if node is None:
        return scope, ()
    if not isinstance(node, Section):
        findings.add(node.at, "let", "NAME: RULE lines are wanted")
        return scope, ()
    lets = []
    for name, each in node.entries.items():
        rule, at = compiler.rule(each, ANY, scope, f"let.{name}"), node.keys[name]
        try:
            scope, slot = scope.with_name(name, rule.shape, at)
        except Wrong as wrong:
            findings.take(wrong, f"let.{name}")
            continue
        lets.append(Let(name, slot, rule.get, at))
    return scope, tuple(lets)


def set_lets(lets: tuple[Let, ...], frame: Frame) -> None:
    """In order, into the frame. Raises Fault."""
    for each in lets:
        try:
            value = each.get(frame)
        except Fault as fault:
            raise fault.inside(f"let.{each.name}", each.at) from None
        frame[each.slot] = None if value is ABSENT else value
