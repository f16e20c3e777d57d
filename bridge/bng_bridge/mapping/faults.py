"""What goes wrong while a mapping runs over a document."""

from pathlib import Path
from typing import Any

from bng_bridge.mapping.findings import Position
from bridge_common.errors import MappingError


class Fault(Exception):
    """A value that cannot be mapped. The rules it passes through add where: the field's path and its line in the file."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.steps: list[str] = []
        self.at: Position | None = None

    def inside(self, step: str, at: Position) -> "Fault":
        """The same, one level further out; the innermost line stays."""
        self.steps.append(step)
        self.at = self.at or at
        return self

    @property
    def path(self) -> str:
        """Such as `Lines[2].SKU`."""
        text = ""
        for step in reversed(self.steps):
            text += step if step.startswith("[") or not text else f".{step}"
        return text

    def error(self, file: str) -> MappingError:
        """For whoever ran the file: the field, what is wrong, and the line."""
        at = f"{Path(self.at.file).name}:{self.at.line}" if self.at else Path(file).name
        field = f"{self.path}: " if self.path else ""
        return MappingError(f"{field}{self.message} ({at})", hint=self.hint)


def shown(value: Any) -> str:
    """A value for a message: short, whatever it is."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def kind_of(value: Any) -> str:
    """A value's kind in the words of the reference."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", str: "text", list: "a list", dict: "an object", float: "a float"}
    return names.get(type(value), "a number" if type(value).__name__ == "Decimal" else type(value).__name__)
