"""The throttle in simulated time: the rate, classes of calls, the quota, Retry-After, and the breaker with its one probe."""

import asyncio
import contextlib
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.simulated import run_simulated

from bng_bridge.config import Limit
from bng_bridge.pacing.breaker import FAILURES_TO_OPEN, LONGEST_PAUSE_S
from bng_bridge.pacing.pace import RECOVERY_S, SLOW_IN_A_ROW
from bng_bridge.pacing.throttle import Throttle
from bng_bridge.pacing.turns import Turns
from bridge_common.errors import (
    BridgeError,
    InMaintenance,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)
from bridge_common.http import Answer

DOWN = TargetUnavailable("nobody answers")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "bridge")


def now() -> float:
    return asyncio.get_running_loop().time()


async def call(
    throttle: Throttle, error: Exception | None = None, seconds: float = 0.0, endpoint: str = "customers"
) -> float:
    """One call that takes so long and ends so; returns when it was begun."""
    async with throttle.slot(endpoint):
        begun_at = now()
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
    return begun_at


async def fail(throttle: Throttle, times: int, error: BridgeError = DOWN) -> None:
    for _ in range(times):
        with pytest.raises((type(error), TargetPaused)):
            await call(throttle, error)


def new(rate: float = 1000, concurrency: int = 8, **limits: Limit) -> Throttle:
    return Throttle("BNG", requests_per_s=rate, concurrency=concurrency, limits=limits)


async def at_once(throttle: Throttle, endpoint: str, number: int, seconds: float = 0.0) -> list[float]:
    """When each of so many calls was begun that all came now."""
    return await asyncio.gather(*(call(throttle, None, seconds, endpoint) for _ in range(number)))


@settings(max_examples=80, deadline=None)
@given(
    rate=st.integers(1, 40),
    concurrency=st.integers(1, 6),
    calls=st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.5), st.integers(0, 3)), min_size=1, max_size=60),
)
def test_the_rate_is_kept_in_every_second_and_the_concurrency_at_every_moment(
    rate: int, concurrency: int, calls: list[tuple[float, float, int]]
) -> None:
    """Each call comes after a delay, takes a while, and makes look-ups of its own inside."""
    begun: list[float] = []
    inside: set[int] = set()
    most_inside = 0

    async def one(number: int, throttle: Throttle, delay_s: float, takes_s: float, look_ups: int) -> None:
        nonlocal most_inside
        await asyncio.sleep(delay_s)
        async with throttle.slot():
            inside.add(number)
            most_inside = max(most_inside, len(inside))
            begun.append(now())
            for _ in range(look_ups):
                async with throttle.slot():
                    begun.append(now())
            await asyncio.sleep(takes_s)
            inside.remove(number)

    async def all_of_them() -> None:
        throttle = new(rate, concurrency)
        async with asyncio.TaskGroup() as group:
            for number, each in enumerate(calls):
                group.create_task(one(number, throttle, *each))

    run_simulated(all_of_them())
    begun.sort()
    assert len(begun) == sum(1 + look_ups for _, _, look_ups in calls)
    assert most_inside <= concurrency
    for first, after_a_full_second in zip(begun, begun[rate:], strict=False):
        assert after_a_full_second - first >= 1 - 1e-6


def test_after_a_rest_the_rate_is_not_made_up_for() -> None:
    async def body() -> None:
        throttle = new(rate=10)
        await call(throttle)
        await asyncio.sleep(60)
        begun = [await call(throttle) for _ in range(11)]
        assert begun[-1] - begun[0] >= 1 - 1e-6

    run_simulated(body())


def test_a_look_up_inside_a_write_does_not_wait_for_its_own_permit() -> None:
    async def body() -> None:
        throttle = new(concurrency=1)
        async with asyncio.timeout(1), throttle.slot(), throttle.slot(), throttle.slot():
            pass
        async with asyncio.timeout(1):
            await call(throttle)

    run_simulated(body())


def test_a_call_that_is_cut_off_gives_its_permit_back() -> None:
    async def body() -> None:
        throttle = new(rate=1, concurrency=1)
        tasks = [asyncio.create_task(call(throttle, seconds=100)) for _ in range(3)]
        await asyncio.sleep(5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(10):
            await call(throttle)

    run_simulated(body())


@pytest.mark.parametrize("error", [RateLimited("slow", retry_after_s=30), TargetUnavailable("busy", retry_after_s=30)])
def test_nothing_is_sent_before_the_target_wants_it(error: BridgeError) -> None:
    async def body() -> None:
        throttle = new()
        await fail(throttle, 1, error)
        for _ in range(3):
            await asyncio.sleep(9.9)
            with pytest.raises(TargetPaused) as paused:
                await call(throttle)
        assert paused.value.delay_s == pytest.approx(0.3)
        assert "paused" in throttle.state()
        await asyncio.sleep(0.4)
        await call(throttle)
        assert throttle.state() == "open"

    run_simulated(body())


def test_calls_that_stand_in_the_queue_wait_too() -> None:
    async def body() -> None:
        throttle = new(rate=1)
        first = asyncio.create_task(call(throttle, RateLimited("slow", retry_after_s=30)))
        queued = [asyncio.create_task(call(throttle)) for _ in range(3)]
        ends = await asyncio.gather(first, *queued, return_exceptions=True)
        assert [type(end).__name__ for end in ends] == ["RateLimited", "TargetPaused", "TargetPaused", "TargetPaused"]

    run_simulated(body())


def test_a_shorter_wait_does_not_cut_a_longer_one() -> None:
    async def body() -> None:
        throttle = new()
        long, short = RateLimited("slow", retry_after_s=30), RateLimited("slow", retry_after_s=1)
        await asyncio.gather(
            call(throttle, long, seconds=0.1), call(throttle, short, seconds=0.2), return_exceptions=True
        )
        await asyncio.sleep(20)
        with pytest.raises(TargetPaused):
            await call(throttle)

    run_simulated(body())


@pytest.mark.parametrize("error", [DOWN, OutcomeUnknown("no answer within 10 s")])
def test_the_breaker_opens_after_some_calls_in_a_row_that_nobody_answered(error: BridgeError) -> None:
    async def body() -> None:
        throttle = new()
        await fail(throttle, FAILURES_TO_OPEN - 1, error)
        assert throttle.state() == "open"
        with pytest.raises(TargetPaused, match=error.message):
            await call(throttle, error)
        assert throttle.state().startswith("paused")
        with pytest.raises(TargetPaused, match=f"BNG is paused: {error.message}"):
            await call(throttle)

    run_simulated(body())


@pytest.mark.parametrize(
    "error", [None, RejectedByTarget("no", status=422), OutcomeUnknown("answered 500", answered=True)]
)
def test_a_target_that_answers_keeps_the_breaker_closed(error: BridgeError | None) -> None:
    async def body() -> None:
        throttle = new()
        for _ in range(5):
            await fail(throttle, FAILURES_TO_OPEN - 1)
            with contextlib.suppress(BridgeError):
                await call(throttle, error)
        assert throttle.state() == "open"

    run_simulated(body())


def test_one_probe_is_let_through_and_its_success_opens_the_way() -> None:
    async def body() -> None:
        throttle = new()
        await fail(throttle, FAILURES_TO_OPEN)
        await asyncio.sleep(0.6)
        probe = asyncio.create_task(call(throttle, seconds=1))
        await asyncio.sleep(0.5)
        with pytest.raises(TargetPaused):
            await call(throttle)
        await probe
        assert throttle.state() == "open"
        await asyncio.gather(*(call(throttle) for _ in range(5)))

    run_simulated(body())


def test_a_target_that_asks_to_wait_is_there_again() -> None:
    """After its time it is called, not after another of the long pauses of one that was away."""

    async def body() -> None:
        throttle = new()
        await fail(throttle, FAILURES_TO_OPEN)
        await asyncio.sleep(0.6)
        with pytest.raises(RateLimited):
            await call(throttle, RateLimited("slow", retry_after_s=1))
        assert not throttle.is_down
        await asyncio.sleep(1.1)
        assert throttle.room() is None

    run_simulated(body())


def test_a_call_from_before_that_ends_late_lets_no_second_probe_through() -> None:
    async def body() -> None:
        throttle = new()
        late = asyncio.create_task(call(throttle, OutcomeUnknown("answered 500", answered=True), seconds=1))
        await asyncio.sleep(0.01)
        await fail(throttle, FAILURES_TO_OPEN)
        await asyncio.sleep(0.6)
        probe = asyncio.create_task(call(throttle, seconds=10))
        await asyncio.gather(late, return_exceptions=True)
        with pytest.raises(TargetPaused):
            await call(throttle)
        await probe

    run_simulated(body())


def test_a_probe_that_is_cut_off_leaves_room_for_the_next() -> None:
    async def body() -> None:
        throttle = new(rate=1)
        await fail(throttle, FAILURES_TO_OPEN)
        await asyncio.sleep(0.6)
        probe = asyncio.create_task(call(throttle, seconds=10))
        await asyncio.sleep(0)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        await call(throttle)
        assert throttle.state() == "open"

    run_simulated(body())


def test_a_question_beside_the_calls_tells_of_no_answer_and_of_none_at_all() -> None:
    async def ask(throttle: Throttle, error: BridgeError | None = None) -> None:
        async with throttle.beside():
            if error is not None:
                raise error

    async def body() -> None:
        throttle = new()
        for _ in range(FAILURES_TO_OPEN - 1):
            await fail(throttle, 1)
            await ask(throttle)
        with pytest.raises(TargetPaused, match="nobody answers"):
            await ask(throttle, DOWN)
        with pytest.raises(TargetPaused, match="BNG is paused"):
            await ask(throttle)
        await asyncio.sleep(0.6)
        await ask(throttle)
        assert throttle.is_down, "a probe is a call"
        assert throttle.shown()["calls"]["customers"]["total"] == FAILURES_TO_OPEN - 1

    run_simulated(body())


def test_pauses_between_probes_double_up_to_a_ceiling_and_begin_anew_after_a_success() -> None:
    async def body() -> list[float]:
        throttle = new()
        await fail(throttle, FAILURES_TO_OPEN - 1)
        pauses = []
        for _ in range(9):
            with pytest.raises(TargetPaused) as paused:
                await call(throttle, DOWN)
            pauses.append(paused.value.delay_s)
            await asyncio.sleep(paused.value.delay_s + 0.001)
        await call(throttle)
        await fail(throttle, FAILURES_TO_OPEN - 1)
        with pytest.raises(TargetPaused) as paused:
            await call(throttle, DOWN)
        return [*pauses, paused.value.delay_s]

    assert run_simulated(body()) == pytest.approx([0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S, 30, 0.5])


def test_a_long_outage_counts_few_attempts_of_an_event_that_waits_alone() -> None:
    """72 hours of a cut line must not end in the dead-letter queue."""

    async def body() -> int:
        throttle, counted = new(), 0
        while now() < 72 * 3600:
            try:
                await call(throttle, OutcomeUnknown("no answer"), seconds=10)
            except TargetPaused as paused:
                await asyncio.sleep(paused.delay_s)
            except OutcomeUnknown:
                counted += 1
                await asyncio.sleep(1)
        return counted

    assert run_simulated(body()) == FAILURES_TO_OPEN - 1


# Classes of calls


def test_a_class_with_a_rate_of_its_own_keeps_it_and_holds_up_no_other() -> None:
    async def body() -> None:
        throttle = new(rate=10, concurrency=2, shipments=Limit(requests_per_s=1))
        slow = asyncio.create_task(at_once(throttle, "shipments", 10))
        await asyncio.sleep(0.05)
        assert await at_once(throttle, "customers", 10) == pytest.approx([0.1 + number / 10 for number in range(10)])
        assert await slow == pytest.approx([0, 1.1, 2.1, 3.1, 4.1, 5.1, 6.1, 7.1, 8.1, 9.1], abs=0.11)

    run_simulated(body())


def test_a_class_with_a_concurrency_of_its_own_keeps_it_and_holds_up_no_other() -> None:
    async def body() -> None:
        throttle = new(concurrency=3, shipments=Limit(concurrency=1))
        slow = asyncio.create_task(at_once(throttle, "shipments", 5, seconds=10))
        await asyncio.sleep(0.05)
        assert max(await at_once(throttle, "customers", 10)) < 0.1
        assert await slow == pytest.approx([0, 10, 20, 30, 40], abs=0.1)

    run_simulated(body())


def test_a_call_that_is_cut_off_in_the_queue_of_its_class_gives_its_place_back() -> None:
    async def body() -> None:
        throttle = new(shipments=Limit(requests_per_s=1, concurrency=1))
        tasks = [asyncio.create_task(call(throttle, None, 0, "shipments")) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(10):
            await at_once(throttle, "shipments", 2)

    run_simulated(body())


def test_further_calls_of_a_slot_move_the_turns_of_those_that_wait_for_a_permit() -> None:
    """All of a class are on one clock: what waits for its class holds none of the permits that the others need."""

    async def several(throttle: Throttle) -> None:
        async with throttle.slot("shipments"):
            for _ in range(3):
                await throttle.begin("shipments")
            await asyncio.sleep(0.95)

    async def body() -> None:
        throttle = new(concurrency=2, shipments=Limit(requests_per_s=1))
        first = asyncio.create_task(several(throttle))
        await asyncio.sleep(0.1)
        later = asyncio.create_task(at_once(throttle, "shipments", 3))
        begun = []
        while now() < 2.95:
            begun.append(await call(throttle))
            await asyncio.sleep(0.1)
        assert begun == pytest.approx([0.1 + number / 10 for number in range(29)], abs=0.01)
        await first
        assert await later == pytest.approx([3, 4, 5], abs=0.01)

    run_simulated(body())


def test_who_gets_a_permit_when_its_class_has_no_turn_any_more_lets_others_have_it() -> None:
    async def twice(throttle: Throttle) -> None:
        async with throttle.slot("shipments"):
            await throttle.begin("shipments")
            await asyncio.sleep(1.2)
            await throttle.begin("shipments")
            await asyncio.sleep(10)

    async def body() -> None:
        throttle = new(concurrency=2, shipments=Limit(requests_per_s=1))
        first = asyncio.create_task(twice(throttle))
        await asyncio.sleep(0.1)
        other = asyncio.create_task(call(throttle, seconds=1.4))
        waits = asyncio.create_task(call(throttle, None, 0, "shipments"))
        await other
        assert await call(throttle) == pytest.approx(1.5, abs=0.01)
        assert await waits == pytest.approx(2.2, abs=0.01)
        await first

    run_simulated(body())


def test_calls_are_counted_by_class() -> None:
    async def body() -> None:
        throttle = new()
        async with throttle.slot("sales-orders"):
            async with throttle.slot("customers"):
                pass
            for _ in range(3):
                await throttle.begin("sales-orders")
        shown = throttle.shown()["calls"]
        assert {name: each["total"] for name, each in shown.items()} == {"customers": 1, "sales-orders": 3}

    run_simulated(body())


# The rate that yields


@pytest.mark.parametrize("error", [RateLimited("429", retry_after_s=1), Overloaded("503")])
def test_a_target_that_has_too_much_is_called_half_as_often(error: BridgeError) -> None:
    async def body() -> None:
        throttle = new(rate=10)
        await fail(throttle, 1, error)
        assert throttle.shown()["pace"].startswith("slowed to 5/s: it ")
        await asyncio.sleep(1)
        assert throttle.state() == "open"
        begun = await at_once(throttle, "customers", 5)
        assert begun[-1] - begun[0] > 0.7

    run_simulated(body())


@pytest.mark.parametrize("error", [DOWN, OutcomeUnknown("500", answered=True), RejectedByTarget("no")])
def test_what_is_no_sign_of_load_slows_nothing(error: BridgeError) -> None:
    async def body() -> None:
        throttle = new(rate=10)
        await fail(throttle, 1, error)
        assert throttle.shown()["pace"] == "10/s"

    run_simulated(body())


def test_successes_bring_the_rate_back() -> None:
    async def body() -> None:
        throttle = new(rate=10)
        await fail(throttle, 1, Overloaded("503"))
        while throttle.shown()["pace"] != "10/s":
            await call(throttle)
        assert now() == pytest.approx(RECOVERY_S / 2, abs=2)
        begun = await at_once(throttle, "customers", 21)
        assert begun[-1] - begun[0] == pytest.approx(2)

    run_simulated(body())


def test_answers_that_come_far_later_than_they_did_slow_the_calls() -> None:
    async def body() -> None:
        throttle = new(rate=10)
        await call(throttle, None, 0.1)
        for _ in range(SLOW_IN_A_ROW):
            assert throttle.shown()["pace"] == "10/s"
            await call(throttle, None, 2)
        assert throttle.shown()["pace"] == "slowed to 5/s: customers take 2.0 s"

    run_simulated(body())


def test_a_slot_with_look_ups_inside_is_no_measure_of_an_answer() -> None:
    async def body() -> None:
        throttle = new(rate=10)
        await call(throttle, None, 0.1)
        for _ in range(2 * SLOW_IN_A_ROW):
            async with throttle.slot("customers"), throttle.slot("customers"):
                await asyncio.sleep(2)
        assert throttle.shown()["pace"] == "10/s"

    run_simulated(body())


# The quota


def quota(remaining: int, reset_s: int) -> Answer:
    return Answer(200, {}, limit=f'"default";r={remaining};t={reset_s}', limit_policy='"default";q=100;w=60')


def test_the_last_calls_of_a_quota_are_spread_until_it_is_reset() -> None:
    async def body() -> None:
        throttle = new()
        left = 4
        begun = []
        while now() < 30:
            begun.append(await call(throttle))
            left -= 1
            throttle.heed(quota(left, int(30 - now())))
        assert left >= -1
        assert begun[:3] == pytest.approx([0, 30 / 4, 30 / 2], abs=1)

    run_simulated(body())


def test_those_that_wait_for_the_last_calls_of_a_quota_go_on_when_it_is_full_again() -> None:
    async def body() -> None:
        throttle = new(rate=10, concurrency=4)
        throttle.heed(quota(0, 30))
        calls = asyncio.create_task(at_once(throttle, "customers", 8))
        await asyncio.sleep(30.05)
        throttle.heed(quota(99, 60))
        assert await calls == pytest.approx([30 + number / 10 for number in range(8)])

    run_simulated(body())


def test_an_answer_that_comes_late_frees_those_that_wait_already() -> None:
    async def body() -> None:
        throttle = new(rate=10, concurrency=4)
        throttle.heed(quota(0, 30))
        calls = asyncio.create_task(at_once(throttle, "customers", 8))
        await asyncio.sleep(5)
        throttle.heed(quota(99, 60))
        assert await calls == pytest.approx([5 + number / 10 for number in range(8)])

    run_simulated(body())


def test_those_that_wait_keep_the_rate_as_it_is_cut() -> None:
    async def body() -> None:
        throttle = new(rate=2, concurrency=5)
        first = asyncio.create_task(fail(throttle, 1, Overloaded("503")))
        assert await at_once(throttle, "customers", 4, seconds=10) == pytest.approx([1, 2, 3, 4])
        await first

    run_simulated(body())


def test_a_shorter_interval_makes_up_for_no_turns_that_are_past() -> None:
    """Not even when the first of those that wait gives up at that moment."""

    async def body() -> None:
        turns = Turns(10)
        await turns.take()
        first, *others = [asyncio.create_task(turns.take()) for _ in range(3)]
        await asyncio.sleep(5)
        first.cancel()
        turns.set(1)
        assert await asyncio.gather(*others) == [5, 6]

    run_simulated(body())


def test_who_gives_up_waiting_takes_no_turn() -> None:
    async def body() -> None:
        throttle = new(rate=1)
        tasks = [asyncio.create_task(call(throttle)) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks[1:4]:
            task.cancel()
        assert await tasks[4] == pytest.approx(1)

    run_simulated(body())


def test_a_low_quota_is_told_and_ends_when_the_target_says_so() -> None:
    async def body() -> None:
        throttle = new(rate=50)
        throttle.heed(quota(1, 40))
        shown = throttle.shown()
        assert shown["pace"] == "slowed to 0.05/s: its quota is nearly used up"
        assert shown["quota"] == {"remaining": 1, "allowed": 100, "window_s": 60, "reset_s": 40}
        throttle.heed(quota(99, 60))
        assert throttle.shown()["pace"] == "50/s"

    run_simulated(body())


def test_a_target_that_stops_telling_of_its_quota_is_not_slowed_by_what_it_told() -> None:
    async def body() -> None:
        throttle = new(rate=50)
        throttle.heed(quota(0, 40))
        throttle.heed(Answer(200, {}))
        assert (throttle.shown()["pace"], throttle.shown()["quota"]) == ("50/s", None)

    run_simulated(body())


# Maintenance


def test_one_word_of_maintenance_pauses_the_target_until_a_probe_is_answered() -> None:
    async def body() -> None:
        throttle = new()
        with pytest.raises(TargetPaused):
            await call(throttle, InMaintenance("503: it is in maintenance"))
        assert (throttle.state(), throttle.is_down, throttle.room()) == ("paused 0 s: maintenance mode", True, 0)
        probes = 0
        while now() < 600:
            with pytest.raises(TargetPaused) as paused:
                await call(throttle, InMaintenance("503: it is in maintenance"))
            probes += "is paused" not in paused.value.message
            await asyncio.sleep(paused.value.delay_s)
        assert probes < 30
        await call(throttle)
        assert (throttle.state(), throttle.room(), throttle.shown()["pace"]) == ("open", None, "1000/s")

    run_simulated(body())


def test_a_maintenance_that_names_its_end_is_not_asked_before() -> None:
    async def body() -> None:
        throttle = new()
        await fail(throttle, 1, InMaintenance("503", retry_after_s=600))
        assert throttle.state() == "paused 600 s: maintenance mode"

    run_simulated(body())


def test_an_event_that_meets_a_target_which_names_a_time_counts_no_attempt() -> None:
    async def body() -> None:
        throttle = new()
        with pytest.raises(TargetPaused) as paused:
            await call(throttle, Overloaded("answered 503", retry_after_s=7))
        assert paused.value.delay_s == 7
        assert not throttle.is_down, "it is there, and only slow"

    run_simulated(body())
