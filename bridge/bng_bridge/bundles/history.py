"""What was put in force when, by whom, and what it took the place of: one line of JSON each, the oldest first.

The last line says what is in force. The file is exchanged as a whole by one rename: so what is in force and the record of it
change in the same moment, and after a crash both are as before or both as after.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bng_bridge.bundles.label import HashOrNone, Results
from bng_bridge.bundles.refused import BundleRefused
from bridge_common import durable
from bridge_common.config import Section

NONE = ""
"""The identity of no bundle: the files of mappings_dir, or the templates."""


class Entry(Section):
    """`previous`: what was in force until then. `tests` are those of its building; None for no bundle."""

    at: str
    action: Literal["deploy", "rollback"]
    identity: HashOrNone
    previous: HashOrNone
    by: str
    note: str
    name: str = ""
    version: str = ""
    tests: Results | None = None


def read(file: Path) -> list[Entry]:
    """Raises BundleRefused for a file that somebody has changed by hand."""
    if not file.exists():
        return []
    entries = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            entries.append(Entry.model_validate_json(line))
        except ValidationError as error:
            raise BundleRefused(
                f"{file}:{number}: is no entry of a history.",
                hint="Restore the file from a backup. Without it nothing counts as deployed.",
            ) from error
    return entries


def append(file: Path, entries: Iterable[Entry], entry: Entry) -> None:
    """What is in force changes here, at once or, after a crash, not."""
    durable.replace(file, b"".join(each.model_dump_json().encode() + b"\n" for each in [*entries, entry]))


def in_force(entries: list[Entry]) -> str:
    return entries[-1].identity if entries else NONE


def before(entries: Iterable[Entry]) -> str:
    """What a rollback leads to: what was in force before what is now, and never again what was rolled back from."""
    stack = _stack(entries)
    return stack[-2] if len(stack) > 1 else NONE


def _stack(entries: Iterable[Entry]) -> list[str]:
    stack = [NONE]
    for entry in entries:
        if entry.action == "rollback" and entry.identity in stack:
            while stack[-1] != entry.identity:
                stack.pop()
        else:
            stack.append(entry.identity)
    return stack
