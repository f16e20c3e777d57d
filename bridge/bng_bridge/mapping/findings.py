"""What is wrong in a mapping file, and where: file, line, column, field, and what was meant perhaps."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bridge_common.errors import ConfigError


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake. `field` is its place in the mapping, such as `fields.Lines.SKU`; empty for the file as a whole."""

    at: Position
    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        end = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.at}: {field}{self.message}{end} {self.hint}".rstrip()


class Wrong(Exception):
    """Ends the compilation of one rule; becomes a finding of its field."""

    def __init__(self, at: Position, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.hint = hint


class MappingFileError(ConfigError):
    """A mapping file that cannot be used; `findings` are all its mistakes, in the order of the file."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(findings))
        super().__init__("\n".join(map(str, self.findings)))


class Findings:
    """Collects mistakes, so that all of a file are reported at once; two of one place and text count once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def add(self, at: Position, field: str, message: str, hint: str = "") -> None:
        self._found[Finding(at, field, message, hint)] = None

    def take(self, wrong: Wrong, field: str) -> None:
        self.add(wrong.at, field, wrong.message, wrong.hint)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean X?`, or "" when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    if not near:
        by_lower = {each.lower().replace("_", ""): each for each in known}
        near = [found] if (found := by_lower.get(word.lower().replace("_", ""))) else []
    return f"Did you mean {near[0]}?" if near else ""
