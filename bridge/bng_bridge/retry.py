"""When a failed event runs again, and when it is given up: the whole policy on one page."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge_common.errors import NotReady, PermanentError, TargetPaused, TransientError

MAX_ATTEMPTS = 12
MAX_BUG_ATTEMPTS = 3
LONGEST_PAUSE_S = 300.0
MAX_AGE = timedelta(days=7)
"""A postponed event counts no attempt; it is bounded by age. A paused target bounds nothing: its events wait for it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`outcome`: retried (counts an attempt), postponed (does not) or dead."""

    outcome: str
    run_at: datetime
    hint: str = ""


def decide(error: Exception, *, attempts: int, stored_at: datetime, now: datetime) -> Decision:
    """`attempts` are those counted before this one."""
    if isinstance(error, NotReady):
        if now - stored_at > MAX_AGE and not isinstance(error, TargetPaused):
            return Decision("dead", now, error.hint or "Waited for 7 days. bridgectl dlq retry runs it again.")
        return Decision("postponed", now + timedelta(seconds=error.delay_s * random.uniform(0.8, 1.2)), error.hint)  # noqa: S311
    if isinstance(error, PermanentError):
        return Decision("dead", now, error.hint or "Correct the cause, then bridgectl dlq retry.")
    transient = isinstance(error, TransientError)
    if attempts + 1 >= (MAX_ATTEMPTS if transient else MAX_BUG_ATTEMPTS):
        return Decision("dead", now, "Gave up after repeated attempts. bridgectl dlq retry runs it again.")
    wanted_s = error.retry_after_s if isinstance(error, TransientError) else None
    return Decision("retried", now + timedelta(seconds=pause_s(attempts, wanted_s)))


def pause_s(attempts: int, retry_after_s: float | None = None) -> float:
    """Exponential from 0.5 s with full jitter above half, never earlier than the target asked for."""
    ceiling = min(LONGEST_PAUSE_S, 0.5 * 2.0**attempts)
    return max(retry_after_s or 0.0, ceiling * random.uniform(0.5, 1.0))  # noqa: S311
