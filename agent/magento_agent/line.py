"""A database connection in a thread of its own, made again after it was lost."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pymysql
from pymysql.constants import ER

from magento_agent.config import Outbox
from magento_agent.database import Account, Connection, connect, explain

T = TypeVar("T")

_STATEMENT_FAILED = {ER.TABLEACCESS_DENIED_ERROR, ER.NO_SUCH_TABLE, ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK}
"""The connection itself is good."""


class Line:
    """`session` statements are run on each new connection. One call at a time, in the order of calling."""

    def __init__(self, name: str, section: Outbox, account: Account, session: Iterable[str]) -> None:
        self._section = section
        self._account = account
        self._session = tuple(session)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: Connection | None = None

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """`function(connection, *arguments)`. Raises AccessDenied, ConfigError or TargetUnavailable."""
        call = functools.partial(self._call, function, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """Does not wait: a statement that still runs is given up by its own time limit."""
        self._thread.submit(self._disconnect)
        self._thread.shutdown(wait=False)

    def _call(self, function: Callable[..., T], *arguments: object) -> T:
        try:
            return function(self._connected(), *arguments)
        except (pymysql.Error, OSError) as error:
            if not (error.args and error.args[0] in _STATEMENT_FAILED):
                self._disconnect()
            raise explain(error, self._section, self._account) from error

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._section, self._account)
            for statement in self._session:
                self._connection.query(statement)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pymysql.Error, OSError):
                connection.close()
