"""What may last and is then an alert: each function says what holds now, watch.py for how long it has to.

Times are the loop's monotonic clock, but for quiet periods and days, which are stored.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bng_bridge import intents, ledger
from bng_bridge.config import Site
from bng_bridge.health import OUTBOX_OLD_S
from bng_bridge.ledger import VERDICTS, Line
from bng_bridge.pacing.breaker import LONGEST_PAUSE_S
from bng_bridge.pacing.throttle import Throttle
from bng_bridge.sites import Presence
from bridge_common import disk
from bridge_common.clock import from_text

PATIENCE_S = 60.0
SHOP_PATIENCE_S = 300.0
"""A restart of a shop's PHP, or a short maintenance, is nobody's business."""
TRIGGERS_PATIENCE_S = 90.0
"""The agent looks every minute: while somebody changes tables one look may be mistaken."""
OVERDUE = timedelta(minutes=10)
"""A write is looked up as soon as its quiet period is over: ten minutes later something is wrong with that."""
REFUSED_S = 60.0
"""For so long after the last write that the disk refused."""
LEDGER_PATIENCE_S = 3600.0
"""After a start the shop is listed anew before its ledger says anything."""
LEDGER_AFTER = timedelta(hours=3)
LEDGER_DAYS = 3
"""So many days that are over since then: on Monday still Friday."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds` for `patience_s` on end makes an alert."""

    key: str
    holds: bool
    subject: str
    hint: str
    patience_s: float = PATIENCE_S


def of_bng(bng: Throttle) -> Condition:
    return Condition("bng-down", bng.is_down, f"BNG is down: {bng.breaker.reason}", "bridgectl status")


def of_broker(*, connected: bool) -> Condition:
    hint = "systemctl status mosquitto on the broker's host"
    return Condition("broker-lost", not connected, "no connection to the broker", hint)


def of_site(
    name: str, site: Site, presence: Presence, shop: Throttle, now_s: float, *, connected: bool
) -> Iterator[Condition]:
    is_away = _is_away(presence, now_s, site.stale_after_s)
    # Without the broker every agent is silent, and that is told already; so is what an agent said before it went.
    yield Condition(
        f"agent-away/{name}", connected and is_away, f"nothing is heard of the agent of {name}",
        "systemctl status magento-agent on the shop's host",
    )  # fmt: skip
    said: dict[str, Any] = presence.heartbeat if connected and not is_away else {"state": "offline"}
    why_down = _why_shop_down(shop, said, is_direct=site.rest is not None)
    yield Condition(
        f"shop-down/{name}", bool(why_down), f"the REST API of {name} does not answer: {why_down}",
        "Look at the shop's web server, PHP and var/log/exception.log; bridgectl status shows when it answers again.",
        SHOP_PATIENCE_S,
    )  # fmt: skip
    oldest = said.get("outbox_oldest_s")
    oldest_s = float(oldest) if isinstance(oldest, int | float | Decimal) else 0.0
    # Without the shop nothing can be read for them.
    yield Condition(
        f"outbox-long/{name}", oldest_s > OUTBOX_OLD_S and not why_down,
        f"{said.get('outbox_rows')} rows wait at the agent of {name}, the oldest for {oldest_s:.0f} s",
        "journalctl -u magento-agent on the shop's host says what holds them up; without a receipt of the bridge it is the "
        f"broker's ACL, which must let {name} read its down/#.",
    )  # fmt: skip
    triggers = said.get("triggers") or "ok"
    yield Condition(
        f"triggers-missing/{name}", triggers != "ok", f"changes in {name} are not captured: {triggers}",
        "magento-agent outbox install on the shop's host puts them back, magento-agent outbox check says how they stand; "
        "what was missed meanwhile the manifest asks for.", TRIGGERS_PATIENCE_S,
    )  # fmt: skip


def of_intents(read: sqlite3.Connection, now: datetime) -> Condition:
    overdue = [each for each in intents.all_open(read) if from_text(each.quiet_until) + OVERDUE < now]
    subject = f"{len(overdue)} writes have an unknown outcome for too long"
    return Condition("intents-overdue", bool(overdue), subject, "bridgectl queue --unknown", patience_s=0)


def of_disk(folder: Path, refusal: tuple[float, str] | None, now_s: float) -> Condition:
    """`refusal`: when a write to the store was refused last, and why."""
    why = disk.why_nearly_full(folder)
    if refusal is not None and now_s - refusal[0] < REFUSED_S:
        why = f"a write was refused: {refusal[1]}"
    return Condition("disk-full", bool(why), f"{folder}: {why}", f"df -h {folder}", patience_s=0)


def of_ledger(db: sqlite3.Connection, sites: dict[str, Site], now: datetime) -> list[Condition]:
    """Reads whole days: not for the event loop."""
    found = []
    for name, site in sites.items():
        first, last = _days_over(now, site.time_zone)
        found.append(_of_lines(name, site, ledger.from_magento(db, name, site, first, last, now)))
    return [*found, _of_lines("bng", None, ledger.from_bng(db, list(sites), *_days_over(now, "UTC")))]


def _is_away(presence: Presence, now_s: float, stale_after_s: float) -> bool:
    """Offline by its own word or its last will, or silent."""
    if presence.heartbeat.get("state") == "offline":
        return True
    return presence.seen_at_s is None or now_s - presence.seen_at_s > stale_after_s


def _why_shop_down(shop: Throttle, said: dict[str, Any], *, is_direct: bool) -> str:
    """By the bridge's own calls, which need the agent unless they go directly, or by the agent's."""
    if said.get("state") == "offline" and not is_direct:
        return ""
    # Shorter than the patience: what failed because the agent was away is no news of the shop once it is back.
    if shop.breaker.failed_within(SHOP_PATIENCE_S - 2 * LONGEST_PAUSE_S):
        return shop.breaker.reason
    rest = str(said.get("rest", "ok"))
    return "" if rest == "ok" else rest


def _days_over(now: datetime, time_zone: str) -> tuple[date, date]:
    """The first and the last of them."""
    last = (now - LEDGER_AFTER).astimezone(ZoneInfo(time_zone)).date() - timedelta(days=1)
    return last - timedelta(days=LEDGER_DAYS - 1), last


def _of_lines(name: str, site: Site | None, lines: list[Line]) -> Condition:
    bad = [line for line in lines if _is_bad(line, site)]
    worst = max(bad, key=lambda line: (VERDICTS.index(line.verdict), line.day), default=None)
    subject = hint = ""
    if worst is not None:
        counted = ", ".join(
            f"{count} {what}" for what, count in (*sorted(worst.places.items()), ("differ", worst.differ))
            if count and what in ("dead", "missing", "differ")
        )  # fmt: skip
        subject = f"the ledger of {worst.day} is {worst.verdict}: {name}, {worst.entity}: {counted or worst.unlisted}"
        hint = f"bridgectl ledger --day {worst.day}"
    return Condition(f"ledger-incomplete/{name}", bool(bad), subject, hint, LEDGER_PATIENCE_S)


def _is_bad(line: Line, site: Site | None) -> bool:
    """Unlisted only of orders, where the manifest is on: the customers of a large shop are listed in turn, over days."""
    is_listed = site is not None and site.manifest.interval_s > 0 and line.entity == "order"
    return line.verdict == "incomplete" or (line.verdict == "unlisted" and is_listed)
