"""Noticing that somebody set the clock, and time that nobody can set."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge_common import clock
from bridge_common.clock import ClockWatch, steady_now, utc_now


class Clocks:
    """Wall and monotonic time, moved by a test."""

    def __init__(self) -> None:
        self.wall_s, self.monotonic_s = 1_700_000_000.0, 50.0

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def watch(clocks: Clocks) -> ClockWatch:
    return ClockWatch(lambda: clocks.wall_s, lambda: clocks.monotonic_s)


def test_time_that_passes_is_no_jump_however_long_nobody_looked(clocks: Clocks, watch: ClockWatch) -> None:
    for seconds in (2, 2, 3600, 10 * 86_400):
        clocks.pass_time(seconds)
        assert (watch.step_s(), watch.is_off) == (0.0, False)


@pytest.mark.parametrize("seconds", [301, 86_400, -301, -86_400])
def test_a_clock_that_is_set_by_more_than_five_minutes_has_jumped_once(
    clocks: Clocks, watch: ClockWatch, seconds: float
) -> None:
    clocks.pass_time(2)
    clocks.wall_s += seconds
    assert watch.step_s() == pytest.approx(seconds)
    assert watch.is_off
    clocks.pass_time(2)
    assert (watch.step_s(), watch.is_off) == (0.0, True)


@pytest.mark.parametrize("seconds", [86_400, -86_400])
def test_a_clock_that_is_set_back_to_what_it_was_is_right_again(
    clocks: Clocks, watch: ClockWatch, seconds: float
) -> None:
    clocks.wall_s += seconds
    watch.step_s()
    clocks.pass_time(60)
    clocks.wall_s -= seconds - 1
    assert watch.step_s() == pytest.approx(1 - seconds)
    assert not watch.is_off


def test_what_time_synchronisation_does_in_small_steps_is_no_jump(clocks: Clocks, watch: ClockWatch) -> None:
    for _ in range(12):
        clocks.wall_s += 50
        assert watch.step_s() == 0
    assert not watch.is_off


def test_steady_time_is_the_wall_s_until_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(steady_now() - utc_now()) < timedelta(seconds=1)
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2040, 1, 1, tzinfo=UTC))
    assert steady_now() < datetime(2040, 1, 1, tzinfo=UTC)
