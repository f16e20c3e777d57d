"""One connection at work: named statements, rows from dictionaries, transactions."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pymysql
import pymysql.cursors

from bridge_sandbox.shop.queries import Queries

Row = dict[str, Any]
Connection: TypeAlias = "pymysql.Connection[pymysql.cursors.DictCursor]"


@dataclass(frozen=True)
class Shared:
    """What all sessions of one database have in common. `has_sources`: the shop has Multi-Source Inventory."""

    queries: Queries
    has_sources: bool = True
    columns: dict[str, frozenset[str]] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)


class Session:
    """One connection at work in one thread: statements by name, inserts and updates from dictionaries."""

    def __init__(self, connection: Connection, shared: Shared) -> None:
        self.connection = connection
        self.has_sources = shared.has_sources
        self._shared = shared
        self._queries = shared.queries

    def rows(self, name: str, *arguments: Any) -> list[Row]:
        """All rows of a named query; a tuple or list argument becomes an IN list."""
        return self.select(self._queries.named(name), arguments)

    def one(self, name: str, *arguments: Any) -> Row | None:
        """The first row of a named query."""
        found = self.rows(name, *arguments)
        return found[0] if found else None

    def value(self, name: str, *arguments: Any) -> Any:
        """The first column of the first row; None without a row."""
        found = self.one(name, *arguments)
        return next(iter(found.values())) if found else None

    def execute(self, name: str, *arguments: Any) -> int:
        """How many rows a named statement changed."""
        with self.connection.cursor() as cursor:
            return cursor.execute(self._queries.named(name), arguments)

    def select(self, sql: str, arguments: Sequence[Any] = ()) -> list[Row]:
        """The rows of a statement built by the caller; `#name` stands for a table."""
        with self.connection.cursor() as cursor:
            cursor.execute(self._queries.prefixed(sql), tuple(arguments))
            return list(cursor.fetchall())

    def insert(self, table: str, values: Row) -> int:
        """The id of the new row."""
        sql = f"INSERT INTO #{table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})"
        with self.connection.cursor() as cursor:
            cursor.execute(self._queries.prefixed(sql), tuple(values.values()))
            return cursor.lastrowid or 0

    def insert_empty(self, table: str) -> int:
        """The number drawn from a sequence table."""
        with self.connection.cursor() as cursor:
            cursor.execute(self._queries.prefixed(f"INSERT INTO #{table} () VALUES ()"))
            return cursor.lastrowid or 0

    def insert_many(self, table: str, rows: list[Row]) -> None:
        """Several rows with the same columns in one statement."""
        group = f"({', '.join(['%s'] * len(rows[0]))})"
        sql = f"INSERT INTO #{table} ({', '.join(rows[0])}) VALUES {', '.join([group] * len(rows))}"
        with self.connection.cursor() as cursor:
            cursor.execute(self._queries.prefixed(sql), tuple(value for row in rows for value in row.values()))

    def update(self, table: str, key: str, key_value: Any, values: Row) -> int:
        """How many rows really changed; the triggers fire for unchanged ones too."""
        assignments = ", ".join(f"{column} = %s" for column in values)
        with self.connection.cursor() as cursor:
            return cursor.execute(
                self._queries.prefixed(f"UPDATE #{table} SET {assignments} WHERE {key} = %s"),
                (*values.values(), key_value),
            )

    def run_raw(self, sql: str) -> None:
        """Run one statement as it is written, without arguments: DDL and SET."""
        with self.connection.cursor() as cursor:
            cursor.execute(self._queries.prefixed(sql))

    def table_name(self, table: str) -> str:
        """The table's name with its prefix."""
        return self._queries.table_name(table)

    def columns(self, table: str) -> frozenset[str]:
        """The table's columns, looked up once for each database."""
        known = self._shared.columns
        if table not in known:
            found = self.rows("column_names", self.table_name(table))
            known[table] = frozenset(row["name"] for row in found)
        return known[table]

    def pause(self, seconds: float) -> None:
        """Wait, keeping locks and transaction; a shop that stops does not wait for it."""
        self._shared.closing.wait(seconds)

    def script(self, sql: str) -> None:
        """Run DDL statements separated by a semicolon at the end of a line."""
        with self.connection.cursor() as cursor:
            for statement in self._queries.statements(sql):
                cursor.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction: committed at the end, rolled back on any error."""
        self.connection.begin()
        try:
            yield
        except BaseException:
            if self.connection.open:
                rollback(self.connection)
            raise
        self.connection.commit()


def rollback(connection: Connection) -> None:
    """Undo the transaction; a connection that cannot is closed, which undoes it too."""
    try:
        connection.rollback()
    except pymysql.err.Error:
        close(connection)


def close(connection: Connection) -> None:
    """Close, whatever state it is in."""
    if connection.open:
        with suppress(pymysql.err.Error, OSError):
            connection.close()
