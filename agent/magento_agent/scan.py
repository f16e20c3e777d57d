"""Where to read the outbox next. Ids are not the order of commits, and after a TRUNCATE they begin again.

The cursor only makes the frequent read cheap; that nothing is missed rests on the rescan, which reads everything below
it now and then. Both find rows by what is in the table, never by what was there before.
"""

import time

from magento_agent.changes import Changes
from magento_agent.rows import Row, Rows

ROWS_PER_READ = 4000
RESCAN_SHARE = 20
"""A rescan may cost one part in so many of the time, however many claimed rows it has to pass."""


class Scan:
    """Feeds `changes` from `outbox`; begins at the first row."""

    def __init__(self, outbox: Rows, changes: Changes, *, rescan_interval_s: float) -> None:
        self._outbox = outbox
        self._changes = changes
        self._rescan_interval_s = rescan_interval_s
        self._rescan_due_s = 0.0
        self._cursor = 0
        self._last: Row | None = None

    async def read(self) -> int:
        """How many new rows were claimed; a rescan is made when it is due."""
        if time.monotonic() >= self._rescan_due_s:
            return await self.rescan() + await self._read_on()
        return await self._read_on()

    async def rescan(self) -> int:
        """Rows that became visible below the cursor."""
        begun_s = time.monotonic()
        self._changes.begin_read()
        rows = await self._outbox.read_up_to(self._cursor, self._changes.claimed + ROWS_PER_READ)
        took_s = time.monotonic() - begun_s
        self._rescan_due_s = time.monotonic() + max(self._rescan_interval_s, RESCAN_SHARE * took_s)
        self._notice_restart(rows)
        return self._changes.add(rows)

    async def _read_on(self) -> int:
        self._changes.begin_read()
        rows = await self._outbox.read_after(self._cursor, ROWS_PER_READ)
        if rows:
            self._last = rows[-1]
            self._cursor = rows[-1].id
        return self._changes.add(rows)

    def _notice_restart(self, rows: list[Row]) -> None:
        """Younger rows under lower ids: the numbering began again, so the cursor follows it down.

        Two statements that overlap can look the same; the cursor then only steps back by some rows.
        """
        if self._last is not None:
            younger = [row for row in rows if row.created_at > self._last.created_at and row.id < self._cursor]
            if younger:
                self._last = younger[-1]
                self._cursor = younger[-1].id
