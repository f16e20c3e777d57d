"""The bridge's one SQLite file: a writer with group commit, and a reader, both on the event loop.

WAL with synchronous=FULL: what `write` returned from has survived a power cut, so it may be acknowledged to the broker or
to BNG. All writes that wait while one commit runs share the next commit; each has its own savepoint, so one that fails
takes no other with it. Several daemons over one file are refused by a lock on `FILE.lock`.

Only the COMMIT, which waits for the disk, runs in a thread. The statements before it take microseconds each; in a thread
every one of them would give the interpreter away and wait to get it back, which costs more than the statement.
"""

import asyncio
import fcntl
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

from bng_bridge import schema
from bridge_common.disk import is_passing, unusable
from bridge_common.errors import ConfigError

R = TypeVar("R")
Operation = Callable[[sqlite3.Connection], R]

LARGEST_GROUP = 500
LOCKED_LOOK_S = 0.05


class Store:
    """Made by `open_store`. `write` from the event loop only; `read` gives a connection for short SELECTs there."""

    def __init__(self, path: Path, lock: TextIO) -> None:
        self.path = path
        self.read = connect(path, read_only=True)
        self._writer = connect(path, timeout_s=0)
        self.refusal: tuple[float, str] | None = None
        """When (the loop's clock) and why the disk refused a write last."""
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Operation[Any], asyncio.Future[Any]]] = []
        self._writing: list[asyncio.Future[Any]] = []
        self._results: list[Any] = []
        self._to_commit: queue.SimpleQueue[sqlite3.Connection | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._commit_groups, name="store-commit", daemon=True)
        self._thread.start()

    async def write(self, operation: Operation[R]) -> R:
        """Run `operation` in the next commit and return its result after the commit. It must not take long.

        Raises what the operation raised, its changes undone; sqlite3.Error when the commit itself failed.
        """
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((operation, future))
        if len(self._waiting) == 1 and not self._writing:
            self._begin_soon()
        try:
            return await future
        except sqlite3.Error as error:
            self.note_failure(error)
            raise

    def note_failure(self, error: OSError | sqlite3.Error) -> None:
        """Of a write to the store, or beside it."""
        if is_passing(error):
            self.refusal = (self._loop.time(), str(error))

    async def look(self, operation: Operation[R]) -> R:
        """A read that may take long: in a thread, over a connection of its own that sees one moment."""
        return await asyncio.to_thread(_look, self.path, operation)

    async def close(self) -> None:
        """Commits what waits, then lets go of the file."""
        await self.write(lambda _db: None)
        self._to_commit.put(None)
        await asyncio.to_thread(self._thread.join)
        self._writer.close()
        self.read.close()
        self._lock.close()

    def _begin_soon(self) -> None:
        """Not now: what other tasks write in this round of the loop, woken by the last commit, shares the next."""
        self._loop.call_soon(self._write_group)

    def _write_group(self) -> None:
        if _is_locked(self._writer):
            # By a person's sqlite3, or a backup: waited for without holding up the loop.
            self._loop.call_later(LOCKED_LOOK_S, self._write_group)
            return
        group, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
        self._writing = [future for _, future in group]
        self._results = _run_group(self._writer, [operation for operation, _ in group])
        self._to_commit.put(self._writer)

    def _commit_groups(self) -> None:
        """In the thread."""
        while (connection := self._to_commit.get()) is not None:
            self._loop.call_soon_threadsafe(self._committed, _commit(connection))

    def _committed(self, failure: sqlite3.Error | None) -> None:
        done, self._writing = self._writing, []
        _resolve(done, self._results if failure is None else [failure] * len(done))
        if self._waiting:
            self._begin_soon()


def open_store(path: Path) -> Store:
    """Lock, migrate, open.

    Raises ConfigError when the file cannot be used, another daemon holds it, or it is newer than this program, and
    TransientError when the disk is full.
    """
    with usable(path):
        lock = _lock(path)
        try:
            migrate(path)
            return Store(path, lock)
        except BaseException:
            lock.close()
            raise


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """What the block cannot do with the file is a mistake in the configuration: ConfigError; unless the disk is full."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error, hint="[bridge] state_dir must be writable by the service's user.") from error


def migrate(path: Path) -> tuple[int, int]:
    """Bring the file to schema.VERSION, keeping a copy of the old one beside it. Returns (from, to)."""
    connection = connect(path)
    try:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > schema.VERSION:
            raise ConfigError(
                f"{path} has schema {found}, this program knows up to {schema.VERSION}.",
                hint="Install the newer bridge again, or restore the copy made before the migration.",
            )
        if 0 < found < schema.VERSION:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy2(path, path.with_name(f"{path.name}.schema-{found}"))
        for version in schema.steps_after(found):
            connection.executescript(f"BEGIN; {schema.statements(version)}; PRAGMA user_version = {version}; COMMIT;")
        return found, schema.VERSION
    finally:
        connection.close()


def connect(path: Path, *, read_only: bool = False, timeout_s: float = 30) -> sqlite3.Connection:
    """`timeout_s` is how long a statement waits, and holds up its thread, for another process's lock."""
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=timeout_s, cached_statements=256, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Moving pages from the log into the file costs about as much as writing them there: 32 MB at a time, not 4.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        connection.execute("PRAGMA cache_size = -16384")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _look(path: Path, operation: Operation[R]) -> R:
    connection = connect(path, read_only=True)
    try:
        connection.execute("BEGIN")
        return operation(connection)
    finally:
        connection.close()


def _lock(path: Path) -> TextIO:
    """Held by the open file: the kernel lets go of it when the daemon dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = (path.parent / f"{path.name}.lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise ConfigError(
            f"{path} is in use by another bridge.", hint="One bridge per store: stop the other one first."
        ) from error
    return lock


def _run_group(connection: sqlite3.Connection, operations: list[Operation[Any]]) -> list[Any]:
    """One result or exception per operation, in a transaction that is left open; without one when it could not be."""
    try:
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        return [_in_savepoint(connection, operation) for operation in operations]
    except sqlite3.Error as error:
        _roll_back(connection)
        return [error] * len(operations)


def _is_locked(connection: sqlite3.Connection) -> bool:
    """Begins the transaction where it may."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
    return False


def _commit(connection: sqlite3.Connection) -> sqlite3.Error | None:
    """What went wrong with it, which is then the result of all operations in it."""
    try:
        if connection.in_transaction:
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        return error
    return None


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _in_savepoint(connection: sqlite3.Connection, operation: Operation[Any]) -> Any:
    connection.execute("SAVEPOINT operation")
    try:
        result = operation(connection)
    except Exception as error:  # handed to the caller of write(), the thread lives on
        connection.execute("ROLLBACK TO operation")
        result = error
    connection.execute("RELEASE operation")
    return result


def _resolve(futures: list[asyncio.Future[Any]], results: list[Any]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.cancelled():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
