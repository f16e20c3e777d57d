"""`bridgectl backfill` against the daemon's socket: begun, looked at, paused, taken up again, tried before."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.component.test_admin import Bridge, operated
from tests.support.orders import order

from bng_bridge import windows
from bng_bridge.backfill.carrier import Carrier
from bng_bridge.windows import HandOver
from bridge_common import decimal_json
from bridge_common.clock import to_text, utc_now

DAYS = ("--from", "2025-03-01", "--to", "2025-03-31")
KEYS = {
    "id", "site", "entity", "from", "to", "state", "total", "handed", "settled", "done", "skipped", "dead", "sums",
    "rate_per_s", "eta_s", "trouble", "began_at", "began_by", "ended_at", "seconds",
}  # fmt: skip


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """Nobody carries: the carrier is there and does not run."""
    async with operated(tmp_path) as made:
        client = made.running.context.magento["shop1"]
        made.running.carriers["shop1"] = Carrier(client, made.gateway, made.store)
        yield made


async def begun(bridge: Bridge, *arguments: str, entity: str = "orders") -> dict[str, Any]:
    ended = await bridge.ctl("backfill", entity, *(arguments or DAYS), "--detach", "--json")
    assert ended.code == 0, ended.err
    return dict(ended.json())


async def end(bridge: Bridge, number: int, **counts: int) -> None:
    def commit(db: Any) -> None:
        window = windows.get(db, number)
        assert window is not None
        ended = [f"{state} {each}" for state, count in counts.items() for each in range(count)]
        windows.hand_over(db, window, HandOver(9, ended), 0)
        windows.settle(db, window, {each: each.split()[0] for each in ended})
        windows.set_state(db, number, "done", to_text(utc_now()))

    await bridge.store.write(commit)


async def test_a_backfill_is_begun_with_every_key_and_by_whom(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ida")
    made = await begun(bridge)
    assert made.keys() == KEYS
    assert (made["site"], made["entity"], made["state"], made["began_by"]) == ("shop1", "order", "running", "ida")
    assert (made["from"], made["to"], made["total"]) == ("2025-03-01", "2025-03-31", None)


async def test_the_same_command_goes_on_with_what_was_begun(bridge: Bridge) -> None:
    first = await begun(bridge)
    assert (await begun(bridge))["id"] == first["id"]
    await bridge.ctl("backfill", "pause")
    again = await begun(bridge)
    assert (again["id"], again["state"]) == (first["id"], "running")


async def test_days_that_are_done_are_done_once_more_only_when_asked_for(bridge: Bridge) -> None:
    first = await begun(bridge)
    await end(bridge, first["id"], done=1)
    assert await begun(bridge) | {"seconds": 0} == {**(await begun(bridge)), "seconds": 0}
    assert (await begun(bridge))["state"] == "done"
    again = await begun(bridge, *DAYS, "--again")
    assert (again["id"], again["state"]) == (first["id"] + 1, "running")


async def test_without_a_last_day_another_time_is_another_backfill(bridge: Bridge) -> None:
    first = await begun(bridge, "--from", "2025-03-01")
    assert (first["to"], (await begun(bridge, "--from", "2025-03-01"))["id"]) == ("", first["id"])
    await end(bridge, first["id"], done=1)
    assert (await begun(bridge, "--from", "2025-03-01"))["id"] == first["id"] + 1


async def test_other_days_wait_until_one_has_ended_and_another_entity_does_not(bridge: Bridge) -> None:
    await begun(bridge)
    ended = await bridge.ctl("backfill", "orders", "--from", "2025-01-01", "--detach")
    assert ended.code == 1
    assert "Backfill 1 of orders of shop1 from 2025-03-01 is running." in ended.err
    assert "bridgectl backfill cancel 1" in ended.err
    assert (await begun(bridge, entity="customers"))["id"] == 2


async def test_it_is_paused_resumed_and_cancelled(bridge: Bridge) -> None:
    await begun(bridge)
    assert "bridgectl backfill resume 1" in (await bridge.ctl("backfill", "pause")).out
    assert (await bridge.ctl("backfill", "resume", "1", "--json")).json()["state"] == "running"
    assert (await bridge.ctl("backfill", "cancel", "--json")).json()["state"] == "cancelled"
    ended = await bridge.ctl("backfill", "resume", "1")
    assert (ended.code, "Backfill 1 is cancelled." in ended.err) == (1, True)
    ended = await bridge.ctl("backfill", "pause")
    assert (ended.code, "No backfill is under way." in ended.err) == (1, True)


async def test_which_of_several_has_to_be_said(bridge: Bridge) -> None:
    await begun(bridge)
    await begun(bridge, entity="customers")
    ended = await bridge.ctl("backfill", "pause")
    assert ended.code == 1
    assert "Say which: 1 (orders of shop1), 2 (customers of shop1)." in ended.err
    assert (await bridge.ctl("backfill", "pause", "2", "--json")).json()["id"] == 2


async def test_status_shows_what_is_under_way_and_with_all_what_has_ended(bridge: Bridge) -> None:
    assert "No backfill is under way." in (await bridge.ctl("backfill", "status")).out
    first = await begun(bridge)
    assert "orders of shop1, 2025-03-01 to 2025-03-31: running; 0/?" in (await bridge.ctl("backfill", "status")).out
    await end(bridge, first["id"], done=2, skipped=1, dead=1)
    assert (await bridge.ctl("backfill", "status", "--json")).json() == []
    (shown,) = (await bridge.ctl("backfill", "status", "--all", "--json")).json()
    assert (shown["settled"], shown["done"], shown["skipped"], shown["dead"]) == (4, 2, 1, 1)
    assert "1 are dead letters: bridgectl dlq list" in (await bridge.ctl("backfill", "status", "--all")).out


@pytest.mark.parametrize(("dead", "code"), [(0, 0), (1, 1)])
async def test_followed_it_ends_with_what_it_has_come_to(bridge: Bridge, dead: int, code: int) -> None:
    first = await begun(bridge)
    await end(bridge, first["id"], done=1, dead=dead)
    ended = await bridge.ctl("backfill", "orders", *DAYS)
    assert ended.code == code
    assert "bridgectl ledger --day 2025-03-31" in ended.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "2025-03-01", "--to", "2025-02-01"), "Nothing lies between 2025-03-01 and 2025-02-01."),
        (("--from", f"{utc_now() + timedelta(days=3):%Y-%m-%d}"), "and now."),
        (("--from", "2025-03-01", "--site", "shop9"), "There is no site shop9."),
    ],
)
async def test_a_mistake_is_one_sentence(bridge: Bridge, arguments: tuple[str, ...], sentence: str) -> None:
    ended = await bridge.ctl("backfill", "orders", *arguments)
    assert ended.code == 1
    assert sentence in ended.err


async def test_a_dry_run_counts_tries_a_sample_and_writes_nothing(bridge: Bridge) -> None:
    good = order(order_id=74, created_at="2025-03-01 12:00:00")
    bad = order(order_id=75, created_at="2025-03-01 12:00:00", order_currency_code="", base_currency_code="")
    bad["grand_total"] = good["grand_total"] + 1

    def answer(request: dict[str, Any]) -> dict[str, Any] | None:
        if request["path"] == "/V1/orders":
            items = [good, bad] if "25" in str(request["query"]) else []
            return {"items": items, "total_count": 2} if "gt" in str(request["query"]) else {"items": []}
        return {"/V1/orders/74": good, "/V1/orders/75": bad}.get(request["path"])

    bridge.answers["rest"] = lambda request: json.loads(decimal_json.dumps(answer(request)))
    before = await bridge.bng.calls()
    ended = await bridge.ctl("backfill", "orders", *DAYS, "--dry-run", "--json")
    found = ended.json()
    assert (ended.code, found["records"], found["known"]) == (1, 2, 0)
    (group, *_) = found["groups"]
    assert (group["state"], group["count"]) == (good["state"], 2)
    assert found["sample"]["documents"] == 2
    assert found["sample"]["outcomes"] == {"done": 1, "dead": 1}
    (refused,) = found["sample"]["refused"]
    assert [each["record"] for each in refused["examples"]] == [bad["increment_id"]]
    assert await bridge.bng.calls() == before
    assert windows.all_of(bridge.store.read) == []
    text = (await bridge.ctl("backfill", "orders", *DAYS, "--dry-run")).out
    assert "shop1 has 2 orders of these days, 0 of them at BNG already" in text
    assert "Nothing was written (--dry-run)." in text


async def test_no_daemon_ends_with_3(bridge: Bridge, tmp_path: Path) -> None:
    bridge.socket = tmp_path / "none.sock"
    assert (await bridge.ctl("backfill", "status")).code == 3
