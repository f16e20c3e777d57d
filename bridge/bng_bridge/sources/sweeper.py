"""The net under webhooks and poll: once a day everything that BNG changed in the last days is listed and compared.

A record whose list was late - it became visible with a time below the watermark - is told of, hinted and applied. A sales
order of ours that BNG no longer has - it was restored from a backup, or somebody deleted it - is told of. What was listed
is the ground of the ledger. Nothing here moves the poller's watermark; a sweep that fails or is cut off begins anew.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bng_bridge import inbox, sites
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bng.client import BngClient
from bng_bridge.bng.unreadable import Unreadable, reading
from bng_bridge.config import Site
from bng_bridge.inbox import Hint
from bng_bridge.sources import bng_rows
from bng_bridge.sources.bng_rows import Bound
from bng_bridge.sources.hints import listed_hint
from bng_bridge.sources.poller import told_until_now
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log

RESOURCES = ("sales-orders", "shipments", "inventory-items", "customers", "products")
PAGE = 100
FIRST_S = 60.0
RETRY_S = 300.0
HISTORY = "from before the first poll"


@dataclass(frozen=True, slots=True)
class Swept:
    """`found` were missed by webhook and poll; `gone` are sales orders of ours that BNG no longer has."""

    resource: str
    listed: int
    found: int
    gone: int


class Sweeper:
    def __init__(
        self, store: Store, worker: Worker, client: BngClient, configured: dict[str, Site], alerts: Alerts
    ) -> None:
        self._store = store
        self._worker = worker
        self._client = client
        self._config = client.config
        self._sites = configured
        self._alerts = alerts
        self._gone: frozenset[Bound] = frozenset()
        self._sweeping = asyncio.Lock()

    async def run(self) -> None:
        """One loop for each list, begun one after the other: a list that cannot be read holds up no other."""
        interval_s = self._config.sweep.interval_s
        if interval_s == 0:
            return
        async with asyncio.TaskGroup() as loops:
            for place, resource in enumerate(RESOURCES, 1):
                first_s = min(interval_s, FIRST_S) * place * random.uniform(0.8, 1.2)  # noqa: S311
                loops.create_task(self._repeat(resource, first_s), name=f"sweep-{resource}")

    async def run_all(self) -> list[Swept]:
        """Every list, now. Raises what the client raises."""
        return [await self.run_once(resource) for resource in RESOURCES]

    async def run_once(self, resource: str) -> Swept:
        """Raises what the client raises; what was listed until then is kept.

        A record that cannot be read holds up no other, and this is no whole sweep.
        """
        async with self._sweeping:
            began = utc_now()
            since = to_text(began - timedelta(days=self._config.sweep.days))
            listed = found = 0
            odd: list[Unreadable] = []
            async for page in _by_page(self._client.pages(resource, odd=odd.append, updated_since=since)):
                listed += len(page)
                with reading(f"one of its {resource}"):
                    found += await self._take(resource, page)
            if odd:
                raise odd[0]
            gone = await self._look_for_gone(since, to_text(began)) if resource == "sales-orders" else []
            await self._store.write(lambda db: sites.move_watermark(db, _swept(resource), to_text(began)))
        log("swept", resource=resource, listed=listed, found=found, gone=len(gone))
        self._tell(resource, found)
        return Swept(resource, listed, found, len(gone))

    async def _repeat(self, resource: str, first_s: float) -> None:
        await asyncio.sleep(first_s)
        while True:
            wait_s = self._config.sweep.interval_s
            try:
                await self.run_once(resource)
            except BridgeError as error:
                log("sweep_failed", level=logging.WARNING, resource=resource, error=error.message)
                wait_s = min(wait_s, RETRY_S)
            await asyncio.sleep(wait_s)

    async def _take(self, resource: str, page: list[dict[str, Any]]) -> int:
        """Rows for all of it, hints for what nobody told of; how many these were."""
        due, now = told_until_now(self._store.read, resource, self._config.poll), to_text(utc_now())
        hints = [
            hint
            for record in page
            if due is not None and due[0] <= from_text(record["UpdatedAt"]) < due[1]
            and (hint := listed_hint(resource, record, self._store.read)) is not None
        ]  # fmt: skip

        def commit(db: sqlite3.Connection) -> list[Hint]:
            for record in page:
                bng_rows.put(db, resource, record, now, _excluded(record, due))
            return [hint for hint in hints if inbox.put_hint(db, hint, now)]

        missed = await self._store.write(commit)
        for hint in missed:
            log("sweep_found", event=hint.event_key, entity=f"{hint.entity}/{hint.entity_id}")
        if missed:
            self._worker.wake()
        return len(missed)

    async def _look_for_gone(self, since: str, began: str) -> list[Bound]:
        """Each is asked for by its id before it is called gone: it may have been made while the list was read."""
        suspects = await self._store.look(lambda db: bng_rows.not_listed(db, self._sites, since, began))
        gone = [suspect for suspect in suspects if await self._is_gone(suspect)]
        for each in gone:
            if each not in self._gone:
                log("sweep_found", level=logging.WARNING, entity=f"sales_order/{each.sales_order_id}",
                    order=f"{each.site}/order/{each.order_id}", state="gone")  # fmt: skip
        self._tell_gone(gone)
        return gone

    async def _is_gone(self, bound: Bound) -> bool:
        record, now = await self._client.get(f"sales-orders/{bound.sales_order_id}"), to_text(utc_now())
        if record is None:
            await self._store.write(lambda db: bng_rows.put_gone(db, bound, now))
            return True
        with reading(f"sales-orders {bound.sales_order_id}"):
            await self._store.write(lambda db: bng_rows.put(db, "sales-orders", record, now))
        return bool(record.get("Deleted")) or record.get("ExternalID") != bound.external_id

    def _tell(self, resource: str, found: int) -> None:
        if found:
            self._alerts.tell(
                f"neither webhook nor poll had told of {found} of BNG's {resource}, the sweep found them", found=found,
                hint="They are applied now. If it happens again, BNG's lists are later than overlap_s of [bng.poll].",
            )  # fmt: skip

    def _tell_gone(self, gone: list[Bound]) -> None:
        """Lasts as long as one of them is gone, and is told again when there are others."""
        if self._gone != frozenset(gone):
            self._alerts.end("sales-orders-gone")
        if gone:
            first = gone[0]
            self._alerts.begin(
                "sales-orders-gone",
                f"BNG no longer has {len(gone)} of our sales orders, such as {first.sales_order_id} "
                f"of {first.site} order {first.order_id}",
                hint=f"Each is written again by: bridgectl resync order {first.order_id} --site {first.site}. "
                "bridgectl ledger lists them.",
            )
        self._gone = frozenset(gone)


def swept_at(read: sqlite3.Connection, resource: str) -> str | None:
    """When the last whole sweep of this list began."""
    return sites.watermark(read, _swept(resource))


def _swept(resource: str) -> str:
    return f"{resource}/swept"


def _excluded(record: dict[str, Any], due: tuple[datetime, datetime] | None) -> str:
    return HISTORY if due is not None and from_text(record["UpdatedAt"]) < due[0] else ""


async def _by_page(items: AsyncIterator[dict[str, Any]]) -> AsyncIterator[list[dict[str, Any]]]:
    """So many at a time as share one commit: a list of days does not fit into memory, and a commit must be short."""
    page: list[dict[str, Any]] = []
    async for item in items:
        page.append(item)
        if len(page) == PAGE:
            yield page
            page = []
    yield page
