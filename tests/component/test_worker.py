"""The worker over a real store, with flows that a test holds in its hand."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.bridge import event, opened, until

from bng_bridge import inbox, retry, worker
from bng_bridge.inbox import Claimed, Hint
from bng_bridge.outcome import DONE, Outcome, skipped
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import DependencyMissing, MappingError, RateLimited, TargetUnavailable

Flow = Callable[[Claimed], Awaitable[Outcome]]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "pause_s", lambda *_arguments: 0.0)


class HeldFlow:
    """Runs until the test lets go; remembers who is inside."""

    def __init__(self) -> None:
        self.inside: set[str] = set()
        self.most_inside = 0
        self.release = asyncio.Event()

    async def __call__(self, claimed: Claimed) -> Outcome:
        self.inside.add(claimed.event_key)
        self.most_inside = max(self.most_inside, len(self.inside))
        await self.release.wait()
        self.inside.remove(claimed.event_key)
        return DONE


@asynccontextmanager
async def running(store: Store, flow: Flow, *, slots: int = 4) -> AsyncIterator[tuple[Worker, asyncio.Event]]:
    """A worker that is stopped in good order at the end."""
    stop, made = asyncio.Event(), Worker(store, flow, slots=slots)
    async with asyncio.TaskGroup() as group:
        group.create_task(made.run(stop))
        yield made, stop
        stop.set()


async def put(store: Store, *numbers: int, lane: str | None = None) -> None:
    events = [event(number, entity_id=str(number), lane=lane) for number in numbers]
    await store.write(lambda db: inbox.put_events(db, events, to_text(utc_now())))


def state(store: Store, number: int) -> str:
    row = store.read.execute("SELECT state FROM inbox WHERE event_key = ?", (f"shop1/1.{number}",)).fetchone()
    return str(row["state"])


def row(store: Store, number: int = 1) -> sqlite3.Row:
    found: sqlite3.Row = store.read.execute(
        "SELECT * FROM inbox WHERE event_key = ?", (f"shop1/1.{number}",)
    ).fetchone()
    return found


async def settled(store: Store, *numbers: int) -> None:
    open_states = {"pending", "processing"}
    await until("all is settled", lambda: not open_states & {state(store, number) for number in numbers})


async def test_every_event_runs_its_flow_once_and_is_settled(store: Store) -> None:
    seen: list[str] = []

    async def flow(claimed: Claimed) -> Outcome:
        seen.append(claimed.entity_id)
        return DONE if claimed.entity_id != "2" else skipped("not ours")

    await put(store, 1, 2, 3)
    async with running(store, flow):
        await settled(store, 1, 2, 3)
    assert sorted(seen) == ["1", "2", "3"]
    assert [state(store, number) for number in (1, 2, 3)] == ["done", "skipped", "done"]
    assert row(store, 2)["reason"] == "not ours"


async def test_what_comes_while_it_sleeps_is_taken_at_once_when_it_is_woken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_SLEEP_S", 3600.0)
    ran = asyncio.Event()

    async def flow(_claimed: Claimed) -> Outcome:
        ran.set()
        return DONE

    async with running(store, flow) as (made, _stop):
        await put(store, 1)
        made.wake()
        await asyncio.wait_for(ran.wait(), 5)


async def test_no_more_flows_run_at_once_than_there_are_slots(store: Store) -> None:
    flow = HeldFlow()
    await put(store, *range(1, 9))
    async with running(store, flow, slots=3) as (made, _stop):
        await until("three run", lambda: len(flow.inside) == 3)
        for _ in range(5):
            made.wake()
            await store.write(lambda _db: None)
        assert [state(store, number) for number in range(1, 9)].count("processing") == 3
        flow.release.set()
        await settled(store, *range(1, 9))
    assert flow.most_inside == 3


async def test_events_of_one_lane_run_one_after_the_other(store: Store) -> None:
    flow = HeldFlow()
    await put(store, 1, 2, 3, lane="order/74")
    await put(store, 4)
    async with running(store, flow):
        await until("the lane and the other order run", lambda: len(flow.inside) == 2)
        flow.release.set()
        await settled(store, 1, 2, 3, 4)
    assert flow.most_inside == 2


async def test_hints_of_an_outcome_are_stored_in_the_commit_that_settles_it(store: Store) -> None:
    async def flow(claimed: Claimed) -> Outcome:
        if claimed.source == "bng":
            return DONE
        hint = Hint("stock", "MAIN|MUG", "stock/MAIN|MUG", f"bng/after/{claimed.seq}", {"SKU": "MUG"})
        return Outcome("done", hints=(hint,))

    await put(store, 1)
    async with running(store, flow):
        hints = "SELECT state FROM inbox WHERE source = 'bng'"
        await until("the hint is handled", lambda: [each[0] for each in store.read.execute(hints)] == ["done"])


async def test_a_passing_failure_is_retried_and_counted(store: Store) -> None:
    tries: list[int] = []

    async def flow(claimed: Claimed) -> Outcome:
        tries.append(claimed.attempts)
        if len(tries) < 4:
            raise TargetUnavailable("down")
        return DONE

    await put(store, 1)
    async with running(store, flow):
        await settled(store, 1)
    assert tries == [0, 1, 2, 3]
    assert (row(store)["state"], row(store)["attempts"]) == ("done", 4)


async def test_what_is_not_ready_waits_without_being_counted(store: Store) -> None:
    tries: list[int] = []

    async def flow(claimed: Claimed) -> Outcome:
        tries.append(claimed.attempts)
        if len(tries) < 4:
            raise DependencyMissing("its order is not there", hint="wait", delay_s=0)
        return DONE

    await put(store, 1)
    async with running(store, flow):
        await settled(store, 1)
    assert tries == [0, 0, 0, 0]
    outcomes = [(each["outcome"], each["error_kind"]) for each in inbox.select(store.read, "attempts", seq=1)]
    assert outcomes == [("postponed", "DependencyMissing"), ("done", "")]


async def test_a_lasting_failure_is_a_dead_letter_with_an_alert(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    async def flow(_claimed: Claimed) -> Outcome:
        raise MappingError(
            "does not add up", hint="bridgectl dlq retry {event}", problem="totals-differ", pointer="/grand_total"
        )

    await put(store, 1)
    with caplog.at_level(logging.INFO, "bridge"):
        async with running(store, flow):
            await settled(store, 1)
    dead = row(store)
    assert (dead["state"], dead["reason"], dead["hint"]) == ("dead", "does not add up", "bridgectl dlq retry 1")
    assert dead["cause"] == "MappingError order totals-differ /grand_total"
    (alert,) = [message for message in caplog.messages if message.startswith("action=alert")]
    assert 'subject="dead letter" event=shop1/1.1' in alert
    assert 'hint="bridgectl dlq retry 1"' in alert


async def test_a_target_that_asks_for_fewer_requests_kills_no_event_and_pages_nobody(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    async def flow(claimed: Claimed) -> Outcome:
        tries.append(claimed.attempts)
        if len(tries) <= 2 * retry.MAX_ATTEMPTS:
            raise RateLimited("429", retry_after_s=1e-6)
        return DONE

    await put(store, 1)
    with caplog.at_level(logging.INFO, "bridge"):
        async with running(store, flow):
            await settled(store, 1)
    assert (state(store, 1), set(tries), len(tries)) == ("done", {0}, 2 * retry.MAX_ATTEMPTS + 1)
    assert not [message for message in caplog.messages if "alert" in message]


async def test_a_requeued_event_waits_anew_however_old_it_is(store: Store) -> None:
    """Its limit by age counts from the operator's word, or it would die again at its first look."""
    long_ago = to_text(utc_now() - 2 * retry.MAX_AGE)

    async def flow(_claimed: Claimed) -> Outcome:
        raise DependencyMissing("not there", delay_s=3600)

    def bury(db: sqlite3.Connection) -> None:
        inbox.put_events(db, [event(1, entity_id="1")], long_ago)
        looked_at_since(db, long_ago)

    await store.write(bury)
    async with running(store, flow) as (made, _stop):
        await until("it is dead of age", lambda: state(store, 1) == "dead")
        assert "bridgectl dlq retry 1" in row(store)["hint"]
        await store.write(lambda db: inbox.requeue(db, 1, to_text(utc_now())))
        made.wake()
        await until("it waits again", lambda: row(store)["reason"] == "not there" and state(store, 1) == "pending")


def looked_at_since(db: sqlite3.Connection, moment: str, kind: str = "DependencyMissing") -> None:
    """The first event has been tried in vain ever since."""
    db.execute("INSERT INTO attempt VALUES (1, 1, ?, ?, 'postponed', ?, '')", (moment, to_text(utc_now()), kind))


@pytest.mark.parametrize("was_paused", [True, False], ids=["it was told so", "nothing was claimed"])
async def test_time_in_which_a_target_was_paused_makes_no_event_old(store: Store, *, was_paused: bool) -> None:
    long_ago = to_text(utc_now() - 2 * retry.MAX_AGE)

    async def flow(_claimed: Claimed) -> Outcome:
        raise DependencyMissing("not there", delay_s=3600)

    def pause(db: sqlite3.Connection) -> None:
        inbox.put_events(db, [event(1, entity_id="1")], long_ago)
        if was_paused:
            looked_at_since(db, long_ago, "TargetPaused")

    await store.write(pause)
    async with running(store, flow):
        await until("it was tried", lambda: row(store)["reason"] == "not there")
    assert state(store, 1) == "pending"


async def test_a_lasting_failure_of_an_older_state_is_no_dead_letter_and_no_alert(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def flow(claimed: Claimed) -> Outcome:
        if claimed.event_key == "shop1/1.2":
            return DONE
        began.set()
        await release.wait()
        raise MappingError("does not add up")

    older, newer = event(1, entity_id="74"), event(2, entity_id="74")
    await store.write(lambda db: inbox.put_events(db, [older], to_text(utc_now())))
    with caplog.at_level(logging.INFO, "bridge"):
        async with running(store, flow):
            await asyncio.wait_for(began.wait(), 5)
            await store.write(lambda db: inbox.put_events(db, [newer], to_text(utc_now())))
            release.set()
            await settled(store, 1, 2)
    assert (state(store, 1), state(store, 2)) == ("superseded", "done")
    assert not [message for message in caplog.messages if "alert" in message]


async def test_a_bug_is_tried_a_few_times_and_shown_with_its_traceback(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def flow(_claimed: Claimed) -> Outcome:
        raise KeyError("entity_id")

    await put(store, 1)
    with caplog.at_level(logging.INFO, "bridge"):
        async with running(store, flow):
            await settled(store, 1)
    assert (row(store)["state"], row(store)["reason"], row(store)["attempts"]) == ("dead", "KeyError('entity_id')", 3)
    bugs = [record for record in caplog.records if record.getMessage().startswith("action=bug")]
    assert len(bugs) == retry.MAX_BUG_ATTEMPTS
    assert all(bug.exc_info for bug in bugs)


async def test_one_failing_event_does_not_hold_up_the_others(store: Store) -> None:
    async def flow(claimed: Claimed) -> Outcome:
        if claimed.entity_id == "1":
            raise DependencyMissing("never", delay_s=0)
        return DONE

    await put(store, *range(1, 20))
    async with running(store, flow, slots=1):
        await settled(store, *range(2, 20))
        assert state(store, 1) in ("pending", "processing")


async def test_a_stop_lets_running_flows_finish_and_takes_no_new_ones(store: Store) -> None:
    flow = HeldFlow()
    await put(store, 1, 2)
    async with running(store, flow, slots=1) as (_made, stop):
        await until("one runs", lambda: flow.inside)
        stop.set()
        flow.release.set()
    assert sorted([state(store, 1), state(store, 2)]) == ["done", "pending"]


async def test_a_flow_that_outlasts_the_drain_is_cut_off_and_taken_up_at_the_next_start(store: Store) -> None:
    flow = HeldFlow()
    await put(store, 1)
    stop = asyncio.Event()
    run = asyncio.create_task(Worker(store, flow, slots=1).run(stop))
    await until("it runs", lambda: flow.inside)
    stop.set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run, 0.05)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("event-")]
    assert state(store, 1) == "processing"

    flow.release.set()
    async with running(store, flow):
        await settled(store, 1)
    assert (row(store)["state"], row(store)["attempts"]) == ("done", 1)


async def test_a_result_that_is_being_committed_survives_the_cut(store: Store) -> None:
    """The flow ends in the very moment in which its task is cut off."""
    tasks: list[asyncio.Task[None] | None] = []

    async def flow(_claimed: Claimed) -> Outcome:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        tasks.append(task)
        return DONE

    await put(store, 1)
    async with running(store, flow):
        await settled(store, 1)
    assert state(store, 1) == "done"
    assert len(tasks) == 1


async def test_what_a_crash_left_is_taken_up_at_the_start(store: Store) -> None:
    await put(store, 1)
    await store.write(lambda db: inbox.claim(db, to_text(utc_now()), 1))
    assert state(store, 1) == "processing"

    async def flow(_claimed: Claimed) -> Outcome:
        return DONE

    async with running(store, flow):
        await settled(store, 1)
    assert (row(store)["state"], row(store)["attempts"]) == ("done", 1)


async def test_a_result_that_cannot_be_committed_ends_the_worker(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: going on would leave the event in `processing`, and its lane blocked, until the next restart."""

    def full(*_arguments: object, **_fields: object) -> str:
        raise sqlite3.OperationalError("database or disk is full")

    async def flow(_claimed: Claimed) -> Outcome:
        monkeypatch.setattr(inbox, "settle", full)
        return DONE

    await put(store, 1)
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(Worker(store, flow, slots=1).run(asyncio.Event()), 5)
    assert ended.group_contains(sqlite3.OperationalError, match="disk is full")


async def test_nothing_is_claimed_while_its_target_is_closed(tmp_path: Path) -> None:
    """A backlog would otherwise be claimed and given back for as long as an outage lasts."""
    room: list[int | None] = [0]
    ran: list[str] = []

    async def flow(event: Claimed) -> Outcome:
        ran.append(event.entity_id)
        return DONE

    async with opened(tmp_path / "bridge.sqlite") as store:
        await store.write(lambda db: inbox.put_events(db, [event(1)], to_text(utc_now())))
        worker, stop = Worker(store, flow, slots=4, room=lambda: room[0]), asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        for _ in range(20):
            worker.wake()
            await asyncio.sleep(0)
        assert (ran, inbox.select(store.read, "queue", limit=5)[0]["state"]) == ([], "pending")
        room[0] = None
        worker.wake()
        await until("it ran", lambda: ran)
        stop.set()
        await running
