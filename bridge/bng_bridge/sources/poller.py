"""The net under the webhooks: lists what changed at BNG since a watermark, with overlap, and stores hints.

The watermark is in BNG's own timestamps and only the poller moves it, in the commit that stores the hints. What a
webhook brought already is known by its version.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from bng_bridge import inbox, sites
from bng_bridge.bng.client import BngClient
from bng_bridge.config import Poll
from bng_bridge.inbox import Hint
from bng_bridge.sources.hints import listed_hint
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log

RESOURCES = ("shipments", "inventory-items", "sales-orders")


class Poller:
    def __init__(self, store: Store, worker: Worker, client: BngClient, config: Poll) -> None:
        self._store = store
        self._worker = worker
        self._client = client
        self._config = config
        self._asked: set[str] = set()
        self._is_asked = asyncio.Event()

    async def run(self) -> None:
        """All resources each interval, and those asked for in between at once."""
        while True:
            all_again_at_s = asyncio.get_running_loop().time() + self._config.interval_s
            await self._poll(RESOURCES)
            while await self._asked_before(all_again_at_s):
                await self._poll(self._take_asked())

    def look(self, resource: str) -> None:
        """Poll this resource now: somebody said that it changed."""
        if resource in RESOURCES:
            self._asked.add(resource)
            self._is_asked.set()

    async def run_once(self, resource: str) -> int:
        """New hints stored. The first poll ever only sets the watermark: history is not replayed."""
        since = sites.watermark(self._store.read, resource) or to_text(utc_now())
        if sites.watermark(self._store.read, _first(resource)) is None:
            await self._store.write(lambda db: _begin(db, resource, since))
        overlap = timedelta(seconds=self._config.overlap_s)
        items = await self._client.search(resource, updated_since=to_text(from_text(since) - overlap))
        newest = max([since, *(str(item["UpdatedAt"]) for item in items)], key=from_text)
        hints = [hint for item in items if (hint := listed_hint(resource, item, self._store.read)) is not None]
        stored = await self._store.write(lambda db: _put_all(db, hints, resource, newest))
        if stored:
            log("polled", resource=resource, hints=stored)
            self._worker.wake()
        return stored

    async def _poll(self, resources: Iterable[str]) -> None:
        for resource in resources:
            try:
                await self.run_once(resource)
            except BridgeError as error:
                log("poll_failed", level=logging.WARNING, resource=resource, error=error.message)

    async def _asked_before(self, until_s: float) -> bool:
        try:
            async with asyncio.timeout_at(until_s):
                await self._is_asked.wait()
        except TimeoutError:
            return False
        return True

    def _take_asked(self) -> list[str]:
        """Emptied before the look: what changes during it asks again."""
        asked = [resource for resource in RESOURCES if resource in self._asked]
        self._asked.clear()
        self._is_asked.clear()
        return asked


def told_until_now(read: sqlite3.Connection, resource: str, config: Poll) -> tuple[datetime, datetime] | None:
    """From when to when, by BNG's UpdatedAt, every change ought to be a hint by now; None before the first poll.

    What is older than the first poll is history, what is younger than the watermark less the overlap is still to come.
    """
    first, since = sites.watermark(read, _first(resource)), sites.watermark(read, resource)
    if first is None or since is None:
        return None
    return from_text(first), from_text(since) - timedelta(seconds=config.overlap_s)


def _begin(db: sqlite3.Connection, resource: str, since: str) -> None:
    sites.move_watermark(db, _first(resource), since)
    sites.move_watermark(db, resource, since)


def _first(resource: str) -> str:
    return f"{resource}/first"


def _put_all(db: sqlite3.Connection, hints: list[Hint], resource: str, newest: str) -> int:
    now = to_text(utc_now())
    stored = sum(inbox.put_hint(db, hint, now) for hint in hints)
    sites.move_watermark(db, resource, newest)
    return stored
