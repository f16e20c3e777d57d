"""A shop's history is handed over piece by piece, bounded and durable: over a real shop's lists and a real store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.component import test_manifest
from tests.component.test_manifest import Rig
from tests.support.bridge import until

from bng_bridge import inbox, ledger, windows
from bng_bridge.backfill import carrier
from bng_bridge.backfill.carrier import Carrier
from bng_bridge.backfill.days import Days
from bng_bridge.manifest.lines import Line
from bng_bridge.windows import Window
from bridge_common.clock import to_text, utc_now

shop_account = test_manifest.shop_account
rig = test_manifest.rig
DAYS = Days(date(2025, 3, 1), date(2025, 3, 2))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "LOOK_S", 0.01)
    monkeypatch.setattr(carrier, "PAUSE_S", 0.01)


async def place(rig: Rig, *created: str) -> list[int]:
    """Orders made at these times."""
    ids = [await rig.place() for _ in created]
    for order_id, created_at in zip(ids, created, strict=True):
        rig.sql(
            "UPDATE sales_order SET created_at = %s, updated_at = %s WHERE entity_id = %s",
            created_at,
            created_at,
            order_id,
        )
    return ids


async def begin(rig: Rig, days: Days = DAYS, entity: str = "order") -> int:
    since, until_at = days.span(rig.shop.client.config.time_zone, utc_now())
    values = {"site": "shop1", "entity": entity, "first_day": days.first.isoformat(), "last_day": "",
              "since": since, "until": until_at}  # fmt: skip
    return await rig.store.write(lambda db: windows.begin(db, "ida", to_text(utc_now()), **values))


def window(rig: Rig, number: int) -> Window:
    found = windows.get(rig.store.read, number)
    assert found is not None
    return found


def asked(rig: Rig) -> list[str]:
    return [each["entity_id"] for entities in rig.agent.asked for each in entities]


@asynccontextmanager
async def carrying(rig: Rig) -> AsyncIterator[Carrier]:
    """A carrier that runs until the block is left, as killed: cancelled wherever it is."""
    made = Carrier(rig.shop.client, rig.agent.gateway, rig.store)
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def answered(rig: Rig, entity: str = "order", *, state: str = "done") -> int:
    """The events of all that the agent was asked for and that is still in its outbox; how many they were."""
    waiting, rig.agent.waiting = rig.agent.waiting, []
    for each in waiting:
        await rig.carry(entity, int(each["entity_id"]), state=state, reason="for a test")
    return len(waiting)


async def carried(rig: Rig, number: int) -> Window:
    """To its end."""

    async def is_done() -> bool:
        await answered(rig)
        return window(rig, number).state == "done"

    await until("the window to be done", is_done)
    return window(rig, number)


async def test_orders_of_the_window_are_handed_over_and_counted_as_they_end(rig: Rig) -> None:
    _, first, second, _ = await place(
        rig, "2025-02-28 23:59:59", "2025-03-01 00:00:00", "2025-03-02 23:59:59", "2025-03-03 00:00:00"
    )
    number = await begin(rig)
    async with carrying(rig):
        done = await carried(rig, number)
    assert asked(rig) == [str(first), str(second)]
    assert (done.total, done.handed, done.done, done.skipped, done.dead) == (2, 2, 2, 0, 0)
    documents = [await rig.shop.client.get(f"/V1/orders/{each}") for each in (first, second)]
    assert done.sums == {"EUR": sum(Decimal(str(each["grand_total"])) for each in documents if each)}
    assert windows.opened(rig.store.read, done, utc_now()) == {}


async def test_the_ledger_of_those_days_sees_what_was_handed_over(rig: Rig) -> None:
    (order_id,) = await place(rig, "2025-03-01 12:00:00")
    number = await begin(rig)
    async with carrying(rig):
        await until("it to be asked for", lambda: asked(rig))
        assert line(rig).places == {"missing": 1}
        await carried(rig, number)
    assert rig.row("order", order_id)["day"] == "2025-03-01"
    assert (line(rig).places.total(), line(rig).sums["EUR"].seen) == (1, window(rig, number).sums["EUR"])


def line(rig: Rig) -> ledger.Line:
    day = date(2025, 3, 1)
    return ledger.from_magento(rig.store.read, "shop1", rig.shop.client.config, day, day, utc_now())[0]


async def test_no_more_are_under_way_than_are_settled_in_a_while(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bng_bridge.backfill.pace.LEAST", 4)
    ids = await place(rig, *["2025-03-01 12:00:00"] * 11)
    number = await begin(rig)
    async with carrying(rig):
        await until("the first to be asked for", lambda: len(asked(rig)) == 4)
        looks = await rig.shop.calls("GET /rest/{store}/V1/orders")
        await until("some more looks", lambda: window(rig, number).handed == 4)
        await asyncio.sleep(0.1)
        assert asked(rig) == [str(each) for each in ids[:4]]
        assert await rig.shop.calls("GET /rest/{store}/V1/orders") == looks
        assert (await carried(rig, number)).done == 11
    assert asked(rig) == [str(each) for each in ids]


async def test_a_crash_after_any_step_loses_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handed over and never asked for; asked for and not answered; answered and not counted."""
    monkeypatch.setattr("bng_bridge.backfill.pace.LEAST", 2)
    ids = await place(rig, *["2025-03-01 12:00:00"] * 5)
    number = await begin(rig)
    rig.agent.gateway.online = False
    async with carrying(rig) as first:
        await until("it to be kept from asking", lambda: first.trouble)
        await until("some to be handed over", lambda: window(rig, number).handed == 2)
    assert asked(rig) == []
    rig.agent.gateway.online = True
    async with carrying(rig):
        await until("the first two to be asked for", lambda: len(asked(rig)) == 2)
    await answered(rig)
    async with carrying(rig):
        done = await carried(rig, number)
    assert (done.handed, done.done) == (5, 5)
    assert list(dict.fromkeys(asked(rig))) == [str(each) for each in ids]


async def test_what_ends_badly_is_counted_as_that_and_holds_nothing_up(rig: Rig) -> None:
    await place(rig, *["2025-03-01 12:00:00"] * 3)
    number = await begin(rig)
    async with carrying(rig):
        await until("all to be asked for", lambda: len(asked(rig)) == 3)
        skipped, dead, done = rig.agent.waiting
        rig.agent.waiting = []
        await rig.carry("order", int(skipped["entity_id"]), state="skipped", reason="for a test")
        await rig.carry("order", int(dead["entity_id"]), state="dead")
        await rig.carry("order", int(done["entity_id"]))
        ended = await carried(rig, number)
    assert (ended.done, ended.skipped, ended.dead, ended.settled) == (1, 1, 1, 3)


async def test_paused_it_hands_nothing_over_and_resumed_it_goes_on(rig: Rig) -> None:
    number = await begin(rig)
    await state(rig, number, "paused")
    (order_id,) = await place(rig, "2025-03-01 12:00:00")
    async with carrying(rig) as running:
        running.look()
        await asyncio.sleep(0.1)
        assert asked(rig) == []
        await state(rig, number, "running")
        running.look()
        assert (await carried(rig, number)).done == 1
    assert asked(rig) == [str(order_id)]


async def test_paused_while_it_lists_and_resumed_at_once_it_leaves_nothing_out(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bng_bridge.backfill.pace.LEAST", 2)
    ids = await place(rig, *["2025-03-01 12:00:00"] * 5)
    number, take = await begin(rig), carrier.Listed.take
    pauses = iter([True])

    async def taking(listed: carrier.Listed, most: int) -> list[Line]:
        lines = await take(listed, most)
        if next(pauses, False):
            await state(rig, number, "paused")
            asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(state(rig, number, "running")))
        return lines

    monkeypatch.setattr(carrier.Listed, "take", taking)
    monkeypatch.setattr(carrier, "LOOK_S", 0.2)
    monkeypatch.setattr(carrier, "IDLE_S", 0.1)
    async with carrying(rig):
        done = await carried(rig, number)
    assert (done.handed, done.done) == (5, 5)
    assert list(dict.fromkeys(asked(rig))) == [str(each) for each in ids]


async def test_what_waits_for_weeks_holds_nothing_up_and_not_the_end(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an export rule, for instance: it is in the inbox, and goes on by itself."""
    monkeypatch.setattr("bng_bridge.backfill.pace.LEAST", 2)
    await place(rig, *["2025-03-01 12:00:00"] * 6)
    number = await begin(rig)
    async with carrying(rig):
        await until("the first to be asked for", lambda: len(asked(rig)) == 2)
        held, rig.agent.waiting = rig.agent.waiting, []
        for each in held:
            await rig.carry("order", int(each["entity_id"]), state="pending")
        later = to_text(utc_now() + timedelta(hours=1))
        await rig.store.write(lambda db: db.execute("UPDATE inbox SET run_at = ? WHERE state = 'pending'", (later,)))
        ended = await carried(rig, number)
    assert (ended.handed, ended.settled) == (6, 4)


async def test_cancelled_it_is_at_its_end(rig: Rig) -> None:
    await place(rig, "2025-03-01 12:00:00")
    number = await begin(rig)
    async with carrying(rig) as running:
        await until("it to be asked for", lambda: asked(rig))
        await state(rig, number, "cancelled")
        await answered(rig)
        second = await begin(rig)
        running.look()
        await carried(rig, second)
    assert (window(rig, number).state, window(rig, number).done) == ("cancelled", 0)
    assert not await rig.store.write(lambda db: windows.set_state(db, number, "running", to_text(utc_now())))


async def state(rig: Rig, number: int, name: str) -> None:
    assert await rig.store.write(lambda db: windows.set_state(db, number, name, to_text(utc_now())))


async def test_a_row_that_somebody_deleted_from_the_outbox_is_asked_for_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "ASK_AGAIN_S", 0.05)
    await place(rig, "2025-03-01 12:00:00")
    number = await begin(rig)
    async with carrying(rig):
        await until("it to be asked for", lambda: asked(rig))
        rig.agent.waiting = []
        await until("it to be asked for again", lambda: len(asked(rig)) > 1)
        assert (await carried(rig, number)).done == 1


async def test_customers_are_brought_over_as_well(rig: Rig) -> None:
    customer_id = await rig.register()
    rig.sql("UPDATE customer_entity SET created_at = '2025-03-01 12:00:00' WHERE entity_id = %s", customer_id)
    number = await begin(rig, entity="customer")
    async with carrying(rig):

        async def is_done() -> bool:
            await answered(rig, "customer")
            return window(rig, number).state == "done"

        await until("the window to be done", is_done)
    assert asked(rig) == [str(customer_id)]
    assert window(rig, number).sums == {}


async def test_the_manifest_looks_after_what_was_brought_over_and_after_nothing_else_from_before(rig: Rig) -> None:
    rig.configure(go_live_at=datetime(2026, 1, 1, tzinfo=UTC))
    brought, left = await place(rig, "2025-03-01 12:00:00", "2025-03-05 12:00:00")
    for order_id in (brought, left):
        rig.sql("UPDATE sales_order SET updated_at = now() WHERE entity_id = %s", order_id)
    number = await begin(rig)
    async with carrying(rig):
        await carried(rig, number)
    for order_id in (brought, left):
        rig.sql("UPDATE sales_order SET state = 'holded', status = 'holded' WHERE entity_id = %s", order_id)
    assert await rig.missing() == [f"order/{brought}"]
    assert rig.row("order", left)["excluded"] == "before go-live"


async def test_what_is_live_is_claimed_before_what_was_handed_over(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_BEHIND", 2)
    ids = await place(rig, *["2025-03-01 12:00:00"] * 3)
    await begin(rig)
    async with carrying(rig):
        await until("all to be asked for", lambda: len(asked(rig)) == 3)
    for order_id in ids:
        await rig.carry("order", order_id, state="pending")
    live = await rig.place()
    await rig.carry("order", live, state="pending")
    assert await claimed(rig) == [live, *ids[:2]]
    assert await claimed(rig) == []
    await rig.store.write(lambda db: db.execute("UPDATE inbox SET state = 'done' WHERE entity_id = ?", (str(ids[0]),)))
    assert await claimed(rig) == ids[2:]


async def claimed(rig: Rig) -> list[int]:
    found = await rig.store.write(lambda db: inbox.claim(db, to_text(utc_now()), 10))
    return [int(each.entity_id) for each in found]
