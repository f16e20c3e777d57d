"""The files that commands are given: mapping files, flow files, documents."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

from bng_bridge.ctl.command import USAGE, command
from bridge_common.errors import ConfigError

files_argument = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
file_command = partial(command, exit_code=USAGE)
"""For commands that work on files: one that cannot be read is misuse."""


def files_in(given: Iterable[Path], templates: Path) -> list[Path]:
    """The files, a folder standing for all in it and its sites' folders; the templates for none.

    Raises ConfigError where there is nothing.
    """
    found: list[Path] = []
    for path in given or (templates,):
        found += sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    missing = next((path for path in found if not path.is_file()), None)
    if missing is not None or not found:
        raise ConfigError(f"There is no {templates.name.removesuffix('s')} file {missing or templates}.")
    return [relative(path) for path in found]


def folders_in(folder: Path | None) -> list[str]:
    """Those of sites among them; which sites there are, files alone do not say."""
    return [each.name for each in folder.iterdir() if each.is_dir()] if folder is not None else []


def relative(path: Path) -> Path:
    """Short for messages, where it is below the current folder."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path


def json_of(path: Path) -> Any:
    """The document in a file, or with - that of standard input. Raises ConfigError."""
    from bridge_common import decimal_json

    try:
        return decimal_json.loads(sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is no JSON document: {error}") from error
