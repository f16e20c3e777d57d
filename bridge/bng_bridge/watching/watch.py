"""Looks every few seconds at what may last too long (conditions.py), and lets an alert begin and end with it."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime

from bng_bridge.alerting.alerts import Alerts
from bng_bridge.config import Site
from bng_bridge.pacing.throttle import Throttle
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence
from bng_bridge.store import Store
from bng_bridge.watching import conditions
from bng_bridge.watching.conditions import Condition
from bridge_common.clock import steady_now, utc_now
from bridge_common.log import log

LOOK_S = 5.0
LEDGER_LOOK_S = 1800.0
"""It reads days of records."""


class Watch:
    """`shops` are the throttles of the sites' REST APIs."""

    def __init__(
        self,
        alerts: Alerts,
        receiver: Receiver,
        bng: Throttle,
        shops: dict[str, Throttle],
        sites: dict[str, Site],
        presence: dict[str, Presence],
        store: Store,
    ) -> None:
        self._alerts = alerts
        self._receiver = receiver
        self._bng = bng
        self._shops = shops
        self._sites = sites
        self._presence = presence
        self._store = store
        self._since_s: dict[str, float] = {}
        self._ledger: list[Condition] = []

    async def run(self) -> None:
        # From now on: what has not been seen yet at the start is not missing for long.
        ledger_due_s = 0.0
        while True:
            now_s = asyncio.get_running_loop().time()
            if now_s >= ledger_due_s:
                await self.look_at_ledger(utc_now())
                ledger_due_s = now_s + LEDGER_LOOK_S
            self.run_once(now_s, steady_now())
            await asyncio.sleep(LOOK_S)

    async def look_at_ledger(self, now: datetime) -> None:
        """What it says holds until the next look. It only reads: a record that it cannot read stops nothing that flows."""
        try:
            self._ledger = await self._store.look(lambda db: conditions.of_ledger(db, self._sites, now))
        except (ValueError, LookupError, ArithmeticError) as error:
            log("bug", level=logging.ERROR, part="ledger", error=repr(error), exc_info=True)

    def run_once(self, now_s: float, now: datetime) -> None:
        for condition in self._conditions(now_s, now):
            if not condition.holds:
                self._since_s.pop(condition.key, None)
                self._alerts.end(condition.key)
            elif now_s - self._since_s.setdefault(condition.key, now_s) >= condition.patience_s:
                self._alerts.begin(condition.key, condition.subject, hint=condition.hint)

    def _conditions(self, now_s: float, now: datetime) -> Iterator[Condition]:
        connected = self._receiver.connected
        yield conditions.of_bng(self._bng)
        yield conditions.of_broker(connected=connected)
        for name, site in self._sites.items():
            presence, shop = self._presence[name], self._shops[name]
            yield from conditions.of_site(name, site, presence, shop, now_s, connected=connected)
        yield conditions.of_intents(self._store.read, now)
        yield conditions.of_disk(self._store.path.parent, self._store.refusal, now_s)
        yield from self._ledger
