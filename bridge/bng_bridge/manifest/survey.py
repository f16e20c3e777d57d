"""One pass over a shop's lists: every line compared with what is known of it, one commit for each page.

A crash loses nothing: the next pass compares again. What is not covered is a suspect, and only that yet: its event may be
on its way.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bng_bridge import sites, windows
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Filter, Listing, Page, by_ids, pages
from bng_bridge.manifest import table
from bng_bridge.manifest.lines import (
    CUSTOMER_FIELDS,
    ORDER_FIELDS,
    PART_FIELDS,
    SHIPMENT_FIELDS,
    Line,
    Parts,
    customer_line,
    order_line,
)
from bng_bridge.manifest.report import Report
from bng_bridge.manifest.verdict import BEFORE_GO_LIVE, Known, Newest, Verdict, is_before_go_live, judge
from bng_bridge.store import Store
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import OutcomeUnknown, RejectedByTarget, TargetUnavailable
from bridge_common.magento_time import to_magento

ORDERS = Listing("/V1/orders", ORDER_FIELDS)
CUSTOMERS = Listing("/V1/customers/search", CUSTOMER_FIELDS, "id")
PARTS = {
    "shipments": Listing("/V1/shipments", SHIPMENT_FIELDS),
    "invoices": Listing("/V1/invoices", PART_FIELDS),
    "creditmemos": Listing("/V1/creditmemos", PART_FIELDS),
}
RECORD_PATHS = {"order": "/V1/orders", "customer": "/V1/customers"}
MOST_GONE = 200
"""Looked at one by one in a pass; the next one begins behind them."""
NOT_YET = Known("", "covered", 0, "")


@dataclass(frozen=True, slots=True)
class Suspect:
    """What no event shows. `seq` is that of the newest event looked at (0: none is there); `digest` '' and op D: it is gone.

    `is_unheard`: no event of it ever came. `is_sure` False: asked for to be sure, and never said to be missing.
    """

    entity: str
    entity_id: str
    seq: int
    digest: str = ""
    op: str = "U"
    is_sure: bool = True
    is_unheard: bool = False


class Survey:
    """Collects `suspects`; `newest_order` is the highest order id that was listed, 0 without any.

    `ended` are the entities whose list came to its end: with what earlier passes listed, all that there are.
    """

    def __init__(self, client: MagentoClient, store: Store, report: Report) -> None:
        self.suspects: list[Suspect] = []
        self.newest_order = 0
        self.ended: list[str] = []
        self._client = client
        self._site = client.site
        self._config = client.config
        self._store = store
        self._report = report

    async def orders(self) -> None:
        """Those created or changed of late, and those with a shipment, invoice or credit memo of late."""
        since = utc_now() - timedelta(days=self._config.manifest.order_days)
        late: list[Filter] = [(name, "gteq", to_magento(since)) for name in ("created_at", "updated_at")]
        parts = await self._parts(late)
        listed: set[int] = set()
        async for page in pages(self._client, ORDERS, late):
            listed |= await self._compare_orders(page, parts)
        async for page in by_ids(self._client, ORDERS, parts.keys() - listed):
            listed |= await self._compare_orders(page, parts)
        day = (since + timedelta(days=1)).date().isoformat()
        known = table.orders_after(self._store.read, self._site, day)
        left_at = await self._look_for("order", known - set(map(str, listed)), self._place("orders"))
        await self._move("orders", left_at)
        self.ended.append("order")

    async def customers(self) -> None:
        """From where the last pass stopped; a shop with few is listed whole in each pass."""
        after = self._place("customers")
        left, place, gone = self._config.manifest.customers_per_pass, 0, set[str]()
        known = await self._known_customers()
        async with aclosing(pages(self._client, CUSTOMERS, [], after)) as tiles:
            async for page in tiles:
                listed = await self._compare(self._lines(page, customer_line), page.began_at)
                gone |= {str(each) for each in _within(page, known) if each not in listed}
                left -= len(listed)
                if left <= 0 and page.upto is not None:
                    place = page.upto
                    break
        left_at = await self._look_for("customer", gone, after)
        await self._move("customers", left_at or place)
        if not place:
            self.ended.append("customer")

    def _place(self, what: str) -> int:
        """The id behind which this pass begins."""
        return int(sites.watermark(self._store.read, f"manifest/{self._site}/{what}") or 0)

    async def _move(self, what: str, place: int) -> None:
        await self._store.write(lambda db: sites.move_watermark(db, f"manifest/{self._site}/{what}", str(place)))

    async def _parts(self, late: list[Filter]) -> dict[int, Parts]:
        """By order id. Before the orders: what is added in between belongs to the next pass."""
        found: dict[int, Parts] = defaultdict(Parts)
        for kind, listing in PARTS.items():
            async for page in pages(self._client, listing, late):
                with in_form(self._site):
                    for item in page.items:
                        found[int(item["order_id"])].add(kind, item)
        return found

    async def _compare_orders(self, page: Page, parts: dict[int, Parts]) -> set[int]:
        def line(order: dict[str, Any]) -> Line:
            return order_line(order, parts.get(int(order["entity_id"]), Parts()))

        listed = await self._compare(self._lines(page, line), page.began_at)
        self.newest_order = max(self.newest_order, 0, *listed)
        return listed

    def _lines(self, page: Page, make: Callable[[dict[str, Any]], Line]) -> list[Line]:
        with in_form(self._site):
            return [make(item) for item in page.items]

    async def _compare(self, lines: list[Line], began_at: datetime) -> set[int]:
        """One page of one entity; the ids."""
        if not lines:
            return set()
        known = table.known(self._store.read, self._site, lines[0].entity, [line.entity_id for line in lines])
        rows = [(line, await self._look_at(line, known.get(line.entity_id), began_at)) for line in lines]
        zone, listed_at = self._config.time_zone, to_text(began_at)
        await self._store.write(lambda db: table.put(db, self._site, zone, rows, listed_at))
        return {int(line.entity_id) for line in lines}

    async def _look_at(self, line: Line, known: Known | None, began_at: datetime) -> Known:
        """What is known of it now. Its events are looked at only where the line is another than when it was covered."""
        if known is not None and known.digest == line.digest and known.state == "covered" and not known.excluded:
            self._report.count("covered")
            return known
        newest = table.newest(self._store.read, self._site, line.entity, line.entity_id)
        go_live_at = self._go_live_at(line)
        verdict = judge(line, known, newest, began_at=began_at, go_live_at=go_live_at)
        self._report.count(verdict)
        if verdict in ("missing", "unsure"):
            self.suspects.append(_suspect(line, newest, verdict))
        # It may have read a whole document: others have their turn.
        await asyncio.sleep(0)
        if verdict != "covered":
            return known or NOT_YET
        is_old = is_before_go_live(line, go_live_at)
        return Known(line.digest, "covered", 0, _excluded(known, newest, is_old=is_old))

    def _go_live_at(self, line: Line) -> datetime | None:
        """None for what a backfill has brought over: it is looked after like what was made since."""
        go_live_at = self._config.go_live_at
        if not is_before_go_live(line, go_live_at):
            return go_live_at
        window = windows.covering(self._store.read, self._site, line.entity, line.entity_id, line.created_at)
        return go_live_at if window is None else None

    async def _known_customers(self) -> list[int]:
        """Sorted."""
        found: set[int] = set()
        after = ""
        while piece := table.customers(self._store.read, self._site, after):
            found |= {int(each) for each in piece if each.isdecimal()}
            after = piece[-1]
            await asyncio.sleep(0)
        return sorted(found)

    async def _look_for(self, entity: str, ids: set[str], after: int) -> int:
        """Those that the lists lack: already known to be deleted, or not shown for another reason, or gone unnoticed.

        The first above `after`, then those from the beginning. Returns the id where it stopped; 0: all had their turn.
        """
        known = table.known(self._store.read, self._site, entity, ids)
        unknown = sorted((each for each in ids if each not in known or known[each].state != "deleted"), key=int)
        behind = bisect_right(unknown, after, key=int)
        in_turn = [*unknown[behind:], *unknown[:behind]][:MOST_GONE]
        deleted = []
        for entity_id in in_turn:
            newest = table.newest(self._store.read, self._site, entity, entity_id)
            if newest is not None and newest.kind == "tombstone":
                deleted.append(entity_id)
            elif newest is None or newest.state not in ("pending", "processing"):
                await self._confirm_gone(entity, entity_id, newest)
        if deleted:
            now = to_text(utc_now())
            await self._store.write(lambda db: table.note_gone(db, self._site, entity, deleted, "deleted", now))
        return int(in_turn[-1]) if len(in_turn) < len(unknown) else 0

    async def _confirm_gone(self, entity: str, entity_id: str, newest: Newest | None) -> None:
        """By the record itself: a list may lack it for reasons of its own."""
        path = f"{RECORD_PATHS[entity]}/{entity_id}"
        try:
            found = await self._client.get(path, {"fields": "id,entity_id"})
        except (RejectedByTarget, OutcomeUnknown):
            return
        if found is None:
            self.suspects.append(Suspect(entity, entity_id, newest.seq if newest else 0, op="D"))


@contextmanager
def in_form(site: str) -> Iterator[None]:
    """Documents without what every Magento shows are an answer of somebody else."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise TargetUnavailable(f"{site} lists records in another form than Magento's: {error!r}") from error


def _suspect(line: Line, newest: Newest | None, verdict: Verdict) -> Suspect:
    return Suspect(
        line.entity, line.entity_id, newest.seq if newest else 0, line.digest,
        is_sure=verdict == "missing", is_unheard=newest is None,
    )  # fmt: skip


def _excluded(known: Known | None, newest: Newest | None, *, is_old: bool) -> str:
    """Why it is not at BNG; what was known is kept when its event is cleaned."""
    if newest is None:
        return BEFORE_GO_LIVE if is_old else ""
    return newest.excluded if newest.seq or known is None else known.excluded


def _within(page: Page, numbers: list[int]) -> list[int]:
    """Those of the sorted numbers that lie in the page's tile."""
    end = len(numbers) if page.upto is None else bisect_right(numbers, page.upto)
    return numbers[bisect_right(numbers, page.after) : end]
