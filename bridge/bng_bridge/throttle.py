"""How fast a target is called: rate, concurrency, Retry-After, and a breaker, for one target.

`slot()` waits for a permit and learns from how the call ends. The breaker opens after several calls in a row that nobody
answered: then slots raise TargetPaused at once, which counts no attempt, and one probe at a time is let through.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from bridge_common.errors import OutcomeUnknown, RateLimited, RejectedByTarget, TargetPaused, TargetUnavailable
from bridge_common.log import log

FAILURES_TO_OPEN = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HELD_LOOK_S = 2.0

_holding: ContextVar[frozenset[str]] = ContextVar("throttles held by this task", default=frozenset())


class Throttle:
    """Times are the loop's monotonic clock."""

    def __init__(self, name: str, *, requests_per_s: float, concurrency: int) -> None:
        self.name = name
        self._interval_s = 1.0 / requests_per_s
        self._permits = asyncio.Semaphore(concurrency)
        self._next_at = 0.0
        self._closed_until = 0.0
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._probing = False
        self.reason = ""
        self.held = ""

    def hold(self, reason: str) -> None:
        """Closed by an operator, until `release`: nothing is called, and what waits counts no attempt."""
        self.held = reason

    def release(self) -> None:
        self.held = ""

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One call. Raises TargetPaused instead of waiting while the breaker is open.

        A task that holds a slot already gets another without a permit: its look-up inside a write must not wait for itself.
        """
        if self.name in _holding.get():
            await self._pace()
            yield
            return
        self._check_open()
        async with self._permits:
            token = _holding.set(_holding.get() | {self.name})
            try:
                async with self._watched():
                    yield
            finally:
                _holding.reset(token)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        self._check_open()
        is_probe = self.is_down
        self._probing = self._probing or is_probe
        try:
            await self._pace()
            self._check_waits()
            yield
        except RateLimited as error:
            self._close_for(error.retry_after_s or 1.0, "it asked to wait")
            raise
        except (TargetUnavailable, OutcomeUnknown) as error:
            if isinstance(error, OutcomeUnknown) and error.answered:
                self._succeed()
            elif self._fail(error):
                # The target is away, which is no event's fault: waiting for it counts no attempt.
                raise TargetPaused(error.message, hint=error.hint, delay_s=self._left_s()) from error
            raise
        except RejectedByTarget:
            self._succeed()
            raise
        else:
            self._succeed()
        finally:
            if is_probe:
                self._probing = False

    def room(self) -> int | None:
        """How many calls it makes sense to begin now: none while it is closed, one as a probe, else any number (None)."""
        if self.held or self._left_s() > 0:
            return 0
        return 1 if self.is_down else None

    @property
    def is_down(self) -> bool:
        """Several calls in a row were not answered; a mere request to wait does not count."""
        return self._failures >= FAILURES_TO_OPEN

    def state(self) -> str:
        """For status: `open`, `paused by an operator: reason`, or `paused N s: reason`."""
        if self.held:
            return f"paused by an operator: {self.held}"
        left_s = self._left_s()
        if self.is_down or left_s > 0:
            return f"paused {left_s:.0f} s: {self.reason}"
        return "open"

    def _check_open(self) -> None:
        self._check_waits()
        if self._probing:
            raise self._paused()

    def _check_waits(self) -> None:
        if self.held:
            raise TargetPaused(f"{self.name} is paused by an operator: {self.held}", delay_s=HELD_LOOK_S)
        if self._left_s() > 0:
            raise self._paused()

    def _paused(self) -> TargetPaused:
        return TargetPaused(f"{self.name} is paused: {self.reason}", delay_s=max(self._left_s(), 0.2))

    async def _pace(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + self._interval_s
        if at > now:
            await asyncio.sleep(at - now)

    def _fail(self, error: TargetUnavailable | OutcomeUnknown) -> bool:
        """True when the breaker is open now."""
        self._failures += 1
        is_open = self.is_down
        if is_open or error.retry_after_s:
            self._close_for(error.retry_after_s or self._pause_s, error.message)
        if is_open:
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return is_open

    def _close_for(self, seconds: float, reason: str) -> None:
        """A shorter wait never cuts a longer one."""
        self.reason = reason
        self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + seconds)
        log("throttled", target=self.name, seconds=seconds, reason=reason)

    def _left_s(self) -> float:
        return max(0.0, self._closed_until - asyncio.get_running_loop().time())

    def _succeed(self) -> None:
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
