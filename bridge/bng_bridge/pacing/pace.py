"""How many calls a second a target is given: halved when it has too much, grown back bit by bit (AIMD, as TCP does).

Times are a monotonic clock's. A call that is answered slowly is a success that says "too much" early.
"""

import math
from dataclasses import dataclass, replace

CUT_EVERY_S = 1.0
"""Calls that were under way together tell of one and the same congestion: halving for each would stop everything."""

RECOVERY_S = 20.0
"""From nothing to the ceiling. Slow beside CUT_EVERY_S, so that it settles below what the target bears."""

LEAST_PER_S = 0.5
"""So few harm nobody, and tell soon that the target is well again."""

SLOW_IN_A_ROW = 8
FAR_ABOVE = 5.0
SLOW_AT_LEAST_S = 1.0
FLOOR_WINDOW_S = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls per second: `rate` now, at most `ceiling`, which is what is configured. `reason` says why it is lower."""

    ceiling: float
    rate: float
    reason: str = ""
    cut_at_s: float = -math.inf
    grown_at_s: float = -math.inf

    def text(self) -> str:
        """For status: `50/s`, or `slowed to 12.5/s: REASON`."""
        if self.rate >= self.ceiling:
            return f"{self.ceiling:g}/s"
        return f"slowed to {self.rate:.3g}/s: {self.reason}"


def full(ceiling: float) -> Pace:
    return Pace(ceiling, ceiling)


def cut(pace: Pace, reason: str, now_s: float) -> Pace:
    """Halved, but never below what tells that it is over."""
    if now_s - pace.cut_at_s < CUT_EVERY_S:
        return pace
    least = min(pace.ceiling, LEAST_PER_S)
    return replace(pace, rate=max(pace.rate / 2, least), reason=reason, cut_at_s=now_s, grown_at_s=now_s)


def grown(pace: Pace, now_s: float) -> Pace:
    """After a success: by the time that has passed, one second at most, so that few calls count no less than many."""
    if pace.rate >= pace.ceiling:
        return pace
    passed_s = min(1.0, now_s - pace.grown_at_s)
    rate = pace.rate + pace.ceiling * passed_s / RECOVERY_S
    if rate >= pace.ceiling:
        return replace(pace, rate=pace.ceiling, reason="", grown_at_s=now_s)
    return replace(pace, rate=rate, grown_at_s=now_s)


class Latency:
    """How long one class of calls takes, against the shortest of the last minutes."""

    __slots__ = ("_least_before_s", "_least_s", "_slow", "_window_ends_s")

    def __init__(self) -> None:
        self._least_s = self._least_before_s = math.inf
        self._window_ends_s = -math.inf
        self._slow = 0

    def is_high(self, took_s: float, now_s: float) -> bool:
        """True with the last of several calls in a row that each took far longer: one long list is no congestion.

        What stays slow becomes the measure of a next window: then it is the target's own speed, and no reason to wait.
        """
        if now_s >= self._window_ends_s:
            self._least_before_s, self._least_s = self._least_s, math.inf
            self._window_ends_s = now_s + FLOOR_WINDOW_S
        self._least_s = min(self._least_s, took_s)
        if took_s < SLOW_AT_LEAST_S or took_s < FAR_ABOVE * min(self._least_s, self._least_before_s):
            self._slow = 0
            return False
        self._slow += 1
        if self._slow < SLOW_IN_A_ROW:
            return False
        self._slow = 0
        return True
