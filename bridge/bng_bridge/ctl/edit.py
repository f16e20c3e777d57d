"""Editing a dead letter's document: from a file, by single fields, or in the operator's editor.

Numbers are Decimals on the way in and out. What an operator wrote is never lost: a mistake in it is told with its place,
and the file stays.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import simplejson

from bridge_common import decimal_json
from bridge_common.errors import BridgeError


class BadDocument(BridgeError):
    exit_code = 65


@contextmanager
def edited(event: int, text: str, file: str | None, changes: tuple[str, ...]) -> Iterator[str]:
    """The new document as JSON text, for the block to hand over. Raises BadDocument.

    What was written in the editor is deleted when the block has succeeded; otherwise the error says where it is.
    """
    if file is not None:
        yield _parsed(Path(file))
    elif changes:
        yield _changed(text, changes)
    else:
        path = _to_file(event, text)
        try:
            yield _by_hand(path)
        except NothingChanged:
            path.unlink()
            raise
        except BridgeError as error:
            error.hint = f"{error.hint} What you wrote is in {path}: bridgectl dlq edit {event} --file {path}.".strip()
            raise
        path.unlink()


class NothingChanged(BridgeError):
    exit_code = 1


def _changed(text: str, changes: tuple[str, ...]) -> str:
    document = decimal_json.loads(text)
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals:
            raise click.UsageError(f"--set {change}: write PATH=VALUE")
        _put(document, path.split("."), _value(value), path)
    return decimal_json.dumps(document)


def _put(document: Any, keys: list[str], value: Any, path: str) -> None:
    *parents, last = keys
    for key in parents:
        document = _at(document, key, path)
    if isinstance(document, list):
        _at(document, last, path)
        document[int(last)] = value
    elif isinstance(document, dict):
        document[last] = value
    else:
        raise BadDocument(f"{path}: there is no object before {last}.")


def _at(document: Any, key: str, path: str) -> Any:
    try:
        return document[int(key) if isinstance(document, list) else key]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadDocument(f"{path}: the document has nothing at {key}.") from error


def _value(text: str) -> Any:
    """JSON where it is, else the text itself: checkmo needs no quotes."""
    try:
        return decimal_json.loads(text)
    except ValueError:
        return text


def _to_file(event: int, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f"bridge-event-{event}-", suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(decimal_json.pretty(decimal_json.loads(text)) + "\n")
    return Path(name)


def _by_hand(path: Path) -> str:
    before = path.read_bytes()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        # By the shell: an editor may come with options, as in EDITOR="code --wait".
        subprocess.run(["/bin/sh", "-c", f'{editor} "$1"', editor, str(path)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadDocument(f"{editor} failed: {error}.") from error
    if path.read_bytes() == before:
        raise NothingChanged("Nothing was changed, so nothing was done.")
    return _parsed(path)


def _parsed(path: Path) -> str:
    """Raises BadDocument with the mistake's line and column."""
    try:
        document = decimal_json.loads(path.read_text(encoding="utf-8"))
    except simplejson.JSONDecodeError as error:
        raise BadDocument(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}.") from error
    except (OSError, ValueError) as error:
        raise BadDocument(f"{path}: cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise BadDocument(f"{path}:1:1: a document is a JSON object.")
    return decimal_json.dumps(document)
