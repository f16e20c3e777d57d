"""Where a shop is polled, the agent keeps its own outbox: one SQLite file with rows, watermarks and digests.

A page of a poll is one commit: its rows, what was seen, and with the last page the watermark. A crash repeats the page, and
the digests keep what was taken already from being taken twice. From the rows on, everything is as with the shop's table.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge_common import decimal_json, queries
from bridge_common.clock import utc_now
from bridge_common.errors import ConfigError, TargetUnavailable
from magento_agent.rows import Row, RowKey

SEEN_FOR = timedelta(days=1)
"""Beyond every sensible overlap."""


class CaptureFile:
    """Implements Rows. Statements take microseconds, so they run on the event loop."""

    def __init__(self, path: Path, shop: str) -> None:
        """`shop` is its address: the identity of what is polled. Raises ConfigError when the file cannot be used."""
        self._shop = shop
        self._sql = queries.load(__package__, "capture")
        try:
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, isolation_level=None)
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                self._connection.execute(f"PRAGMA {pragma}")
            for name in ("create_row", "create_watermark", "create_seen"):
                self._connection.execute(self._sql[name])
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"{path} cannot be used: {error}.", hint="[agent] state_dir must be writable by the service's user."
            ) from error

    # Rows

    async def read_after(self, last_id: int, limit: int) -> list[Row]:
        return self._rows("read_after", last_id, limit)

    async def read_up_to(self, last_id: int, limit: int) -> list[Row]:
        return self._rows("read_up_to", last_id, limit)

    async def delete(self, rows: Iterable[RowKey]) -> int:
        with self.transaction() as db:
            return db.executemany(self._sql["delete"], [(row_id, _text(at)) for row_id, at in rows]).rowcount

    async def waiting(self) -> tuple[int, float]:
        count, oldest = self._connection.execute(self._sql["waiting"]).fetchone()
        age_s = (utc_now() - _moment(oldest).replace(tzinfo=UTC)).total_seconds() if oldest else 0.0
        return int(count), max(0.0, age_s)

    async def check(self) -> str:
        return await self.identity()

    async def identity(self) -> str:
        return hashlib.sha256(f"rest\0{self._shop}".encode()).hexdigest()[:32]

    def close(self) -> None:
        self._connection.close()

    # Capture

    def add(self, entity: str, entity_id: int, op: str = "U") -> None:
        """A change that was heard of; durable when this returns."""
        self._connection.execute(self._sql["add"], (entity, entity_id, op, _text(_naive_now())))

    def take(self, listing: str, entries: Iterable[tuple[int, object, str, int]]) -> int:
        """One page: (id, document, entity, entity id) of each. Rows for those that differ from what was seen; how many."""
        now = _text(_naive_now())
        added = 0
        with self.transaction() as db:
            for listed_id, document, entity, entity_id in entries:
                digest = hashlib.sha256(decimal_json.canonical(document).encode()).hexdigest()
                if self._digest(listing, listed_id) == digest:
                    continue
                db.execute(self._sql["see"], (listing, listed_id, digest, now))
                db.execute(self._sql["add"], (entity, entity_id, "U", now))
                added += 1
        return added

    def watermark(self, listing: str) -> str | None:
        row = self._connection.execute(self._sql["watermark"], (listing,)).fetchone()
        return None if row is None else str(row[0])

    def move_watermark(self, listing: str, value: str) -> None:
        """After the last page of a pass. What was seen long ago is forgotten with it."""
        with self.transaction() as db:
            db.execute(self._sql["move_watermark"], (listing, value))
            db.execute(self._sql["forget"], (listing, _text(_naive_now() - SEEN_FOR)))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Raises TargetUnavailable when the disk does not take it; nothing of it is kept then."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise TargetUnavailable(f"the agent's own file cannot be written: {error}") from error

    def _rows(self, query: str, last_id: int, limit: int) -> list[Row]:
        found = self._connection.execute(self._sql[query], (last_id, limit)).fetchall()
        return [Row(row_id, entity, entity_id, op, _moment(at)) for row_id, entity, entity_id, op, at in found]

    def _digest(self, listing: str, listed_id: int) -> str | None:
        row = self._connection.execute(self._sql["digest"], (listing, listed_id)).fetchone()
        return None if row is None else str(row[0])


def _naive_now() -> datetime:
    return utc_now().replace(tzinfo=None)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
