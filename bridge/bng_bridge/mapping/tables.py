"""Value tables: what a value of one side is called on the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bng_bridge.mapping import templates
from bng_bridge.mapping.faults import Fault, shown
from bng_bridge.mapping.findings import Findings, Position, Wrong
from bng_bridge.mapping.yaml_tree import Node, Scalar, Section, parse, read_text


@dataclass(frozen=True, slots=True)
class Entry:
    text: str
    at: Position


@dataclass(frozen=True, slots=True)
class Table:
    """Texts as typed, by key. A rule that looks up makes values of its field's kind of them."""

    name: str
    at: Position
    entries: Mapping[str, Entry]


def read_tables(node: Node | None, path: Path, findings: Findings) -> tuple[dict[str, Table], list[str]]:
    """The tables of the file `path` by name, and the texts of other files that they were taken from."""
    if node is None:
        return {}, []
    if not isinstance(node, Section):
        findings.add(node.at, "tables", "NAME: TABLE entries are wanted")
        return {}, []
    tables: dict[str, Table] = {}
    texts: list[str] = []
    for name, entry in node.entries.items():
        try:
            if not name.isidentifier() or name.startswith("_"):
                raise Wrong(node.keys[name], f"{name!r} is no name: letters, digits and _, a letter first")
            if isinstance(entry, Section) and set(entry.entries) == {"reverse_of", "in"}:
                tables[name] = _reversed(name, entry, path, texts)
            else:
                tables[name] = _table(name, entry)
        except Wrong as wrong:
            findings.take(wrong, f"tables.{name}")
    return tables, texts


def _table(name: str, node: Node) -> Table:
    if not isinstance(node, Section):
        raise Wrong(node.at, "KEY: VALUE lines are wanted")
    entries = {}
    for key, value in node.entries.items():
        if not isinstance(value, Scalar):
            raise Wrong(value.at, f"{key}: one value is wanted")
        entries[key] = Entry(value.text, value.at)
    return Table(name, node.at, entries)


def _reversed(name: str, node: Section, path: Path, texts: list[str]) -> Table:
    """Keys and values exchanged. A value that stands for two keys has no way back."""
    other, file = node.entries["reverse_of"], node.entries["in"]
    if not isinstance(other, Scalar) or not isinstance(file, Scalar) or Path(file.text).name != file.text:
        raise Wrong(node.at, "reverse_of: TABLE and in: FILE are wanted, a file beside this one")
    beside = templates.named(file.text, path)
    text = read_text(beside)
    found = parse(text, str(beside)).entries.get("tables")
    if not isinstance(found, Section) or other.text not in found.entries:
        raise Wrong(other.at, f"{file.text} has no table {other.text}")
    texts.append(text)
    entries: dict[str, Entry] = {}
    for key, entry in _table(other.text, found.entries[other.text]).entries.items():
        if entry.text in entries:
            message = f"{entry.text} stands for {entries[entry.text].text} and for {key} in {entry.at}"
            raise Wrong(other.at, message, "A table that is reversed needs each value once.")
        entries[entry.text] = Entry(key, entry.at)
    return Table(name, node.at, entries)


def key_of(value: Any) -> str:
    """How a value is written as a table's key. Raises Fault for what is no single value."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is Decimal and value.is_finite() and abs(value.adjusted()) < 30:
        return f"{value.normalize():f}" if value else "0"
    raise Fault(f"{shown(value)} is no key of a table")
