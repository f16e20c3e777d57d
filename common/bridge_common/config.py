"""Configuration files: TOML into frozen pydantic models; a mistake is reported with file, line, key and what is allowed."""

import difflib
import os
import re
import tomllib
import types
import typing
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bridge_common.errors import ConfigError


class Section(BaseModel):
    """Base of every table: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


M = TypeVar("M", bound=Section)


def load(path: Path, model: type[M]) -> M:
    """Raises ConfigError naming every mistake, one per line, each as `file:line: key: what is wrong`."""
    text = _read(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}:{_toml_line(str(error), text)}: not TOML: {error}.") from error
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = [_describe(path, text, model, detail) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def locate(path: Path, key: str) -> str:
    """`file:line` of a dotted key, for a mistake that is found only when the value is used."""
    return f"{path}:{_line_of(_read(path), list(key.split('.')))}"


def read_secret(path: Path, *, key: str) -> str:
    """First line of a secret's file. A relative path is looked up in systemd's credentials directory first."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory and not path.is_absolute():
        path = Path(directory) / path
    try:
        secret, reason = path.read_text(encoding="utf-8").partition("\n")[0].strip(), "it is empty"
    except OSError as error:
        secret, reason = "", str(error.strerror)
    except UnicodeDecodeError:
        secret, reason = "", "it is not UTF-8"
    if not secret:
        raise ConfigError(
            f"{key}: the secret file {path} cannot be read: {reason}.",
            hint="Create it readable by the service's user only (mode 0600), with the secret on its first line.",
        )
    return secret


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"{path}: the configuration cannot be read: {reason}.",
            hint="Name another file with --config FILE.",
        ) from error


def _describe(path: Path, text: str, model: type[BaseModel], detail: ErrorDetails) -> str:
    location = [part for part in detail["loc"] if part not in ("function-after", "function-before", "[key]")]
    key = ".".join(str(part) for part in location) or "(file)"
    where = f"{path}:{_line_of(text, location)}: {key}"
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key. {_allowed(model, location)}"
    if detail["type"] == "missing":
        return f"{where}: missing; it is required."
    return f"{where}: {detail['msg']} (found {detail['input']!r})."


def _allowed(model: type[BaseModel], location: list[Any]) -> str:
    table = model_at(model, location[:-1])
    if table is None:
        return "No such key exists here."
    names = sorted(table.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return (f"Did you mean {close[0]!r}? " if close else "") + f"Allowed: {', '.join(names)}."


def model_at(model: type[BaseModel], location: list[Any]) -> type[BaseModel] | None:
    """The model of the table at this place, None where there is none."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        else:
            arguments = typing.get_args(current)
            current = arguments[-1] if arguments else None
        current = _bare(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """Without what stands around the model: Annotated, or None."""
    if typing.get_origin(annotation) is Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((arg for arg in typing.get_args(annotation) if arg is not type(None)), None)
    return annotation


def _line_of(text: str, location: list[Any]) -> int:
    """The line that sets the key, else the nearest enclosing table header, else 1."""
    wanted = [str(part) for part in location]
    table: list[str] = []
    best, best_depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+([^\]]+)\]", line)
        entry = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        if header:
            table = _key_parts(header[1])
        path = table + _key_parts(entry[1]) if entry else table if header else []
        if path and path == wanted[: len(path)] and len(path) > best_depth:
            best, best_depth = number, len(path)
    return best


def _key_parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _toml_line(message: str, text: str) -> int:
    match = re.search(r"line (\d+)", message)
    return int(match[1]) if match else text.count("\n") + 1
