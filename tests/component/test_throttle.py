"""The throttle in simulated time: the rate, Retry-After, and the breaker with its one probe."""

import asyncio
import contextlib
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.simulated import run_simulated

from bng_bridge.breaker import FAILURES_TO_OPEN, LONGEST_PAUSE_S
from bng_bridge.throttle import Throttle
from bridge_common.errors import (
    BridgeError,
    OutcomeUnknown,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)

DOWN = TargetUnavailable("nobody answers")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "bridge")


def now() -> float:
    return asyncio.get_running_loop().time()


async def call(throttle: Throttle, error: Exception | None = None, seconds: float = 0.0) -> float:
    """One call that takes so long and ends so; returns when it was begun."""
    async with throttle.slot():
        begun_at = now()
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
    return begun_at


async def fail(throttle: Throttle, times: int, error: BridgeError = DOWN) -> None:
    for _ in range(times):
        with pytest.raises((type(error), TargetPaused)):
            await call(throttle, error)


def new(rate: float = 1000, concurrency: int = 8) -> Throttle:
    return Throttle("BNG", requests_per_s=rate, concurrency=concurrency)


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
