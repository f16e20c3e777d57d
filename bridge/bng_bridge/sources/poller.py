"""The net under the webhooks: lists what changed at BNG since a watermark, with overlap, and stores hints.

The watermark is in BNG's own timestamps and only the poller moves it, in the commit that stores the hints. What a
webhook brought already is known by its version. While a record cannot be read the watermark stands, so that each poll
sees it again; the others are hinted meanwhile.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from bng_bridge import inbox, sites
from bng_bridge.bng.client import BngClient
from bng_bridge.bng.fields import ID_FIELDS
from bng_bridge.bng.unreadable import MISREAD, Unreadable, reading
from bng_bridge.config import Poll
from bng_bridge.inbox import Hint
from bng_bridge.sources.hints import listed_hint
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log

RESOURCES = ("shipments", "inventory-items", "sales-orders")
Followed = Callable[[], tuple[str, ...]]


class Poller:
    """`followed` gives the lists that are looked at besides RESOURCES at this moment: see followed.py."""

    def __init__(
        self, store: Store, worker: Worker, client: BngClient, config: Poll, followed: Followed = lambda: ()
    ) -> None:
        self._store = store
        self._worker = worker
        self._client = client
        self._config = config
        self._followed = followed
        self._asked: set[str] = set()
        self._is_asked = asyncio.Event()

    async def run(self) -> None:
        """All resources each interval, and those asked for in between at once."""
        while True:
            all_again_at_s = asyncio.get_running_loop().time() + self._config.interval_s
            await self._poll(self._all())
            while await self._asked_before(all_again_at_s):
                await self._poll(self._take_asked())

    def look(self, resource: str) -> None:
        """Poll this resource now: somebody said that it changed."""
        if resource in self._all():
            self._asked.add(resource)
            self._is_asked.set()

    async def run_once(self, resource: str) -> int:
        """New hints stored. The first poll ever only sets the watermark: history is not replayed."""
        since = sites.watermark(self._store.read, resource) or to_text(utc_now())
        if sites.watermark(self._store.read, _first(resource)) is None:
            await self._store.write(lambda db: _begin(db, resource, since))
        overlap = timedelta(seconds=self._config.overlap_s)
        odd: list[Unreadable] = []
        asked = to_text(from_text(since) - overlap)
        items = await self._client.search(resource, odd=odd.append, updated_since=asked)
        hints = self._hints(resource, items, odd)
        times = [since, *(told for item in items if (told := _time_of(resource, item)) is not None)]
        for each in odd:
            _tell(resource, each)
        newest = since if odd else max(times, key=from_text)
        stored = await self._store.write(lambda db: _put_all(db, hints, resource, newest))
        if stored:
            log("polled", resource=resource, hints=stored)
            self._worker.wake()
        return stored

    def _all(self) -> tuple[str, ...]:
        return (*RESOURCES, *self._followed())

    async def _poll(self, resources: Iterable[str]) -> None:
        for resource in resources:
            try:
                await self.run_once(resource)
            except BridgeError as error:
                _tell(resource, error)

    def _hints(self, resource: str, items: list[dict[str, Any]], odd: list[Unreadable]) -> list[Hint]:
        """Those that nothing can be made of are put to the odd ones."""
        hints = []
        for item in items:
            try:
                with reading(_name(resource, item)):
                    hint = listed_hint(resource, item, self._store.read)
            except Unreadable as error:
                odd.append(error)
                continue
            if hint is not None:
                hints.append(hint)
        return hints

    async def _asked_before(self, until_s: float) -> bool:
        try:
            async with asyncio.timeout_at(until_s):
                await self._is_asked.wait()
        except TimeoutError:
            return False
        return True

    def _take_asked(self) -> list[str]:
        """Emptied before the look: what changes during it asks again."""
        asked = [resource for resource in self._all() if resource in self._asked]
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


def _time_of(resource: str, item: dict[str, Any]) -> str | None:
    """None, and told, for a record without one. It has its hint, and moves nothing."""
    try:
        told: str = item["UpdatedAt"]
        from_text(told)
    except MISREAD as error:
        _tell(resource, Unreadable(f"BNG has {_name(resource, item)} without a time in UpdatedAt: {error!r}"))
        return None
    return told


def _name(resource: str, item: dict[str, Any]) -> str:
    return f"{resource} {item.get(ID_FIELDS[resource])}"


def _tell(resource: str, error: BridgeError) -> None:
    log("poll_failed", level=logging.WARNING, resource=resource, error=error.message)


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
