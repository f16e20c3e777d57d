"""Once a day BNG's stock is compared with a shop's, and what nothing explains is written again.

A comparison only reads, and stores hints for what it found: broken off at any point, the next one finds the same. When the
last one ended is in the store, so a bridge that is started often compares no more often for it.
"""

import asyncio
import logging
import sqlite3
from datetime import timedelta
from functools import partial

from bng_bridge import bindings, inbox
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bng.unreadable import reading
from bng_bridge.flows.context import Context
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.stock_check import report as reports
from bng_bridge.stock_check.comparison import Comparison, Item
from bng_bridge.stock_check.report import Report
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log
from bridge_common.waiting import wait_at_most

SOON_S = 300.0
"""Until the first comparison after a start, and after one that failed."""


class StockCheck:
    """Of one site. `run` compares every interval; `ask` begins a comparison now. `report` is this or the last one."""

    def __init__(self, context: Context, site: str, store: Store, worker: Worker, alerts: Alerts) -> None:
        self.site = site
        self.report = Report(site, 0)
        self._context = context
        self._store = store
        self._worker = worker
        self._alerts = alerts
        self._section = context.sites[site].stock_check
        self._asked = asyncio.Event()
        self._repairs = self._section.repairs

    async def run(self) -> None:
        """For ever."""
        while True:
            if self._section.interval_s and self._context.sites[self.site].sources:
                await wait_at_most(self._asked, self._wait_s())
            else:
                await self._asked.wait()
            self._asked.clear()
            repairs, self._repairs = self._repairs, self._section.repairs
            await self.run_once(repairs=repairs)

    def ask(self, *, repairs: bool | None = None) -> int:
        """The number that the next comparison to begin will have. `repairs` None: as the configuration says."""
        self._repairs = self._section.repairs if repairs is None else repairs
        self._asked.set()
        return self.report.number + 1

    async def run_once(self, *, repairs: bool) -> Report:
        """One comparison. What keeps it from its end is in `error`: BNG or the shop are away, or an operator paused one."""
        self.report = report = Report(self.site, self.report.number + 1, began_at=to_text(utc_now()))
        comparison = Comparison(self._context, self.site, report)
        try:
            with reading("stock, or an order or shipment that belongs to it,"):
                await self._compare(comparison, repairs=repairs)
        except BridgeError as error:
            report.error = error.sentence()
            log("stock_check_failed", level=logging.WARNING, site=self.site, error=report.error)
        report.ended_at = to_text(utc_now())
        if not report.error:
            await self._store.write(lambda db: reports.keep(db, report))
            self._tell(report)
        return report

    async def _compare(self, comparison: Comparison, *, repairs: bool) -> None:
        suspects = await comparison.first_look()
        if suspects:
            await asyncio.sleep(self._section.grace_s)
        unexplained = await comparison.second_look(suspects)
        if repairs and unexplained:
            await self._repair(comparison, unexplained)

    def _wait_s(self) -> float:
        """After a failure, and for a first time, soon; else an interval after the last one."""
        last = reports.last(self._context.read, self.site)
        if self.report.error or last is None:
            return min(self._section.interval_s, SOON_S)
        due_at = from_text(last["began_at"]) + timedelta(seconds=self._section.interval_s)
        return max((due_at - utc_now()).total_seconds(), min(self._section.interval_s, SOON_S))

    async def _repair(self, comparison: Comparison, unexplained: list[Item]) -> None:
        """Through the normal path. The shop's value is not what was written, so what was written counts for nothing."""
        report, cause = comparison.report, f"stock-check/{comparison.report.began_at}"

        def commit(items: list[Item], db: sqlite3.Connection) -> None:
            for item in items:
                for key in comparison.key_of(item):
                    bindings.forget_digest(db, key)
                inbox.put_hint(db, stock_hint(item["SKU"], item["Warehouse"], cause), to_text(utc_now()))

        for start in range(0, len(unexplained), 100):
            await self._store.write(partial(commit, unexplained[start : start + 100]))
            self._worker.wake()
        report.repaired = len(unexplained)

    def _tell(self, report: Report) -> None:
        """The alert lasts until a comparison finds nothing of the kind."""
        log("stock_checked", site=self.site, compared=report.compared, differences=len(report.differences),
            unexplained=report.unexplained, repaired=report.repaired)  # fmt: skip
        key = f"stock-differs/{self.site}"
        if not report.unexplained:
            self._alerts.end(key)
            return
        first = next(each for each in report.differences if each.why == reports.UNEXPLAINED)
        done = "They are written again." if report.repaired else "They were left as they are."
        self._alerts.begin(
            key,
            f"{report.unexplained} quantities of {self.site} are not what BNG's stock makes them, such as {first.sku}: "
            f"{first.shop or 'nothing'} in place of {first.expected or 'nothing'}. {done}",
            site=self.site, hint=f"bridgectl stock --site {self.site} lists them.",
        )  # fmt: skip
