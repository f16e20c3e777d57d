"""Anti-entropy for one shop: what it has is compared with what came, again and again; what was missed is asked for.

The bridge reads the shop's lists by the site's own transport, so one pacer accounts for all its calls. A pass only reads
and asks: broken off at any point, it is repeated, and finds the same. See docs/adr/0010-the-bridge-reads-the-manifest.md.
"""

import asyncio
import logging

from bng_bridge.alerting.alerts import Alerts
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest import mark
from bng_bridge.manifest.inquiry import inquire
from bng_bridge.manifest.report import Report
from bng_bridge.manifest.survey import Survey, Suspect
from bng_bridge.store import Store
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log
from bridge_common.waiting import wait_at_most

SOON_S = 60.0
"""Until the first pass, and after one that failed: the shop or its agent may just be starting."""
FAILURES_TO_TELL = 5
HINT = "On the agent's host: magento-agent outbox check. Of a polled shop: check its webhooks and the lists under [polling]."


class Manifest:
    """`run` passes every interval; `ask` begins a pass now. `report` is of the pass that runs, or ran last."""

    def __init__(self, client: MagentoClient, gateway: GatewayTransport, store: Store, alerts: Alerts) -> None:
        self.site = client.site
        self.report = Report(self.site, 0)
        self._client = client
        self._gateway = gateway
        self._store = store
        self._alerts = alerts
        self._section = client.config.manifest
        self._asked = asyncio.Event()
        self._newest_order = self._failures = 0

    async def run(self) -> None:
        """For ever."""
        wait_s = min(self._section.interval_s, SOON_S)
        while True:
            if not self._section.interval_s:
                await self._asked.wait()
            else:
                await wait_at_most(self._asked, wait_s)
            self._asked.clear()
            report = await self.run_once()
            wait_s = min(self._section.interval_s, SOON_S) if report.error else self._section.interval_s

    def ask(self) -> int:
        """The number that the next pass to begin will have."""
        self._asked.set()
        return self.report.number + 1

    async def run_once(self) -> Report:
        """One pass. What keeps it from its end is in `error`: shop or agent are away, or an operator has paused it."""
        self.report = report = Report(self.site, self.report.number + 1, began_at=to_text(utc_now()))
        survey = Survey(self._client, self._store, report)
        try:
            await survey.orders()
            await survey.customers()
            missing = await self._inquire(survey.suspects)
            self._judge_silence(missing, survey.newest_order)
            await self._store.write(lambda db: mark.move(db, self.site, survey.ended, report.began_at))
        except BridgeError as error:
            report.error = error.sentence()
            self._note_failure(report.error)
        else:
            self._failures = 0
            self._alerts.end(f"manifest-failing/{self.site}")
            log("manifest", site=self.site, listed=report.listed, covered=report.covered, on_the_way=report.on_the_way,
                asked=report.asked, missing=len(report.missing))  # fmt: skip
        finally:
            report.ended_at = to_text(utc_now())
        return report

    def _note_failure(self, error: str) -> None:
        log("manifest_failed", level=logging.WARNING, site=self.site, error=error)
        self._failures += 1
        if self._failures >= FAILURES_TO_TELL:
            subject = f"What {self.site} has cannot be compared with what came: {error}"
            self._alerts.begin(
                f"manifest-failing/{self.site}", subject, site=self.site, hint="bridgectl manifest tries again."
            )

    async def _inquire(self, suspects: list[Suspect]) -> list[Suspect]:
        """After a grace: most suspects are just on their way. What was found is told also when the rest has to wait."""
        missing: list[Suspect] = []
        if suspects:
            await asyncio.sleep(self._section.grace_s)
        try:
            async for found in inquire(suspects, self._gateway, self._store, self.report):
                missing += found
        finally:
            if missing:
                subject = f"{len(missing)} changes of {self.site} were missed by its capture: re-emitted"
                self._alerts.tell(subject, site=self.site, hint=HINT)
        return missing

    def _judge_silence(self, missing: list[Suspect], newest_order: int) -> None:
        """By the newest order: an older one may be missed while others come."""
        if newest_order <= self._newest_order:
            return
        self._newest_order = newest_order
        key = f"outbox-silent/{self.site}"
        if any(each.is_unheard and (each.entity, each.entity_id) == ("order", str(newest_order)) for each in missing):
            subject = f"{self.site}: the shop takes orders and its outbox is silent"
            self._alerts.begin(key, subject, site=self.site, hint=HINT)
        elif not any(each.entity == "order" for each in missing):
            self._alerts.end(key)
