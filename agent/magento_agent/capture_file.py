"""Where a shop is polled, the agent keeps its own outbox: one SQLite file with rows, watermarks and digests.

A page of a poll is one commit: its rows, and what was seen; the watermark follows after the last page. A crash repeats the
pass, and the digests keep what was taken already from being taken twice. From the rows on, everything is as with the
shop's own table.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge_common import decimal_json, queries
from bridge_common.clock import utc_now
from bridge_common.disk import unusable
from bridge_common.errors import ConfigError, TargetUnavailable
from magento_agent.listing import Entry
from magento_agent.rows import Added, Row, RowKey, Wanted

VERSION = 1


class CaptureFile:
    """Implements Rows. It is called on the event loop: a statement takes microseconds, a commit waits for the disk."""

    def __init__(self, path: Path, shop: str) -> None:
        """`shop` is its address: the identity of what is polled.

        Raises ConfigError when the file cannot be used, and TransientError while the disk is full.
        """
        self._shop = shop
        self._sql = queries.load(__package__, "capture")
        try:
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._prepare(path)
        except (OSError, sqlite3.Error) as error:
            raise unusable(path, error, hint="[agent] state_dir must be writable by the service's user.") from error

    # Rows

    async def read_after(self, last_id: int, limit: int) -> list[Row]:
        return self._rows("read_after", last_id, limit)

    async def read_up_to(self, last_id: int, limit: int) -> list[Row]:
        return self._rows("read_up_to", last_id, limit)

    async def delete(self, rows: Iterable[RowKey]) -> int:
        with self._transaction() as db:
            return db.executemany(self._sql["delete"], [(row_id, _text(at)) for row_id, at in rows]).rowcount

    async def add_missing(self, wanted: Collection[Wanted]) -> Added:
        now = _now()
        with self._transaction() as db:
            waiting = set(db.execute(self._sql["waiting_of"]))
            missing = {each for each in wanted if not each.is_among(waiting)}
            db.executemany(self._sql["add"], [(*each, now) for each in sorted(missing)])
        return Added(missing, _moment(now))

    async def waiting(self) -> tuple[int, float]:
        ((count, oldest),) = self._fetch("waiting")
        age_s = (utc_now() - _moment(oldest).replace(tzinfo=UTC)).total_seconds() if oldest else 0.0
        return int(count), max(0.0, age_s)

    async def check(self) -> str:
        with self._transaction():
            return await self.identity()

    async def identity(self) -> str:
        return hashlib.sha256(f"rest\0{self._shop}".encode()).hexdigest()[:32]

    def close(self) -> None:
        self._connection.close()

    # Capture; these raise TargetUnavailable, too

    def add(self, entity: str, entity_id: int) -> None:
        """A change that was heard of; durable when this returns."""
        with self._transaction() as db:
            db.execute(self._sql["add"], (entity, entity_id, "U", _now()))

    def take(self, listing: str, entries: Iterable[Entry]) -> int:
        """One page. A row for each entry that differs from what was seen of it; how many."""
        now = _now()
        with self._transaction() as db:
            changed = [entry for entry in entries if self._see(db, listing, entry)]
            db.executemany(self._sql["add"], [(entry.entity, entry.entity_id, "U", now) for entry in changed])
        return len(changed)

    def know(self, listing: str, entries: Iterable[Entry]) -> None:
        """The same without rows: what was there before the agent."""
        with self._transaction() as db:
            for entry in entries:
                self._see(db, listing, entry)

    def watermark(self, listing: str) -> str | None:
        found = self._fetch("watermark", listing)
        return str(found[0][0]) if found else None

    def move_watermark(self, listing: str, value: str, *, forget_before: str) -> None:
        """After the last page of a pass; what it will not list again is forgotten."""
        with self._transaction() as db:
            db.execute(self._sql["move_watermark"], (listing, value))
            db.execute(self._sql["forget"], (listing, forget_before))

    def _see(self, db: sqlite3.Connection, listing: str, entry: Entry) -> bool:
        """Whether it is new in this form."""
        digest = hashlib.sha256(decimal_json.canonical(entry.document).encode()).hexdigest()
        known = db.execute(self._sql["digest"], (listing, entry.id)).fetchone()
        if known is not None and known[0] == digest:
            return False
        db.execute(self._sql["see"], (listing, entry.id, digest, entry.updated_at))
        return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Raises TargetUnavailable when the disk does not take it; nothing of it is kept then."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise TargetUnavailable(f"the agent's own file cannot be written: {error}") from error
        finally:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")

    def _rows(self, query: str, last_id: int, limit: int) -> list[Row]:
        found = self._fetch(query, last_id, limit)
        return [Row(row_id, entity, entity_id, op, _moment(at)) for row_id, entity, entity_id, op, at in found]

    def _fetch(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(self._sql[query], arguments).fetchall()
        except sqlite3.Error as error:
            raise TargetUnavailable(f"the agent's own file cannot be read: {error}") from error

    def _prepare(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a webhook is answered after this commit, so it must survive a power cut.
        self._connection.execute("PRAGMA synchronous = FULL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise ConfigError(f"{path} was written by a newer magento-agent.", hint="Install that version again.")
        if version == 0:
            self._connection.executescript(f"BEGIN; {self._sql['schema']} COMMIT;")


def _now() -> str:
    return _text(utc_now().replace(tzinfo=None))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
