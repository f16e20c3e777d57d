"""When a failed event runs again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from bng_bridge import retry
from bridge_common.errors import (
    AwaitingPayment,
    DependencyMissing,
    IdentityChanged,
    InvalidEvent,
    MappingError,
    OutcomeUnknown,
    QuietPeriod,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def decide(error: Exception, attempts: int = 0, age: timedelta = timedelta()) -> retry.Decision:
    return retry.decide(error, attempts=attempts, since=NOW - age, now=NOW)


def delay_s(decision: retry.Decision) -> float:
    return (decision.run_at - NOW).total_seconds()


@pytest.mark.parametrize("error", [TargetUnavailable("x"), OutcomeUnknown("x")])
def test_a_passing_failure_is_retried_until_its_attempts_are_used_up(error: Exception) -> None:
    outcomes = [decide(error, attempts).outcome for attempts in range(retry.MAX_ATTEMPTS)]
    assert outcomes == ["retried"] * (retry.MAX_ATTEMPTS - 1) + ["dead"]


@pytest.mark.parametrize("attempts", range(12))
def test_pauses_double_up_to_a_ceiling_and_never_come_in_step(attempts: int) -> None:
    pauses = [retry.pause_s(attempts) for _ in range(50)]
    ceiling = min(retry.LONGEST_PAUSE_S, 0.5 * 2**attempts)
    assert all(ceiling / 2 <= pause <= ceiling for pause in pauses)
    assert len(set(pauses)) > 1


def test_no_attempt_comes_earlier_than_the_target_asked_for() -> None:
    assert delay_s(decide(RateLimited("x", retry_after_s=77))) >= 77
    assert retry.pause_s(11, 5) > 5


@pytest.mark.parametrize("error", [DependencyMissing("x"), AwaitingPayment("x"), QuietPeriod("x"), RateLimited("x")])
def test_what_is_not_ready_is_postponed_however_often_and_given_up_by_age(error: Exception) -> None:
    assert decide(error, attempts=1000).outcome == "postponed"
    assert decide(error, age=retry.MAX_AGE).outcome == "postponed"
    given_up = decide(error, age=retry.MAX_AGE + timedelta(seconds=1))
    assert given_up.outcome == "dead"
    assert "bridgectl dlq retry" in given_up.hint


def test_an_event_waits_for_a_paused_target_for_as_long_as_it_takes() -> None:
    assert decide(TargetPaused("x"), attempts=1000, age=10 * retry.MAX_AGE).outcome == "postponed"


def test_what_is_not_ready_is_looked_at_again_about_when_it_said() -> None:
    delays = [delay_s(decide(DependencyMissing("x", delay_s=30))) for _ in range(50)]
    assert all(24 <= delay <= 36 for delay in delays)


@pytest.mark.parametrize("kind", [InvalidEvent, MappingError, RejectedByTarget, IdentityChanged])
def test_a_lasting_failure_is_dead_at_once_with_a_hint(kind: type[MappingError]) -> None:
    assert decide(kind("x", hint="mend it")) == retry.Decision("dead", NOW, "mend it")
    assert "bridgectl dlq retry" in decide(kind("x")).hint


def test_a_bug_gets_few_attempts() -> None:
    outcomes = [decide(KeyError("x"), attempts).outcome for attempts in range(retry.MAX_BUG_ATTEMPTS)]
    assert outcomes == ["retried", "retried", "dead"]


def test_what_is_missing_is_looked_for_ever_more_rarely_up_to_some_minutes() -> None:
    def delays(age_s: float) -> list[float]:
        return [delay_s(decide(DependencyMissing("x", delay_s=5), age=timedelta(seconds=age_s))) for _ in range(50)]

    assert all(4 <= delay <= 6 for delay in delays(30))
    assert all(48 <= delay <= 72 for delay in delays(600))
    assert all(240 <= delay <= 360 for delay in delays(86_400))


def test_a_quiet_period_is_not_stretched_by_age() -> None:
    assert delay_s(decide(QuietPeriod("x", delay_s=5), age=timedelta(days=1))) <= 6
