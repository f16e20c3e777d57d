"""How many may be under way at a time. Pure, but for the clock it is given.

A live order waits behind what is under way, so that is no more than what was settled in the last seconds: the wait is about
as long, whatever the other side's speed. Live traffic that takes its share makes it less by itself.
"""

from collections import deque

LEAST, MOST = 40, 200
SPAN_S = 4.0
SHOWN_SPAN_S = 15.0


class Pace:
    """`now_s` is any steady clock."""

    def __init__(self) -> None:
        self._settled: deque[tuple[float, int]] = deque()

    def note(self, settled: int, now_s: float) -> None:
        self._settled.append((now_s, settled))
        while self._settled and self._settled[0][0] < now_s - SHOWN_SPAN_S:
            self._settled.popleft()

    def most_open(self, now_s: float) -> int:
        return min(MOST, max(LEAST, self._since(now_s - SPAN_S)))

    def rate_per_s(self, now_s: float) -> float:
        """Of the last seconds, for people."""
        if not self._settled:
            return 0.0
        return self._since(now_s - SHOWN_SPAN_S) / min(SHOWN_SPAN_S, max(1.0, now_s - self._settled[0][0]))

    def _since(self, moment_s: float) -> int:
        return sum(settled for at_s, settled in self._settled if at_s >= moment_s)
