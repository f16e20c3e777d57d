"""Which conditions make an alert, after how long, and what ends it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.component.test_admin import Bridge, operated
from tests.component.test_full_disk import full_disk
from tests.support.bridge import until
from tests.support.ledger import LATER, Book

from bng_bridge import intents, life
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.config import Manifest
from bng_bridge.health import OUTBOX_OLD_S
from bng_bridge.intents import Intent
from bng_bridge.pacing.throttle import Throttle
from bng_bridge.watching.conditions import (
    LEDGER_PATIENCE_S,
    PATIENCE_S,
    REFUSED_S,
    SHOP_PATIENCE_S,
    TRIGGERS_PATIENCE_S,
)
from bng_bridge.watching.watch import Watch
from bridge_common import disk
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import RateLimited, TargetPaused, TargetUnavailable


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        yield made


def watching(bridge: Bridge) -> tuple[Watch, Alerts]:
    running, alerts = bridge.running, Alerts()
    shops = {name: client.throttle for name, client in running.context.magento.items()}
    bng, sites = running.context.bng.throttle, running.config.sites
    return Watch(alerts, running.receiver, bng, shops, sites, running.presence, bridge.store), alerts


def active(alerts: Alerts) -> dict[str, str]:
    return {alert.key: alert.hint for alert in alerts.active()}


async def test_all_is_well_and_nothing_is_told(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    looking.run_once(asyncio.get_running_loop().time(), utc_now())
    assert active(alerts) == {}


async def test_a_broker_that_is_lost_for_a_minute_is_told_once_and_not_as_silent_agents(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    now_s = asyncio.get_running_loop().time()
    bridge.receiver.connected, bridge.presence.seen_at_s = False, None
    looking.run_once(now_s, utc_now())
    looking.run_once(now_s + 59, utc_now())
    assert active(alerts) == {}
    looking.run_once(now_s + 60, utc_now())
    assert list(active(alerts)) == ["broker-lost"]
    bridge.receiver.connected, bridge.presence.seen_at_s = True, now_s + 61
    looking.run_once(now_s + 62, utc_now())
    assert active(alerts) == {}


@pytest.mark.parametrize("heartbeat", [{"state": "online"}, {"state": "offline"}])
async def test_an_agent_that_is_away_is_told_after_a_minute(bridge: Bridge, heartbeat: dict[str, Any]) -> None:
    looking, alerts = watching(bridge)
    now_s = asyncio.get_running_loop().time()
    bridge.presence.heartbeat = heartbeat
    bridge.presence.seen_at_s = now_s - 31 if heartbeat["state"] == "online" else now_s
    looking.run_once(now_s, utc_now())
    looking.run_once(now_s + PATIENCE_S, utc_now())
    assert active(alerts) == {"agent-away/shop1": "systemctl status magento-agent on the shop's host"}
    bridge.presence.heartbeat, bridge.presence.seen_at_s = {"state": "online"}, now_s + 70
    looking.run_once(now_s + 71, utc_now())
    assert active(alerts) == {}


async def fail(throttle: Throttle, error: Exception, times: int) -> None:
    for _ in range(times):
        with pytest.raises((TargetUnavailable, TargetPaused, RateLimited)):
            async with throttle.slot():
                raise error


async def test_a_bng_that_does_not_answer_for_a_minute_is_told(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    now_s = bridge.presence.seen_at_s = asyncio.get_running_loop().time()
    await fail(bridge.running.context.bng.throttle, TargetUnavailable("no answer"), 5)
    looking.run_once(now_s, utc_now())
    bridge.presence.seen_at_s = now_s + 60
    looking.run_once(now_s + 60, utc_now())
    assert active(alerts) == {"bng-down": "bridgectl status"}
    assert "no answer" in alerts.active()[0].subject


async def test_a_bng_that_asks_for_fewer_requests_pages_nobody(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    now_s = asyncio.get_running_loop().time()
    await fail(bridge.running.context.bng.throttle, RateLimited("429", retry_after_s=3600), 1)
    for later_s in (0, 60, 600):
        bridge.presence.seen_at_s = now_s + later_s
        looking.run_once(now_s + later_s, utc_now())
    assert active(alerts) == {}


async def test_a_write_that_is_unknown_far_beyond_its_quiet_period_is_told(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    now_s, now = asyncio.get_running_loop().time(), utc_now()
    intent = Intent("shop1/order/74/sales_order", 1, "bng", "sales_order", {}, "", "r", to_text(now))
    await bridge.store.write(lambda db: intents.open_intent(db, intent, to_text(now)))
    looking.run_once(now_s, now + timedelta(minutes=9))
    assert active(alerts) == {}
    looking.run_once(now_s, now + timedelta(minutes=11))
    assert active(alerts) == {"intents-overdue": "bridgectl queue --unknown"}
    await bridge.store.write(lambda db: intents.close(db, intent.target_key))
    looking.run_once(now_s, now + timedelta(minutes=12))
    assert active(alerts) == {}


def hear(bridge: Bridge, now_s: float, **said: Any) -> None:
    """A heartbeat of the agent."""
    bridge.presence.seen_at_s = now_s
    bridge.presence.heartbeat = {"state": "online", "rest": "ok", "outbox_rows": 0, "outbox_oldest_s": 0, **said}


async def look(looking: Watch, bridge: Bridge, seconds: float, **said: Any) -> float:
    """Twice, so many seconds apart; the agent says the same both times. The moment of the second look."""
    now_s = asyncio.get_running_loop().time()
    for later_s in (0, seconds):
        hear(bridge, now_s + later_s, **said)
        looking.run_once(now_s + later_s, utc_now())
    return now_s + seconds


async def test_a_shop_that_does_not_answer_its_agent_for_minutes_is_told(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    await look(looking, bridge, SHOP_PATIENCE_S - 1, rest="503 from the shop")
    assert active(alerts) == {}
    later_s = await look(looking, bridge, SHOP_PATIENCE_S, rest="503 from the shop")
    assert list(active(alerts)) == ["shop-down/shop1"]
    assert "503 from the shop" in alerts.active()[0].subject
    hear(bridge, later_s)
    looking.run_once(later_s, utc_now())
    assert active(alerts) == {}


async def test_a_shop_that_does_not_answer_the_bridge_is_told_though_its_agent_says_nothing_of_it(
    bridge: Bridge,
) -> None:
    looking, alerts = watching(bridge)
    throttle = bridge.running.context.magento["shop1"].throttle
    await fail(throttle, TargetUnavailable("no answer from PHP"), 5)
    await look(looking, bridge, SHOP_PATIENCE_S)
    assert list(active(alerts)) == ["shop-down/shop1"]
    assert "no answer from PHP" in alerts.active()[0].subject
    throttle.breaker.answered()
    await look(looking, bridge, 0)
    assert active(alerts) == {}


async def test_a_shop_that_nobody_has_asked_since_its_agent_was_away_is_not_told_as_down(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, alerts = watching(bridge)
    throttle = bridge.running.context.magento["shop1"].throttle
    await fail(throttle, TargetUnavailable("the agent of shop1 is offline"), 5)
    loop, begun_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    for later_s in range(0, 1200, 10):
        monkeypatch.setattr(loop, "time", lambda later_s=later_s: begun_s + later_s)
        hear(bridge, begun_s + later_s)
        looking.run_once(begun_s + later_s, utc_now())
        assert active(alerts) == {}


async def test_a_shop_whose_agent_is_away_is_told_as_that_and_nothing_more(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    await fail(bridge.running.context.magento["shop1"].throttle, TargetUnavailable("offline"), 5)
    await look(looking, bridge, 2 * SHOP_PATIENCE_S, state="offline", rest="503", outbox_oldest_s=999)
    assert list(active(alerts)) == ["agent-away/shop1"]


async def test_rows_that_wait_at_the_agent_for_long_are_told_until_they_are_gone(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    await look(looking, bridge, PATIENCE_S, outbox_rows=7, outbox_oldest_s=OUTBOX_OLD_S)
    assert active(alerts) == {}
    await look(looking, bridge, PATIENCE_S, outbox_rows=7, outbox_oldest_s=OUTBOX_OLD_S + 1)
    assert list(active(alerts)) == ["outbox-long/shop1"]
    assert "7 rows wait" in alerts.active()[0].subject
    assert "journalctl -u magento-agent" in alerts.active()[0].hint
    await look(looking, bridge, 0)
    assert active(alerts) == {}


async def test_rows_that_wait_for_a_shop_that_is_down_are_no_alert_of_their_own(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    await look(looking, bridge, SHOP_PATIENCE_S, rest="503", outbox_rows=7, outbox_oldest_s=999)
    assert list(active(alerts)) == ["shop-down/shop1"]


async def test_a_disk_with_little_room_is_told_before_it_is_full(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, alerts = watching(bridge)
    folder = bridge.store.path.parent
    for low_bytes, keys in ((1 << 60, ["disk-full"]), (0, [])):
        monkeypatch.setattr(disk, "LOW_BYTES", low_bytes)
        monkeypatch.setattr(disk, "LOW_SHARE", 2.0)
        await look(looking, bridge, 0)
        assert list(active(alerts)) == keys
    monkeypatch.setattr(disk, "LOW_BYTES", 1 << 60)
    await look(looking, bridge, 0)
    assert active(alerts) == {"disk-full": f"df -h {folder}"}
    monkeypatch.setattr(disk, "LOW_SHARE", 0.0)
    await look(looking, bridge, 0)
    assert active(alerts) == {}


async def test_a_write_that_the_disk_refuses_is_told_until_none_is_refused_for_a_minute(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    with full_disk(), pytest.raises(sqlite3.Error):
        await bridge.put(1)
    now_s = await look(looking, bridge, 0)
    assert list(active(alerts)) == ["disk-full"]
    assert "a write was refused" in alerts.active()[0].subject
    hear(bridge, now_s + REFUSED_S + 1)
    looking.run_once(now_s + REFUSED_S + 1, utc_now())
    assert active(alerts) == {}


async def test_a_bridge_that_has_nothing_to_store_notices_a_full_disk(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "INTERVAL_S", 0.01)
    naming = asyncio.create_task(life.run(bridge.store))
    with full_disk():
        await until("a write was refused", lambda: bridge.store.refusal)
    naming.cancel()


async def test_an_error_that_is_not_the_disk_s_is_no_full_disk(bridge: Bridge) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await bridge.store.write(lambda db: db.execute("SELECT * FROM nothing"))
    assert bridge.store.refusal is None


AT_FOUR = LATER.replace(day=3, month=3, hour=4)
"""Of the night after the day of the ledger's tests."""


async def ledger_told(bridge: Bridge, now: datetime = AT_FOUR) -> dict[str, tuple[str, str]]:
    """The alerts after an hour in which the ledger says the same: subject and hint."""
    looking, alerts = watching(bridge)
    await looking.look_at_ledger(now)
    await look(looking, bridge, LEDGER_PATIENCE_S - 1)
    assert active(alerts) == {}
    await look(looking, bridge, LEDGER_PATIENCE_S)
    return {alert.key: (alert.subject, alert.hint) for alert in alerts.active()}


async def write_book(bridge: Bridge, change: Callable[[Book], Any], *, listed_at: datetime = AT_FOUR) -> None:
    def write(db: sqlite3.Connection) -> None:
        book = Book(db)
        book.shop_listed(listed_at)
        change(book)

    await bridge.store.write(write)


async def test_a_day_that_is_incomplete_hours_after_its_end_is_told_with_the_command_that_lists_it(
    bridge: Bridge,
) -> None:
    await write_book(bridge, lambda book: book.listed())
    assert await ledger_told(bridge, LATER.replace(day=3, month=3, hour=2)) == {}
    assert await ledger_told(bridge) == {
        "ledger-incomplete/shop1": (
            "the ledger of 2026-03-02 is incomplete: shop1, order: 1 missing",
            "bridgectl ledger --day 2026-03-02",
        )
    }


async def test_a_day_that_is_complete_or_waits_is_not_told_nor_is_one_of_long_ago(bridge: Bridge) -> None:
    await write_book(bridge, lambda book: book.arrived("pending"))
    assert await ledger_told(bridge) == {}
    await write_book(bridge, lambda book: book.listed("75"), listed_at=AT_FOUR + timedelta(days=4))
    assert list(await ledger_told(bridge, AT_FOUR + timedelta(days=2))) == ["ledger-incomplete/shop1"]
    assert await ledger_told(bridge, AT_FOUR + timedelta(days=3)) == {}


async def test_what_is_missing_of_bng_s_own_day_is_told(bridge: Bridge) -> None:
    await write_book(bridge, lambda book: book.listed("SH-1", source="bng", entity="shipment"))
    assert list(await ledger_told(bridge)) == ["ledger-incomplete/bng"]


async def test_a_day_of_which_nobody_has_listed_the_orders_is_told_where_the_manifest_is_on(bridge: Bridge) -> None:
    await write_book(bridge, lambda _: None, listed_at=AT_FOUR - timedelta(hours=5))
    assert bridge.running.config.sites["shop1"].manifest.interval_s == 0
    assert await ledger_told(bridge) == {}
    site = bridge.running.config.sites["shop1"]
    bridge.running.config.sites["shop1"] = site.model_copy(update={"manifest": Manifest()})
    ((key, (subject, _)),) = (await ledger_told(bridge)).items()
    assert (key, "unlisted" in subject) == ("ledger-incomplete/shop1", True)


async def test_the_ledger_s_alert_ends_when_the_day_is_mended(bridge: Bridge) -> None:
    def settle(book: Book) -> None:
        book.arrived("done")
        book.bound()

    looking, alerts = watching(bridge)
    await write_book(bridge, lambda book: book.listed())
    await looking.look_at_ledger(AT_FOUR)
    await look(looking, bridge, LEDGER_PATIENCE_S)
    assert list(active(alerts)) == ["ledger-incomplete/shop1"]
    await write_book(bridge, settle)
    await looking.look_at_ledger(AT_FOUR)
    await look(looking, bridge, 0)
    assert active(alerts) == {}


async def test_missing_triggers_are_told_with_the_command_that_installs_them_until_they_stand(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    await look(looking, bridge, TRIGGERS_PATIENCE_S - 1, triggers="triggers on sales_order_grid: missing: x")
    assert active(alerts) == {}
    await look(looking, bridge, TRIGGERS_PATIENCE_S, triggers="triggers on sales_order_grid: missing: x")
    assert list(active(alerts)) == ["triggers-missing/shop1"]
    assert "sales_order_grid: missing: x" in alerts.active()[0].subject
    assert "magento-agent outbox install" in alerts.active()[0].hint
    await look(looking, bridge, 0, triggers="ok")
    assert active(alerts) == {}


async def test_an_agent_that_cannot_see_its_triggers_and_one_that_is_older_are_no_alert(bridge: Bridge) -> None:
    looking, alerts = watching(bridge)
    await look(looking, bridge, 2 * TRIGGERS_PATIENCE_S, triggers=None)
    await look(looking, bridge, 2 * TRIGGERS_PATIENCE_S)
    assert active(alerts) == {}
