"""The outbox table as the relay and the gateway see it: read, delete, count, add what is to be sent again.

Every call is a single statement in autocommit, so a crash at any point leaves either the row or its deletion.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pymysql
from pymysql.constants import ER

from bridge_common import queries
from bridge_common.errors import ConfigError
from magento_agent.config import Outbox as OutboxSection
from magento_agent.database import Account, Connection, quoted
from magento_agent.line import Line
from magento_agent.rows import Added, Row, RowKey, Wanted

ROWS_PER_DELETE = 500


class Outbox:
    """Rows over the table that the shop's triggers fill. Every method raises AccessDenied, ConfigError or TargetUnavailable.

    Reads and deletes have a connection each: a delete waits for the disk, and a new row must not wait with it.
    """

    def __init__(self, section: OutboxSection, account: Account) -> None:
        self._section = section
        table = quoted(section.table)
        self._sql = {name: sql.replace("{table}", table) for name, sql in queries.load(__package__, "outbox").items()}
        session = (self._sql["isolation"], self._sql["session"])
        self._reads = Line("outbox read", section, account, session)
        self._deletes = Line("outbox delete", section, account, session)

    async def read_after(self, last_id: int, limit: int) -> list[Row]:
        return await self._reads.run(self._read, "read_after", last_id, limit)

    async def read_up_to(self, last_id: int, limit: int) -> list[Row]:
        return await self._reads.run(self._read, "read_up_to", last_id, limit)

    async def delete(self, rows: Iterable[RowKey]) -> int:
        """How many of these very rows were there and are gone now."""
        return await self._deletes.run(self._delete, list(rows))

    async def add_missing(self, wanted: Collection[Wanted]) -> Added:
        """A row for each that has none waiting."""
        return await self._deletes.run(self._add_missing, set(wanted))

    async def waiting(self) -> tuple[int, float]:
        """Rows in the table, and the age of the oldest in seconds."""
        return await self._deletes.run(self._waiting)

    async def check(self) -> str:
        """The identity of this database, after proving that its rows can be read and deleted."""
        return await self._deletes.run(self._check)

    async def identity(self) -> str:
        """Another value means another database: cloned to another server, or installed anew."""
        return await self._deletes.run(self._identity)

    def close(self) -> None:
        self._reads.close()
        self._deletes.close()

    def _read(self, connection: Connection, name: str, last_id: int, limit: int) -> list[Row]:
        return [Row(*row) for row in self._fetch(connection, name, last_id, limit)]

    def _delete(self, connection: Connection, rows: Sequence[RowKey]) -> int:
        deleted = 0
        with connection.cursor() as cursor:
            for start in range(0, len(rows), ROWS_PER_DELETE):
                some = rows[start : start + ROWS_PER_DELETE]
                deleted += cursor.execute(self._sql["delete"], ([row_id for row_id, _ in some], some))
        return deleted

    def _add_missing(self, connection: Connection, wanted: set[Wanted]) -> Added:
        """The shop may add one in between: two rows of an entity become one event."""
        keys = {(each.entity, each.entity_id) for each in wanted}
        waiting = set(self._fetch(connection, "waiting_of", tuple(keys))) if keys else set()
        missing = {each for each in wanted if not each.is_among(waiting)}
        # After the look: whatever had a row before it was written earlier than this.
        at = self._fetch(connection, "now")[0][0]
        with connection.cursor() as cursor:
            cursor.executemany(self._sql["add"], [(*each, at) for each in sorted(missing)])
        return Added(missing, at)

    def _waiting(self, connection: Connection) -> tuple[int, float]:
        ((count, oldest_s),) = self._fetch(connection, "waiting")
        return int(count), max(0.0, float(oldest_s or 0))

    def _check(self, connection: Connection) -> str:
        self._fetch(connection, "read_after", 0, 1)
        with connection.cursor() as cursor:
            cursor.execute(self._sql["may_delete"])
        return self._identity(connection)

    def _identity(self, connection: Connection) -> str:
        """The server, the schema, and the name that the installer gave this outbox: a clone differs in the first."""
        comment = self._fetch(connection, "table_comment", self._section.table)
        if not comment:
            raise ConfigError(f"There is no table {self._section.table!r}.", hint="Run: magento-agent outbox install")
        parts = (_server(connection, self._sql), self._section.database, str(comment[0][0]))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def _fetch(self, connection: Connection, name: str, *arguments: object) -> Sequence[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(self._sql[name], arguments)
            return cursor.fetchall()


def _server(connection: Connection, sql: dict[str, str]) -> str:
    """@@server_uid where the server has one (MariaDB since 10.5.26), else its host name."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql["server"])
        except (pymysql.OperationalError, pymysql.InternalError) as error:
            if error.args[0] != ER.UNKNOWN_SYSTEM_VARIABLE:
                raise
            cursor.execute(sql["server_without_uid"])
        row = cursor.fetchone()
    return str(row[0]) if row else ""
