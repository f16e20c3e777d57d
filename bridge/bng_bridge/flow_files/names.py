"""The names that steps set: in order, once, and null where the step did not run."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bng_bridge.mapping.findings import Position, Wrong
from bng_bridge.mapping.scope import Scope, Variable
from bng_bridge.mapping.shapes import ANY, Shape
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, Sequence


@dataclass
class Names:
    """All that were set so far in the file, on whichever way through it."""

    _set: dict[str, tuple[Variable, Position]] = field(default_factory=dict)

    def put(self, node: Section, scope: Scope, shape: Shape, *, may_again: bool) -> tuple[Scope, int | None]:
        """The scope with a step's name in it, and its slot; None where it has no name.

        Two branches may set the same name, as only one of them runs; so may the steps of a `catch`, for the step that is
        run again after them. Raises Wrong.
        """
        found = node.entries.get("name")
        if found is None:
            return scope, None
        if not isinstance(found, Scalar):
            raise Wrong(found.at, "name is one word")
        if found.text not in self._set:
            scope, slot = scope.with_name(found.text, shape, found.at)
            self._set[found.text] = (Variable(slot, shape), found.at)
            return scope, slot
        variable, first_at = self._set[found.text]
        if found.text in scope.variables and not may_again:
            raise Wrong(found.at, f"{found.text} is set already, in line {first_at.line}")
        if variable.shape.is_known and shape.is_known and variable.shape.words != shape.words:
            message = f"{found.text} is {variable.shape.words} in line {first_at.line}, and {shape.words} here"
            raise Wrong(found.at, message, "Take another name.")
        return _with(scope, {found.text: variable}), variable.slot

    def put_anyway(self, node: Node, scope: Scope) -> Scope:
        """The same for a step with a mistake, so that no other is told for those that use its name."""
        if not isinstance(node, Section) or getattr(node.entries.get("name"), "text", "") in scope:
            return scope
        try:
            return self.put(node, scope, ANY, may_again=True)[0]
        except Wrong:
            return scope


def joined(scope: Scope, inner: Scope, *, without: str = "") -> Scope:
    """The scope behind branches: what one of them set is there, and null when it did not run."""
    added = {name: each for name, each in inner.variables.items() if name not in scope.variables and name != without}
    return _with(scope, added)


def all_names(node: Node) -> Iterator[tuple[str, Position]]:
    """What the steps in a part of a file set, wherever they stand in it."""
    if isinstance(node, Sequence):
        for each in node.items:
            yield from all_names(each)
    elif isinstance(node, Section):
        name = node.entries.get("name")
        if isinstance(name, Scalar):
            yield name.text, name.at
        for key in ("steps", "choose", "catch", "reads"):
            if key in node.entries:
                yield from all_names(node.entries[key])


def _with(scope: Scope, variables: dict[str, Variable]) -> Scope:
    return replace(scope, variables={**scope.variables, **variables})
