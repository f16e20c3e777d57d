"""Capture for a shop whose database is out of reach: its lists are read again and again, each on its own watermark.

`updated_at >= watermark - overlap`, in the order of the ids, page by page (keyset: above the last page's highest id, since
pages by number shift while rows change). Times have a granularity of a second and are set before the commit, so the
overlap must be longer than the longest transaction. No `updated_at` is complete: a partial shipment does not move its
order's, so shipments, invoices and credit memos are lists of their own and stand for their order.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge_common.clock import utc_now
from bridge_common.errors import BridgeError, TargetUnavailable
from bridge_common.log import log
from bridge_common.magento_rest import MagentoRest, Query
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling
from magento_agent.health import Health

MAGENTO_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Listing:
    """Where REST lists it, what the id is called in the document, and whose change an entry is."""

    path: str
    id_field: str
    entity: str
    entity_id_field: str


LISTINGS = {
    "orders": Listing("/V1/orders", "entity_id", "order", "entity_id"),
    "shipments": Listing("/V1/shipments", "entity_id", "order", "order_id"),
    "invoices": Listing("/V1/invoices", "entity_id", "order", "order_id"),
    "creditmemos": Listing("/V1/creditmemos", "entity_id", "order", "order_id"),
    "customers": Listing("/V1/customers/search", "id", "customer", "id"),
    "products": Listing("/V1/products", "id", "product", "id"),
}


class Poller:
    def __init__(self, section: Polling, rest: MagentoRest, capture: CaptureFile, health: Health) -> None:
        self._section = section
        self._rest = rest
        self._capture = capture
        self._health = health

    async def run(self) -> None:
        """For ever. A list that cannot be read is read at the next turn; its watermark stays."""
        while True:
            await self.run_once()
            await asyncio.sleep(self._section.interval_s)

    async def run_once(self) -> int:
        """How many changes were taken, over all lists."""
        taken = 0
        for name in self._section.lists:
            try:
                taken += await self.poll(name)
            except BridgeError as error:
                self._health.rest_failed(error)
                log("poll_failed", level=logging.WARNING, listing=name, error=error.sentence())
        return taken

    async def poll(self, name: str) -> int:
        """One pass over one list. Raises what reading raises; what was taken before stays taken."""
        listing = LISTINGS[name]
        watermark = self._capture.watermark(name) or self._begin()
        taken, newest = 0, watermark
        async for page in self._pages(listing, _earlier(watermark, self._section.overlap_s)):
            taken += self._capture.take(name, [_entry(listing, item) for item in page])
            newest = max([newest, *(str(item["updated_at"]) for item in page)])
        self._health.rest_works()
        self._capture.move_watermark(name, newest)
        if taken:
            log("polled", listing=name, changes=taken, watermark=newest)
        return taken

    def _begin(self) -> str:
        """The first pass ever takes what changes from now on, or from the configured day on."""
        since = self._section.since or utc_now()
        return since.astimezone(UTC).strftime(MAGENTO_TIME)

    async def _pages(self, listing: Listing, since: str) -> AsyncIterator[list[dict[str, Any]]]:
        last_id = 0
        while True:
            body = await self._rest.read(listing.path, _query(since, last_id, self._section.page_size))
            try:
                page = [item for item in body["items"] or [] if int(item[listing.id_field]) > last_id]
                last_id = max((int(item[listing.id_field]) for item in page), default=0)
            except (KeyError, TypeError, ValueError) as error:
                raise TargetUnavailable(f"GET {listing.path} answered in another form than Magento's") from error
            if page:
                yield page
            if len(page) < self._section.page_size:
                return


def _query(since: str, last_id: int, page_size: int) -> Query:
    prefix = "searchCriteria[filter_groups]"
    filters = (("updated_at", "gteq", since), ("entity_id", "gt", str(last_id)))
    query: Query = []
    for index, (field, condition, value) in enumerate(filters):
        group = f"{prefix}[{index}][filters][0]"
        query += [(f"{group}[field]", field), (f"{group}[condition_type]", condition), (f"{group}[value]", value)]
    return [
        *query,
        ("searchCriteria[sortOrders][0][field]", "entity_id"),
        ("searchCriteria[sortOrders][0][direction]", "ASC"),
        ("searchCriteria[pageSize]", str(page_size)),
    ]


def _entry(listing: Listing, item: dict[str, Any]) -> tuple[int, object, str, int]:
    return int(item[listing.id_field]), item, listing.entity, int(item[listing.entity_id_field])


def _earlier(moment: str, seconds: float) -> str:
    found = datetime.strptime(moment, MAGENTO_TIME).replace(tzinfo=UTC) - timedelta(seconds=seconds)
    return found.strftime(MAGENTO_TIME)
