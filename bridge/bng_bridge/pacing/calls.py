"""How often something was called: in this minute, in the last sixty of them, and since the start."""

from collections import deque

MINUTES = 60


class Calls:
    """`now_s` is a monotonic clock's, and the minutes are its minutes."""

    __slots__ = ("_counts", "_minute", "total")

    def __init__(self) -> None:
        self.total = 0
        self._minute = 0
        self._counts = deque([0], maxlen=MINUTES)

    def add(self, now_s: float) -> None:
        minute = int(now_s // 60)
        if minute != self._minute:
            self._turn_to(minute)
        self.total += 1
        self._counts[-1] += 1

    def counted(self, now_s: float) -> dict[str, int]:
        """{"minute", "hour", "total"}"""
        self._turn_to(int(now_s // 60))
        return {"minute": self._counts[-1], "hour": sum(self._counts), "total": self.total}

    def _turn_to(self, minute: int) -> None:
        self._counts.extend([0] * min(MINUTES, minute - self._minute))
        self._minute = minute
