"""A connection to the shop's database, and its errors in words: one sentence and a remedy each."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pymysql
import pymysql.cursors
from pymysql.constants import CR, ER

from bridge_common.config import read_secret
from bridge_common.errors import AccessDenied, BridgeError, ConfigError, TargetUnavailable
from magento_agent.config import Outbox

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 20

Connection: TypeAlias = "pymysql.Connection[pymysql.cursors.Cursor]"

_LOGIN_REFUSED = {ER.ACCESS_DENIED_ERROR, 1130, 1698, 1862}
_NO_RIGHT = {ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, 1227}
_UNREACHABLE = {CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_UNKNOWN_HOST}


@dataclass(frozen=True)
class Account:
    """Who connects. `key` names the configuration table that says so."""

    user: str
    password: str
    key: str


def agent_account(outbox: Outbox) -> Account:
    """Raises ConfigError when the password file cannot be read."""
    return Account(outbox.user, read_secret(outbox.password_file, key="outbox.password_file"), "[outbox]")


def connect(outbox: Outbox, account: Account, *, database: bool = True) -> Connection:
    """Autocommit on: without it pymysql's first SELECT pins a snapshot, and no new row is ever seen.

    Raises AccessDenied, ConfigError, TargetUnavailable. `database` False connects without choosing the schema.
    """
    try:
        connection = pymysql.connect(
            host=outbox.host,
            port=outbox.port,
            user=account.user,
            password=account.password,
            database=outbox.database if database else None,
            autocommit=True,
            charset="utf8mb4",
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=ANSWER_TIMEOUT_S,
            write_timeout=ANSWER_TIMEOUT_S,
            ssl={"ca": str(outbox.ca_file) if outbox.ca_file else None} if outbox.tls else None,
            defer_connect=True,
        )
        connection._secure = outbox.socket is not None  # type: ignore[attr-defined] # noqa: SLF001 # as pymysql does
        connection.connect(_connected_socket(outbox.socket) if outbox.socket else None)
        return connection
    except (pymysql.Error, OSError) as error:
        raise explain(error, outbox, account) from error
    except RuntimeError as error:  # pymysql without the optional package for MySQL's newer login methods
        raise AccessDenied(
            f"The database at {outbox.place} wants a login method that needs more than a password: {error}.",
            hint=f"Give {account.user} the method mysql_native_password, or set [outbox] tls = true.",
        ) from error


def explain(error: BaseException, outbox: Outbox, account: Account) -> BridgeError:
    """A database error as one sentence with its remedy."""
    code, text = _code_and_text(error)
    place, user = outbox.place, account.user
    if code in _LOGIN_REFUSED:
        return AccessDenied(
            f"The database at {place} refuses user {user!r}: {text}.",
            hint=f"Check user and password_file in {account.key}; an account is made with: "
            f"CREATE USER '{user}'@'localhost' IDENTIFIED BY '…';",
        )
    if code in _NO_RIGHT:
        return AccessDenied(
            f"User {user!r} lacks a right in the database: {text}.", hint=_grant_hint(outbox, account, text)
        )
    if code == ER.BAD_DB_ERROR:
        return ConfigError(f"There is no database {outbox.database!r} at {place}.", hint="Correct [outbox] database.")
    if code == ER.NO_SUCH_TABLE:
        return ConfigError(
            f"There is no table {outbox.table!r} in database {outbox.database!r}.",
            hint="Run: magento-agent outbox install (and check [outbox] database and table_prefix).",
        )
    if code in _UNREACHABLE or isinstance(error, OSError):
        return TargetUnavailable(
            f"The database at {place} cannot be reached: {text}.",
            hint="Check [outbox] socket, or host and port, and that the database server runs.",
        )
    return TargetUnavailable(f"The database at {place} failed: {text} (code {code}).")


def _connected_socket(path: Path) -> socket.socket:
    """pymysql 1.2 forgets to close a Unix socket that was refused."""
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(CONNECT_TIMEOUT_S)
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def qualified(outbox: Outbox) -> str:
    """The outbox table with its schema, for a GRANT."""
    return f"{quoted(outbox.database)}.{quoted(outbox.table)}"


def grant(outbox: Outbox, host: str = "localhost") -> str:
    """The statement that gives the agent's account what it needs, and nothing more."""
    return f"GRANT SELECT, INSERT, DELETE ON {qualified(outbox)} TO '{outbox.user}'@'{host}';"


def owner_grant(outbox: Outbox, account: str) -> str:
    """What the shop's own account needs for the installation; `account` as 'user'@'host'."""
    return f"GRANT CREATE, DROP, TRIGGER, SELECT, INSERT, DELETE ON {quoted(outbox.database)}.* TO {account};"


def _grant_hint(outbox: Outbox, account: Account, text: str) -> str:
    """The host is the one that the server named, or else a guess."""
    named = re.search(r"'[^']*'@'([^']*)'", text)
    host = named[1] if named else "localhost"
    is_agent = account.key == "[outbox]"
    return "Run as an administrator: " + (
        grant(outbox, host) if is_agent else owner_grant(outbox, f"'{account.user}'@'{host}'")
    )


def _code_and_text(error: BaseException) -> tuple[int, str]:
    arguments: tuple[Any, ...] = error.args
    code = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    text = str(arguments[1]) if len(arguments) > 1 else str(error)
    return code, text.rstrip(".") or type(error).__name__
