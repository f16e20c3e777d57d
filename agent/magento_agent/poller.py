"""Capture for a shop whose database is out of reach: its lists are read again and again, each on its own watermark.

`updated_at >= watermark - overlap`. Times have a granularity of a second and are set before the commit, so the overlap
must be longer than the longest transaction. No `updated_at` is complete: a partial shipment does not move its order's, so
shipments, invoices and credit memos are lists of their own and stand for their order.

The watermark is the shop's own time, moves after the last page only, and never beyond what was surely listed: what changes
while a long pass is under way, and what claims to come from the future, does not move it.
"""

import asyncio
from datetime import timedelta

from bridge_common.clock import utc_now
from bridge_common.errors import BridgeError, RejectedByTarget, TargetUnavailable, TransientError
from bridge_common.log import log
from bridge_common.magento_rest import BadAnswer, MagentoRest
from bridge_common.magento_time import from_magento, to_magento
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling
from magento_agent.health import Health
from magento_agent.listing import LISTINGS, Lists, Page

LONGEST_ASKED_S = 300.0
"""A Retry-After beyond this is not believed."""
BEGINNING = "1970-01-01 00:00:00"


class Poller:
    def __init__(self, section: Polling, rest: MagentoRest, capture: CaptureFile, health: Health) -> None:
        self._section = section
        self._lists = Lists(rest, section.page_size)
        self._capture = capture
        self._health = health
        self._asked_s = 0.0

    async def run(self) -> None:
        """For ever. A list that cannot be read is read at the next turn; its watermark stays."""
        while True:
            await self.run_once()
            await asyncio.sleep(max(self._section.interval_s, self._asked_s))

    async def run_once(self) -> int:
        """How many changes were taken, over all lists."""
        taken, self._asked_s = 0, 0.0
        for name in self._section.lists:
            try:
                taken += await self.poll(name)
            except BridgeError as error:
                self._note_failure(name, error)
            else:
                self._health.list_works(name)
        return taken

    async def poll(self, name: str) -> int:
        """One pass over one list. Raises what reading raises; what was taken before stays taken."""
        watermark = self._capture.watermark(name)
        if watermark is not None:
            return await self._pass(name, watermark, _earlier(watermark, self._section.overlap_s))
        if self._section.since is not None:
            since = to_magento(self._section.since)
            return await self._pass(name, since, since)
        await self._begin(name)
        return 0

    async def _begin(self, name: str) -> None:
        """The first pass ever: what is there now is known, and changes from now on are taken."""
        newest = await self._newest(name, otherwise=to_magento(utc_now()))
        async for page in self._lists.pages(LISTINGS[name], _earlier(newest, self._section.overlap_s)):
            self._capture.know(name, page.entries)
        self._capture.move_watermark(name, newest, forget_before=BEGINNING)
        log("polled", listing=name, changes=0, watermark=newest)

    async def _pass(self, name: str, watermark: str, since: str) -> int:
        taken, bound = 0, ""
        orphans: list[int] = []
        async for page in self._lists.pages(LISTINGS[name], since):
            taken += self._capture.take(name, [entry for entry in page.entries if entry.entity_id])
            orphans += [entry.id for entry in page.entries if not entry.entity_id]
            bound = bound or await self._bound(name, page)
            watermark = max([watermark, *_times(page, bound)])
        self._capture.move_watermark(name, watermark, forget_before=_earlier(watermark, self._section.overlap_s))
        if taken:
            log("polled", listing=name, changes=taken, watermark=watermark)
        if orphans:
            raise TargetUnavailable(f"the shop cannot show {orphans}, so it is not known which orders they belong to")
        return taken

    async def _bound(self, name: str, first: Page) -> str:
        """How far the watermark may move in this pass.

        Asked after the first page: what lies in it and changes from now on is newer than this, and so listed next time.
        """
        now = to_magento(utc_now())
        if first.is_last:
            return now
        return await self._newest(name, otherwise=max([BEGINNING, *_times(first, now)]))

    async def _newest(self, name: str, *, otherwise: str) -> str:
        """`otherwise` where the newest entry cannot be shown."""
        try:
            return await self._lists.newest(LISTINGS[name], to_magento(utc_now())) or BEGINNING
        except (RejectedByTarget, BadAnswer):
            return otherwise

    def _note_failure(self, name: str, error: BridgeError) -> None:
        self._health.list_failed(name, error)
        if isinstance(error, TransientError):
            self._asked_s = max(self._asked_s, min(error.retry_after_s or 0.0, LONGEST_ASKED_S))


def _times(page: Page, not_after: str) -> list[str]:
    return [entry.updated_at for entry in page.entries if entry.updated_at <= not_after]


def _earlier(moment: str, seconds: float) -> str:
    return to_magento(from_magento(moment) - timedelta(seconds=seconds))
