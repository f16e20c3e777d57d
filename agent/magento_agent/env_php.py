"""The shop's own database account, from Magento's app/etc/env.php. Reads the array literal; runs no PHP."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge_common.errors import AccessDenied, ConfigError

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/|<\?php|\?>
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)
    |(?P<word>[A-Za-z_\\][\w\\]*)|(?P<mark>=>|[\[\](),;])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class ShopDatabase:
    """`host` as PHP writes it: a name, name:port, or the path of a socket."""

    host: str
    database: str
    user: str
    password: str
    table_prefix: str


def read(path: Path) -> ShopDatabase:
    """Raises ConfigError, AccessDenied when the file may not be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except PermissionError as error:
        raise AccessDenied(
            f"{path} may not be read by this user.", hint="Run this command as the shop's user or root."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", hint="Correct [outbox.owner] env_php.") from error
    try:
        db = parse(text)["db"]
        default = db["connection"]["default"]
        return ShopDatabase(
            str(default["host"]), str(default["dbname"]), str(default["username"]), str(default["password"]),
            str(db.get("table_prefix") or ""),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise ConfigError(
            f"{path} has no readable db/connection/default: {error}.",
            hint="Name the account in [outbox.owner] user and password_file instead.",
        ) from error


def parse(text: str) -> Any:
    """The value that the file returns: nested arrays as dicts, lists with their numbers as keys. Raises ValueError."""
    tokens = _tokens(text)
    for kind, value in tokens:
        if (kind, value) == ("word", "return"):
            return _value(tokens, next(tokens))
    raise ValueError("no return statement")


def _tokens(text: str) -> Iterator[tuple[str, Any]]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"line {text.count(chr(10), 0, position) + 1} is not understood")
        position = match.end()
        if match.lastgroup is not None:
            yield match.lastgroup, match[0]


def _value(tokens: Iterator[tuple[str, Any]], token: tuple[str, Any]) -> Any:
    kind, text = token
    if kind == "string":
        return _unescape(text)
    if kind == "number":
        return float(text) if "." in text else int(text)
    if kind == "word" and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if (kind, text) == ("word", "array") and next(tokens) == ("mark", "("):
        return _array(tokens, ")")
    if (kind, text) == ("mark", "["):
        return _array(tokens, "]")
    raise ValueError(f"{text!r} is not understood")


def _array(tokens: Iterator[tuple[str, Any]], end: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    token = next(tokens)
    while token != ("mark", end):
        key: Any = len(found)
        value = _value(tokens, token)
        token = next(tokens)
        if token == ("mark", "=>"):
            key, value = value, _value(tokens, next(tokens))
            token = next(tokens)
        found[key] = value
        if token == ("mark", ","):
            token = next(tokens)
    return found


def _unescape(literal: str) -> str:
    """In single quotes PHP knows two escapes only."""
    return re.sub(r"\\(['\"\\])" if literal[0] == '"' else r"\\(['\\])", r"\1", literal[1:-1])
