"""The database: one SQLite file, one connection used on the event loop's thread, one transaction per request.

What is committed survives the end of the process (WAL, synchronous NORMAL); a power cut may lose the last
commits, which a sandbox can afford. No transaction contains an `await`, so none ever sees another half done.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SCHEMA = Path(__file__).parent / "sql" / "schema.sql"


class Store:
    """The open database file. `outbox_grew` is set when a webhook was written, for the sender to wake."""

    def __init__(self, path: Path, *, unique_external_ids: bool = True) -> None:
        self.unique_external_ids = unique_external_ids
        self.outbox_grew = asyncio.Event()
        self._copy = path.with_name(f"{path.name}.copy")
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        self._db.executescript(SCHEMA.read_text(encoding="utf-8"))
        self._last_at = self._newest_change()

    @contextmanager
    def work(self, actor: str) -> "Iterator[Work]":
        """One transaction in the name of `actor`: committed at the end, rolled back by any exception."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield Work(self._db, self._next_at(), actor, self)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def back_up(self) -> None:
        """A copy of everything beside the file, in place of the one before."""
        with closing(sqlite3.connect(self._copy)) as copy:
            self._db.backup(copy)

    def restore(self) -> None:
        """Everything as in the copy, counters and all. Time does not go back."""
        with closing(sqlite3.connect(self._copy)) as copy:
            copy.backup(self._db)

    def close(self) -> None:
        """Close the file; the Store is of no further use."""
        self._db.close()

    def _next_at(self) -> str:
        # Later than any transaction before, whatever the clock does: a reader by UpdatedAt must not miss one.
        self._last_at = max(datetime.now(UTC), self._last_at + timedelta(microseconds=1))
        return timestamp(self._last_at)

    def _newest_change(self) -> datetime:
        (newest,) = self._db.execute("SELECT max(updated_at) FROM records").fetchone()
        return datetime.fromisoformat(newest) if newest else datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Work:
    """An open transaction: its connection, its one point in time, and the client that asked for it."""

    db: sqlite3.Connection
    at: str
    actor: str
    store: Store


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds; as text these sort in time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
