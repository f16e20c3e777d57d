"""The rate of calls: halved when the target has too much, grown back to the ceiling and never above it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bng_bridge.pacing import pace
from bng_bridge.pacing.pace import FLOOR_WINDOW_S, LEAST_PER_S, RECOVERY_S, SLOW_IN_A_ROW, Latency


def test_a_target_that_has_too_much_gets_half() -> None:
    slower = pace.cut(pace.full(50), "it asked to wait", 10.0)
    assert (slower.rate, slower.ceiling, slower.text()) == (25, 50, "slowed to 25/s: it asked to wait")


def test_calls_that_were_under_way_together_halve_it_once() -> None:
    now = pace.full(50)
    for number in range(8):
        now = pace.cut(now, "busy", 10.0 + number * 0.1)
    assert now.rate == 25
    assert pace.cut(now, "busy", 11.0).rate == 12.5


@pytest.mark.parametrize("ceiling", [1000, 50, 1, 0.5, 0.01])
def test_it_is_never_halved_to_nothing(ceiling: float) -> None:
    now = pace.full(ceiling)
    for second in range(100):
        now = pace.cut(now, "busy", float(second))
    assert now.rate == min(ceiling, LEAST_PER_S)


@pytest.mark.parametrize("calls_per_s", [1, 5, 100])
def test_it_grows_back_in_the_same_time_however_many_calls_succeed(calls_per_s: int) -> None:
    now = pace.cut(pace.full(50), "busy", 0.0)
    seconds = 0.0
    while now.rate < now.ceiling:
        seconds += 1 / calls_per_s
        now = pace.grown(now, seconds)
    assert seconds == pytest.approx(RECOVERY_S / 2, abs=1)
    assert (now.reason, now.text()) == ("", "50/s")


def test_a_success_after_a_long_rest_is_one_step() -> None:
    now = pace.grown(pace.cut(pace.full(50), "busy", 0.0), 3600.0)
    assert now.rate == 25 + 50 / RECOVERY_S


def test_at_the_ceiling_nothing_changes() -> None:
    now = pace.full(50)
    assert pace.grown(now, 1.0) is now


@given(st.floats(0.01, 1000), st.lists(st.tuples(st.booleans(), st.floats(0, 30))))
def test_the_rate_stays_between_floor_and_ceiling(ceiling: float, outcomes: list[tuple[bool, float]]) -> None:
    now, now_s = pace.full(ceiling), 0.0
    for is_success, passed_s in outcomes:
        now_s += passed_s
        now = pace.grown(now, now_s) if is_success else pace.cut(now, "busy", now_s)
        assert 0 < min(ceiling, LEAST_PER_S) <= now.rate <= ceiling


def heard(latency: Latency, *calls: float, at_s: float = 0.0) -> list[bool]:
    return [latency.is_high(took_s, at_s) for took_s in calls]


def test_calls_in_a_row_that_each_take_far_longer_than_the_shortest_are_too_much() -> None:
    latency = Latency()
    assert heard(latency, 0.1, *[1.5] * SLOW_IN_A_ROW) == [False] * SLOW_IN_A_ROW + [True]
    assert heard(latency, *[1.5] * SLOW_IN_A_ROW)[-1], "and the next as many tell it again"


@pytest.mark.parametrize(
    "calls",
    [[0.1, *[0.9] * 50], [0.5, *[2.0] * 50], [0.1, *([5.0] * (SLOW_IN_A_ROW - 1) + [0.1]) * 5]],
    ids=["short all the same", "always so", "now and then"],
)
def test_what_is_only_a_little_slower_is_no_congestion(calls: list[float]) -> None:
    assert not any(heard(Latency(), *calls))


def test_what_stays_slow_becomes_the_measure() -> None:
    latency = Latency()
    heard(latency, 0.1)
    for window in (1, 2):
        heard(latency, 1.5, at_s=window * FLOOR_WINDOW_S)
    assert not any(heard(latency, *[1.5] * 50, at_s=2 * FLOOR_WINDOW_S + 1))


def test_the_first_call_of_all_is_not_slow() -> None:
    assert heard(Latency(), 60.0, math.inf) == [False, False]
