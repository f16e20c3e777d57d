"""The wall clock is set while the bridge runs: nothing waits a day, nothing dies of old age, no quiet period is cut."""

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import Clock, at, at_work, customer_body, customer_write, event, giving, running_bng, until

from bng_bridge import deliver, inbox, intents, worker
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.inbox import Claimed
from bng_bridge.intents import Intent
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.store import Store
from bng_bridge.watching import clock_guard
from bng_bridge.worker import FAR, Worker
from bridge_common.clock import ClockWatch, to_text
from bridge_common.errors import DependencyMissing, OutcomeUnknown, QuietPeriod

DAY_S = 86_400.0


class Clocks:
    """The wall clock as `utc_now`, and a watch over it and a monotonic clock that only passes."""

    def __init__(self) -> None:
        self.wall = Clock()
        self.monotonic_s = 0.0
        self.watch = ClockWatch(self._wall_s, lambda: self.monotonic_s)

    def _wall_s(self) -> float:
        return self.wall.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.wall.advance(seconds)
        self.monotonic_s += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    for module in (worker, clock_guard):
        monkeypatch.setattr(module, "utc_now", clocks.wall)
    return clocks


async def done(_event: Claimed) -> Outcome:
    return DONE


def row(store: Store) -> dict[str, Any]:
    return dict(inbox.select(store.read, "get", seq=1)[0])


async def test_what_is_to_be_tried_again_does_not_wait_for_a_clock_that_was_set_back(
    store: Store, clocks: Clocks
) -> None:
    tries = 0

    async def flow(_event: Claimed) -> Outcome:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OutcomeUnknown("no answer")
        return DONE

    working, alerts = Worker(store, flow, slots=1, clock=clocks.watch), Alerts()
    await store.write(lambda db: inbox.put_events(db, [event(1)], at(0)))
    async with at_work(working):
        await until("it was tried", lambda: row(store)["attempts"] == 1)
        clocks.pass_time(2)
        clocks.wall.advance(-DAY_S)
        assert row(store)["run_at"] > to_text(clocks.wall.now + timedelta(hours=23))

        await clock_guard.run_once(clocks.watch, store, working, alerts)
        (alert,) = alerts.active()
        assert (alert.key, alert.subject) == ("clock-jumped", "the clock was set by -86400 s while the bridge ran")
        await until("it was tried again", lambda: row(store)["state"] == "done")

    clocks.wall.advance(DAY_S)
    await clock_guard.run_once(clocks.watch, store, working, alerts)
    assert alerts.active() == []


async def test_nothing_is_given_up_for_its_age_by_a_clock_that_was_set_ahead(store: Store, clocks: Clocks) -> None:
    tries = 0

    async def flow(_event: Claimed) -> Outcome:
        nonlocal tries
        tries += 1
        raise DependencyMissing("its parent is not there yet")

    working = Worker(store, flow, slots=1, clock=clocks.watch)
    await store.write(lambda db: inbox.put_events(db, [event(1)], at(0)))
    clocks.wall.advance(8 * DAY_S)
    await clock_guard.run_once(clocks.watch, store, working, Alerts())
    async with at_work(working):
        await until("it was tried", lambda: tries and row(store)["reason"])
    assert row(store)["state"] == "pending"

    # The same age by a clock that was right all the time, in which it was looked at.
    clocks.wall.advance(-8 * DAY_S)
    await clock_guard.run_once(clocks.watch, store, working, Alerts())
    clocks.pass_time(8 * DAY_S)
    now = to_text(clocks.wall.now)
    await store.write(lambda db: db.execute("UPDATE attempt SET started_at = ?, ended_at = ?", (at(0), now)))
    async with at_work(working):
        await until("it is given up", lambda: row(store)["state"] == "dead")


async def test_what_came_under_a_clock_that_was_ahead_for_a_moment_does_not_wait_for_that_time(
    store: Store, clocks: Clocks
) -> None:
    """Ahead and back again between two looks: nobody saw it jump."""
    ahead = to_text(clocks.wall.now + timedelta(seconds=DAY_S))
    await store.write(lambda db: inbox.put_events(db, [event(1)], ahead))
    clocks.pass_time(1)
    working, alerts = Worker(store, done, slots=1, clock=clocks.watch), Alerts()
    async with at_work(working):
        await clock_guard.run_once(clocks.watch, store, working, alerts)
        await until("it is done", lambda: row(store)["state"] == "done")
    assert alerts.active() == []


async def test_a_jump_of_a_moment_does_not_put_off_what_fails_in_it(store: Store, clocks: Clocks) -> None:
    async def flow(_event: Claimed) -> Outcome:
        raise OutcomeUnknown("no answer")

    await store.write(lambda db: inbox.put_events(db, [event(1)], at(0)))
    async with at_work(Worker(store, flow, slots=1, clock=clocks.watch)):
        clocks.wall.advance(DAY_S)
        await until("it was tried", lambda: row(store)["attempts"] == 1)
    assert row(store)["run_at"] < at(60)


async def test_after_a_restart_nothing_waits_for_a_time_that_a_wrong_clock_named(store: Store, clocks: Clocks) -> None:
    late = to_text(clocks.wall.now + FAR + timedelta(seconds=1))
    soon = to_text(clocks.wall.now + timedelta(seconds=30))

    def put(db: sqlite3.Connection) -> None:
        inbox.put_events(db, [event(1, entity_id="1"), event(2, entity_id="2")], at(0))
        db.execute("UPDATE inbox SET run_at = CASE seq WHEN 1 THEN ? ELSE ? END", (late, soon))

    await store.write(put)
    async with at_work(Worker(store, done, slots=1, clock=clocks.watch)):
        await until("the first is done", lambda: row(store)["state"] == "done")
    assert inbox.select(store.read, "get", seq=2)[0]["state"] == "pending"


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
async def test_a_quiet_period_is_waited_out_in_full_and_no_longer_whatever_the_clock_says(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    wall, steady = Clock(), Clock()
    monkeypatch.setattr(deliver, "utc_now", wall)
    monkeypatch.setattr(deliver, "steady_now", steady)
    async with running_bng(tmp_path, no_keys=True) as bng:
        write = bng.deliver(store)
        await bng.fault("cut_before", method="POST", path="/customers$")
        with pytest.raises(OutcomeUnknown):
            await write(1, customer_write(), giving(customer_body()))
        wall.advance(jump_s)
        steady.advance(59)
        with pytest.raises(QuietPeriod):
            await write(1, customer_write(), giving(customer_body()))
        steady.advance(2)
        assert (await write(1, customer_write(), giving(customer_body()))).action == "created"


async def test_after_a_restart_every_quiet_period_begins_anew(store: Store) -> None:
    """Its end may have been written, or be read now, under a clock that is wrong."""
    for name, quiet_until in (("a", at(86_400)), ("b", at(30))):
        intent = Intent(name, 1, "bng", "customer", {}, "", "request", quiet_until)
        await store.write(lambda db, each=intent: intents.open_intent(db, each, at(0)))  # type: ignore[misc]
    await store.write(lambda db: intents.begin_quiet(db, at(70)))
    assert {each.target_key: each.quiet_until for each in intents.all_open(store.read)} == {"a": at(70), "b": at(70)}


async def test_the_guard_looks_by_itself(store: Store, clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_guard, "LOOK_S", 0.01)
    alerts = Alerts()
    guarding = asyncio.create_task(clock_guard.run(clocks.watch, store, Worker(store, done, slots=1), alerts))
    clocks.wall.advance(DAY_S)
    await until("the jump is told", alerts.active)
    guarding.cancel()
    await asyncio.gather(guarding, return_exceptions=True)
