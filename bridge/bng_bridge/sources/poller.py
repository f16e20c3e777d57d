"""The net under the webhooks: lists what changed at BNG since a watermark, with overlap, and stores hints.

The watermark is in BNG's own timestamps and only the poller moves it, in the commit that stores the hints. What a
webhook brought already is known by its version.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bng_bridge import bindings, inbox, sites
from bng_bridge.bng.client import BngClient
from bng_bridge.config import Poll
from bng_bridge.inbox import Hint
from bng_bridge.sources.hints import inventory_hint, shipment_hint, status_hint
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
        since = sites.watermark(self._store.read, resource)
        if since is None:
            since = to_text(utc_now())
            await self._store.write(lambda db: sites.move_watermark(db, resource, since))
        overlap = timedelta(seconds=self._config.overlap_s)
        items = await self._client.search(resource, updated_since=to_text(from_text(since) - overlap))
        newest = max([since, *(str(item["UpdatedAt"]) for item in items)], key=from_text)
        hints = [self._hint(resource, item) for item in items if resource != "sales-orders" or self._is_news(item)]
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

    def _hint(self, resource: str, item: dict[str, Any]) -> Hint:
        if resource == "shipments":
            return shipment_hint(item, self._store.read)
        return inventory_hint(item) if resource == "inventory-items" else status_hint(item, self._store.read)

    def _is_news(self, sales_order: dict[str, Any]) -> bool:
        """Only a status that differs from the last one both sides knew: this list is full of our own writes."""
        bound = bindings.by_target(self._store.read, "bng", "sales_order", str(sales_order["SalesOrderID"]))
        return bound is not None and bound.facts.get("OrderStatus") != sales_order["OrderStatus"]


def _put_all(db: sqlite3.Connection, hints: list[Hint], resource: str, newest: str) -> int:
    now = to_text(utc_now())
    stored = sum(inbox.put_hint(db, hint, now) for hint in hints)
    sites.move_watermark(db, resource, newest)
    return stored
