"""The shop's connections to MariaDB: blocking pymysql in threads, a small pool, Magento's session settings.

`Database.run` gives a function a `Session` in a thread of its own, so that many checkouts wait for the disk at
once. A lost connection raises `DatabaseGone` and empties the pool: when MariaDB is back, the next call connects
again. Nothing is retried here, as Magento retries nothing.
"""

import asyncio
import queue
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pymysql
import pymysql.converters
import pymysql.cursors
from pymysql.constants import FIELD_TYPE

from bridge_sandbox.mariadb import connected_socket
from bridge_sandbox.shop.queries import Queries
from bridge_sandbox.shop.session import Connection, Session, Shared, close

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 48
"""Checkouts held open by an experiment take a thread each."""
CONNECT_TIMEOUT_S = 5
TRUSTED_IDLE_S = 1.0
LOST = frozenset({1053, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 0})
"""Server shutting down, connection killed, cannot connect, gone away, lost during query, out of sync."""

CONVERSIONS: dict[Any, Any] = {
    **pymysql.converters.conversions,
    # Times go out as the text that comes in: UTC, 'Y-m-d H:i:s', as in Magento's API.
    FIELD_TYPE.TIMESTAMP: str,
    FIELD_TYPE.DATETIME: str,
    FIELD_TYPE.DATE: str,
}


class DatabaseGone(Exception):
    """MariaDB cannot be reached, or went away in the middle: what was under way may or may not be committed."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the shop's database is and as whom to connect; the socket wins over host and port. `has_sources`: Multi-Source
    Inventory is among its modules."""

    name: str
    user: str
    password: str
    socket: Path | None = None
    host: str = "127.0.0.1"
    port: int = 3306
    prefix: str = ""
    has_sources: bool = True


class Database:
    """A pool of connections and threads; `close` it."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self._shared = Shared(Queries(settings.prefix), settings.has_sources)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="shop-db")
        self._idle: queue.LifoQueue[tuple[float, Connection]] = queue.LifoQueue()

    async def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work(session, ...)` returns, run in a thread; raises `DatabaseGone` besides its errors."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self.call(work, *args, **kwargs))

    def call(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same in the caller's thread."""
        try:
            connection = self._take()
            result = self._use(connection, work, *args, **kwargs)
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
            if is_lost(error):
                self._close_idle()
                raise DatabaseGone(str(error)) from error
            raise
        return result

    def stop_pauses(self) -> None:
        """Let sessions that pause go on at once, now and from now on."""
        self._shared.closing.set()

    def close(self) -> None:
        """End the threads, then the connections."""
        self.stop_pauses()
        self._threads.shutdown(wait=True)
        self._close_idle()

    def _use(
        self,
        connection: Connection,
        work: Callable[Concatenate[Session, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            return work(Session(connection, self._shared), *args, **kwargs)
        finally:
            if connection.open:
                self._idle.put((time.monotonic(), connection))

    def _take(self) -> Connection:
        while True:
            try:
                used_at, connection = self._idle.get_nowait()
            except queue.Empty:
                return self._connect()
            if time.monotonic() - used_at < TRUSTED_IDLE_S or is_alive(connection):
                return connection

    def _connect(self) -> Connection:
        settings = self.settings
        connection = pymysql.Connection(
            host=settings.host,
            port=settings.port,
            user=settings.user,
            password=settings.password,
            database=settings.name,
            charset="utf8mb3",  # Magento's: what has four bytes in UTF-8 becomes ????
            init_command="SET time_zone = '+00:00', sql_mode = ''",
            autocommit=True,
            conv=CONVERSIONS,
            cursorclass=pymysql.cursors.DictCursor,
            connect_timeout=CONNECT_TIMEOUT_S,
            defer_connect=True,
        )
        connection.connect(connected_socket(settings.socket, CONNECT_TIMEOUT_S) if settings.socket else None)
        return connection

    def _close_idle(self) -> None:
        while True:
            try:
                _, connection = self._idle.get_nowait()
            except queue.Empty:
                return
            close(connection)


def is_lost(error: pymysql.err.Error) -> bool:
    """Whether the connection is gone, so that nobody knows what became of the transaction."""
    return bool(error.args) and error.args[0] in LOST


def is_alive(connection: Connection) -> bool:
    """Whether an idle connection still works; a dead one is closed."""
    try:
        connection.ping(reconnect=False)
    except pymysql.err.Error:
        close(connection)
        return False
    return True
