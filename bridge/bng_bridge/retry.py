"""When a failed event runs again, and when it is given up: the whole policy on one page."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge_common.errors import (
    HeldByPolicy,
    NotReady,
    Pace,
    PermanentError,
    QuietPeriod,
    RateLimited,
    TargetPaused,
    TransientError,
)

MAX_ATTEMPTS = 12
MAX_BUG_ATTEMPTS = 3
LONGEST_PAUSE_S = 300.0
MAX_AGE = timedelta(days=7)
"""A postponed event counts no attempt; it is bounded by age. A paused target bounds nothing: its events wait for it,
and that time does not count.

A target that asks for fewer requests (429) is slow, not broken: it uses up no attempts either."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`outcome`: retried (counts an attempt), postponed (does not) or dead."""

    outcome: str
    run_at: datetime
    hint: str = ""


def decide(error: Exception, *, attempts: int, since: datetime, now: datetime) -> Decision:
    """`attempts` are those counted before this one; its age counts from `since` (inbox.blamed_since), which leaves out what
    is no fault of the event: a target that was paused for a week makes nothing dead at the first look after it.

    `{event}` in the hint stands for the event's number.
    """
    if isinstance(error, NotReady | RateLimited):
        return _held(error, since, now) if isinstance(error, HeldByPolicy) else _not_ready(error, since, now)
    if isinstance(error, PermanentError):
        return Decision("dead", now, error.hint or "Correct the cause, then bridgectl dlq retry {event}.")
    if isinstance(error, TransientError) and error.pace is not None:
        return _paced(error, error.pace, attempts, since, now)
    transient = isinstance(error, TransientError)
    if attempts + 1 >= (MAX_ATTEMPTS if transient else MAX_BUG_ATTEMPTS):
        return Decision("dead", now, f"Gave up after {attempts + 1} attempts. {_again(error)}")
    wanted_s = error.retry_after_s if isinstance(error, TransientError) else None
    return Decision("retried", now + timedelta(seconds=pause_s(attempts, wanted_s)))


def _not_ready(error: NotReady | RateLimited, since: datetime, now: datetime) -> Decision:
    if now - since > MAX_AGE and not isinstance(error, TargetPaused):
        return Decision("dead", now, f"Waited for {MAX_AGE.days} days. {_again(error)}")
    return Decision("postponed", now + timedelta(seconds=_look_again_s(error, now - since)), error.hint)


def _held(error: HeldByPolicy, since: datetime, now: datetime) -> Decision:
    """As the rule says. Only a change of the order or of the rule can end it, and both are looked at at once."""
    ends_at = since + timedelta(seconds=error.longest_s)
    if now >= ends_at:
        days = f"{error.longest_s / 86400:g}"
        return Decision("dead", now, f"Given up after {days} days under rule {error.rule}. {_again(error)}")
    return Decision("postponed", min(ends_at, now + timedelta(seconds=error.delay_s)), error.hint)


def _paced(error: TransientError, pace: Pace, attempts: int, since: datetime, now: datetime) -> Decision:
    """As the step of the flow says that failed: without an end of its own, the usual number of attempts counts."""
    given_up = (
        now - since > timedelta(seconds=pace.give_up_after_s) if pace.give_up_after_s else attempts + 1 >= MAX_ATTEMPTS
    )
    if given_up:
        return Decision("dead", now, f"Gave up after {attempts + 1} attempts. {_again(error)}")
    # Bounded before it is raised to a power: there may be thousands of attempts.
    ceiling = min(pace.most_s, pace.first_s * 2.0 ** min(attempts, 30))
    wait_s = max(error.retry_after_s or 0.0, ceiling * random.uniform(0.5, 1.0))  # noqa: S311
    return Decision("retried", now + timedelta(seconds=wait_s))


def pause_s(attempts: int, retry_after_s: float | None = None) -> float:
    """Exponential from 0.5 s with full jitter above half, never earlier than the target asked for."""
    ceiling = min(LONGEST_PAUSE_S, 0.5 * 2.0**attempts)
    return max(retry_after_s or 0.0, ceiling * random.uniform(0.5, 1.0))  # noqa: S311


def _look_again_s(error: NotReady | RateLimited, age: timedelta) -> float:
    """What is missing is looked for ever more rarely: a tenth of the time it has been missing, up to the longest pause."""
    wanted_s = error.retry_after_s or 1.0 if isinstance(error, RateLimited) else error.delay_s
    if isinstance(error, RateLimited):
        return wanted_s * random.uniform(1.0, 1.2)  # noqa: S311
    if not isinstance(error, TargetPaused | QuietPeriod):
        wanted_s = max(wanted_s, min(age.total_seconds() / 10, LONGEST_PAUSE_S))
    return wanted_s * random.uniform(0.8, 1.2)  # noqa: S311


def _again(error: Exception) -> str:
    hint = getattr(error, "hint", "")
    return f"{hint} bridgectl dlq retry {{event}} runs it again.".strip()
