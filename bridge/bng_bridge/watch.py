"""Looks every few seconds at what may last too long, and lets an alert begin and end with it.

Times are the loop's monotonic clock, but for the quiet periods, which are stored.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bng_bridge import intents
from bng_bridge.alerts import Alerts
from bng_bridge.config import Site
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence
from bng_bridge.throttle import Throttle
from bridge_common.clock import from_text, steady_now

LOOK_S = 5.0
PATIENCE_S = 60.0
OVERDUE = timedelta(minutes=10)
"""A write is looked up as soon as its quiet period is over: ten minutes later something is wrong with that."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds` for `patience_s` on end makes an alert."""

    key: str
    holds: bool
    subject: str
    hint: str
    patience_s: float = PATIENCE_S


class Watch:
    def __init__(
        self,
        alerts: Alerts,
        receiver: Receiver,
        bng: Throttle,
        sites: dict[str, Site],
        presence: dict[str, Presence],
        read: sqlite3.Connection,
    ) -> None:
        self._alerts = alerts
        self._receiver = receiver
        self._bng = bng
        self._sites = sites
        self._presence = presence
        self._read = read
        self._since_s: dict[str, float] = {}

    async def run(self) -> None:
        # From now on: what has not been seen yet at the start is not missing for long.
        while True:
            self.run_once(asyncio.get_running_loop().time(), steady_now())
            await asyncio.sleep(LOOK_S)

    def run_once(self, now_s: float, now: datetime) -> None:
        for condition in self._conditions(now_s, now):
            if not condition.holds:
                self._since_s.pop(condition.key, None)
                self._alerts.end(condition.key)
            elif now_s - self._since_s.setdefault(condition.key, now_s) >= condition.patience_s:
                self._alerts.begin(condition.key, condition.subject, hint=condition.hint)

    def _conditions(self, now_s: float, now: datetime) -> Iterator[Condition]:
        connected = self._receiver.connected
        yield Condition("bng-down", self._bng.is_down, f"BNG is down: {self._bng.breaker.reason}", "bridgectl status")
        yield Condition(
            "broker-lost",
            not connected,
            "no connection to the broker",
            "systemctl status mosquitto on the broker's host",
        )
        for name, site in self._sites.items():
            # Without the broker every agent is silent, and that is told already.
            away = connected and _is_away(self._presence[name], now_s, site.stale_after_s)
            hint = "systemctl status magento-agent on the shop's host"
            yield Condition(f"agent-away/{name}", away, f"nothing is heard of the agent of {name}", hint)
        overdue = [each for each in intents.all_open(self._read) if from_text(each.quiet_until) + OVERDUE < now]
        yield Condition(
            "intents-overdue", bool(overdue), f"{len(overdue)} writes have an unknown outcome for too long",
            "bridgectl queue --unknown", patience_s=0,
        )  # fmt: skip


def _is_away(presence: Presence, now_s: float, stale_after_s: float) -> bool:
    """Offline by its own word or its last will, or silent."""
    if presence.heartbeat.get("state") == "offline":
        return True
    return presence.seen_at_s is None or now_s - presence.seen_at_s > stale_after_s
