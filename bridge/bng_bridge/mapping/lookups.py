"""Translation by a value table: compiled for the field that is filled."""

from typing import Any

from bng_bridge.mapping.budget import Frame, Getter
from bng_bridge.mapping.convert import typed
from bng_bridge.mapping.coverage import Coverage
from bng_bridge.mapping.faults import Fault, shown
from bng_bridge.mapping.findings import Findings, Wrong, did_you_mean
from bng_bridge.mapping.scope import Scope
from bng_bridge.mapping.shapes import TEXT, Shape
from bng_bridge.mapping.tables import Table, key_of
from bng_bridge.mapping.yaml_tree import Node, Scalar


def table_of(node: Node, scope: Scope) -> Table:
    """The table that a rule names. Raises Wrong."""
    if not isinstance(node, Scalar) or node.text not in scope.tables:
        name = node.text if isinstance(node, Scalar) else "this"
        hint = did_you_mean(name, scope.tables) or f"There are {', '.join(scope.tables) or 'none'}, under tables."
        raise Wrong(node.at, f"there is no table {name}.", hint)
    return scope.tables[node.text]


def lookup(table: Table, get: Getter, coverage: Coverage | None, values: dict[str, Any]) -> Getter:
    """Null stays null; what the table does not have is a Fault, and never passes."""
    marks = {key: coverage.entry(table.name, key, entry.at) for key, entry in table.entries.items()} if coverage else {}

    def looked_up(frame: Frame) -> Any:
        value = get(frame)
        if value is None:
            return None
        key = key_of(value)
        if key not in values:
            raise Fault(f"{shown(value)} is not in table {table.name}", hint=f"Add it there ({table.at}).")
        if marks:
            marks[key].hits += 1
        return values[key]

    return looked_up


def values_for(table: Table, shape: Shape, findings: Findings, field: str) -> dict[str, Any]:
    """The table's values as the field wants them; what does not fit is a finding at its place in the table."""
    values = {}
    for key, entry in table.entries.items():
        try:
            values[key] = typed(entry.text, shape if shape.is_known else TEXT)
        except Fault as fault:
            findings.add(entry.at, f"tables.{table.name}.{key}", f"for {field}: {fault.message}", fault.hint)
    return values
