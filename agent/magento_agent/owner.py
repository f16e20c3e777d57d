"""A session as the shop's own database account: the one that defines the triggers.

A trigger runs as its definer, and a definer that is dropped fails the shop's INSERT in spite of the error handler
(measured). So the triggers belong to the one account that the shop cannot lose, and never to the agent's.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import ER

from bridge_common import queries
from bridge_common.config import read_secret
from bridge_common.errors import ConfigError, TargetUnavailable
from magento_agent import env_php
from magento_agent.config import Outbox
from magento_agent.database import Account, Connection, connect, explain, quoted

ATTEMPTS = 8
PAUSE_S = 1.0
"""Between attempts the shop's sessions that queued up behind the lock get through."""


def owner_account(outbox: Outbox) -> Account:
    """Raises ConfigError when the configuration does not name it, or names another database than env.php."""
    owner = outbox.owner
    if owner is None:
        raise ConfigError(
            "The shop's own database account is not named.",
            hint="Set [outbox.owner] env_php, or user and password_file.",
        )
    if owner.env_php is not None:
        shop = env_php.read(owner.env_php)
        _compare("database", outbox.database, shop.database)
        _compare("table_prefix", outbox.table_prefix, shop.table_prefix)
        return Account(shop.user, shop.password, "[outbox.owner]")
    assert owner.user is not None
    assert owner.password_file is not None
    return Account(owner.user, read_secret(owner.password_file, key="outbox.owner.password_file"), "[outbox.owner]")


@dataclass(frozen=True)
class Existing:
    """A trigger of the schema, whoever made it."""

    name: str
    table: str
    body: str
    definer: str
    sql_mode: str


class OwnerSession:
    """Statements of sql/install.sql, with database errors in words."""

    def __init__(self, connection: Connection, outbox: Outbox, account: Account) -> None:
        self.outbox = outbox
        self.account = account
        self._connection = connection
        names = {"table": quoted(outbox.table), "config_table": quoted(f"{outbox.table_prefix}core_config_data")}
        self._sql = {name: sql.format(**names) for name, sql in queries.load(__package__, "install").items()}
        self.fetch("session")
        self.user, self.version, log_bin, trust = self.fetch("who")[0]
        self.needs_super = bool(log_bin) and not trust

    def fetch(self, name: str, *arguments: Any) -> Sequence[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(self._sql[name], arguments or None)
                return cursor.fetchall()
        except (pymysql.Error, OSError) as error:
            raise explain(error, self.outbox, self.account) from error

    def change(self, statement: str, *arguments: Any) -> None:
        """One DDL statement; tried again while somebody holds the table. Raises TargetUnavailable after some times."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._connection.cursor() as cursor:
                    cursor.execute(statement, arguments or None)
                return
            except pymysql.Error as error:
                if error.args[0] != ER.LOCK_WAIT_TIMEOUT:
                    raise explain(error, self.outbox, self.account) from error
                if attempt == ATTEMPTS:
                    raise TargetUnavailable(
                        f"A long transaction holds a table that is to be changed: {statement[:70]}…",
                        hint="See SHOW FULL PROCESSLIST, and run this command again; it goes on where it stopped.",
                    ) from error
            time.sleep(PAUSE_S)

    def change_named(self, name: str, *arguments: Any) -> None:
        self.change(self._sql[name], *arguments)

    def triggers(self) -> list[Existing]:
        return [Existing(*map(str, row)) for row in self.fetch("triggers")]

    def tables(self) -> set[str]:
        return {str(row[0]) for row in self.fetch("tables")}


@contextmanager
def owner_session(outbox: Outbox, account: Account) -> Iterator[OwnerSession]:
    """Raises AccessDenied, ConfigError, TargetUnavailable."""
    connection = connect(outbox, account)
    try:
        yield OwnerSession(connection, outbox, account)
    finally:
        connection.close()


def _compare(key: str, own: str, shops: str) -> None:
    if own != shops:
        raise ConfigError(f"[outbox] {key} is {own!r}, and the shop's env.php has {shops!r}.", hint=f"Correct {key}.")
