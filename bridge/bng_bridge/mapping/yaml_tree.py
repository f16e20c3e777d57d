"""A mapping file as a tree of texts that know where they stand.

Every scalar is text exactly as it was typed: `on`, `1` and `1.10` are no flag and no numbers here; the target's schema
says what they become. PyYAML scans and composes; nothing of it constructs values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bng_bridge.mapping.findings import Finding, MappingFileError, Position

MOST_CHARACTERS = 256 * 1024
MOST_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Scalar:
    """`code` is the text as it stands in the file from `code_at` on, for whoever needs exact columns in it."""

    at: Position
    text: str
    code: str
    code_at: Position

    def position(self, row: int, column: int) -> Position:
        """The place in the file of a place in `code`; both count from 0."""
        first = self.code_at.column if row == 0 else 1
        return Position(self.at.file, self.code_at.line + row, first + column)


@dataclass(frozen=True, slots=True)
class Section:
    """A YAML mapping; `keys` has where each key stands."""

    at: Position
    entries: Mapping[str, "Node"]
    keys: Mapping[str, Position]


@dataclass(frozen=True, slots=True)
class Sequence:
    at: Position
    items: tuple["Node", ...]


Node = Scalar | Section | Sequence


@dataclass
class _Reader:
    """Turns PyYAML's nodes into ours. An anchor that is used often is read once, so that no file grows by reading it."""

    file: str
    text: str
    findings: list[Finding] = field(default_factory=list)
    done: dict[int, Node] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)

    def node(self, found: yaml.Node) -> Node:
        key = id(found)
        if key in self.done:
            return self.done[key]
        if key in self.under_way or len(self.under_way) > MOST_DEPTH:
            raise self._refused(found, "an anchor that contains itself, or too many levels")
        self.under_way.add(key)
        self.done[key] = self._made(found)
        self.under_way.discard(key)
        return self.done[key]

    def _made(self, found: yaml.Node) -> Node:
        if isinstance(found, yaml.MappingNode):
            return self._section(found)
        if isinstance(found, yaml.SequenceNode):
            return Sequence(self._at(found.start_mark), tuple(self.node(each) for each in found.value))
        assert isinstance(found, yaml.ScalarNode)
        return self._scalar(found)

    def _section(self, found: yaml.MappingNode) -> Section:
        entries: dict[str, Node] = {}
        keys: dict[str, Position] = {}
        for key, value in found.value:
            at = self._at(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                raise self._refused(key, "a key that is no text")
            if key.value in entries:
                message = f"{key.value} stands here twice, first in line {keys[key.value].line}"
                self.findings.append(Finding(at, "", message))
            entries[key.value], keys[key.value] = self.node(value), at
        return Section(self._at(found.start_mark), entries, keys)

    def _scalar(self, found: yaml.ScalarNode) -> Scalar:
        at = self._at(found.start_mark)
        raw = self.text[found.start_mark.index : found.end_mark.index]
        if found.style in ("|", ">"):
            code = raw.partition("\n")[2].rstrip()
            return Scalar(at, found.value, code, Position(self.file, at.line + 1, 1))
        if found.style in ("'", '"'):
            return Scalar(at, found.value, found.value, Position(self.file, at.line, at.column + 1))
        return Scalar(at, found.value, raw, at)

    def _at(self, mark: yaml.Mark) -> Position:
        return Position(self.file, mark.line + 1, mark.column + 1)

    def _refused(self, found: yaml.Node, message: str) -> MappingFileError:
        return MappingFileError([Finding(self._at(found.start_mark), "", message)])


def read_text(path: Path) -> str:
    """Raises MappingFileError for a file that cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingFileError([Finding(Position(str(path), 1, 1), "", f"cannot be read: {error}")]) from error


def parse(text: str, name: str) -> Section:
    """The tree of a text; `name` stands for the file. Raises MappingFileError for what is not YAML, or too large."""
    start = Position(name, 1, 1)
    if len(text) > MOST_CHARACTERS:
        raise MappingFileError([Finding(start, "", f"is longer than {MOST_CHARACTERS} characters")])
    reader = _Reader(name, text)
    try:
        composed = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise MappingFileError([_yaml_error(error, start)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingFileError([Finding(start, "", f"is no YAML: {error}")]) from error
    if not isinstance(composed, yaml.MappingNode):
        raise MappingFileError([Finding(start, "", "is no YAML mapping (KEY: VALUE lines)")])
    tree = reader.node(composed)
    assert isinstance(tree, Section)
    if reader.findings:
        raise MappingFileError(reader.findings)
    return tree


def _yaml_error(error: yaml.MarkedYAMLError, start: Position) -> Finding:
    mark = error.problem_mark or error.context_mark
    at = Position(start.file, mark.line + 1, mark.column + 1) if mark else start
    hint = "Put a text with ': ' or ' #' in it into quotes." if "mapping values" in str(error.problem) else ""
    return Finding(at, "", f"is no YAML: {error.problem or error.context}.", hint)
