"""Turns at a target, one after the other: each comes an interval after the last, as long as that is by then."""

import asyncio
import math

LATEST_S = 0.01
"""A timer comes a bit late. The next turn does not: they would be fewer than configured."""


class Turns:
    """In the order of those who wait. Times are the loop's clock."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last_at = -math.inf
        self._not_before = -math.inf
        self._order = asyncio.Lock()
        self._waiting = 0
        self._alarm: asyncio.Future[None] | None = None

    async def take(self) -> float:
        """When it came. Nothing is booked ahead: who gives up waiting takes none, and a new interval is everybody's."""
        now = _now()
        if not self._waiting and self.due() <= now:
            self._last_at = now
            return now
        self._waiting += 1
        try:
            async with self._order:
                while (due := self.due()) > (now := _now()):
                    await self._sleep_until(due)
                self._last_at = max(due, now - LATEST_S)
                return self._last_at
        finally:
            self._waiting -= 1

    def due(self) -> float:
        return max(self._last_at + self._interval_s, self._not_before)

    def set(self, interval_s: float, not_before: float = -math.inf) -> None:
        """`not_before` replaces the one of before; without it that stays. A shorter interval makes up for no past turns."""
        self._interval_s = interval_s
        self._not_before = max(_now(), self._not_before if not_before == -math.inf else not_before)
        if self._alarm is not None:
            _ring(self._alarm)

    async def _sleep_until(self, at: float) -> None:
        """Or until turns are due at other times than before."""
        loop = asyncio.get_running_loop()
        self._alarm = loop.create_future()
        timer = loop.call_at(at, _ring, self._alarm)
        try:
            await self._alarm
        finally:
            timer.cancel()
            self._alarm = None


def _ring(alarm: asyncio.Future[None]) -> None:
    if not alarm.done():
        alarm.set_result(None)


def _now() -> float:
    return asyncio.get_running_loop().time()
