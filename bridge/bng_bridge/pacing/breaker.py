"""Whether a target is called at all: closed by an operator, for as long as it asked, or because it is away.

It opens after several calls in a row that nobody answered, and at once for maintenance. Then nothing is called, which
counts no attempt, and after a pause one probe at a time is let through; pauses double until one is answered.
"""

import asyncio

from bridge_common.errors import InMaintenance, OutcomeUnknown, TargetPaused, TargetUnavailable
from bridge_common.log import log

FAILURES_TO_OPEN = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
LONGEST_ASKED_S = 3600.0
HELD_LOOK_S = 2.0


class Breaker:
    """Times are the loop's monotonic clock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reason = ""
        self.held = ""
        self._closed_until = 0.0
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._probing = False

    @property
    def is_down(self) -> bool:
        """Several calls in a row were not answered, or it is in maintenance; a mere request to wait does not count."""
        return self._failures >= FAILURES_TO_OPEN

    def failed_within(self, seconds: float) -> bool:
        """Down, and found so lately: after that nobody has asked, which says nothing."""
        return self.is_down and asyncio.get_running_loop().time() - self._closed_until < seconds

    def room(self) -> int | None:
        """How many calls it makes sense to begin now: none while it is closed, one as a probe, else any number (None)."""
        if self.held or self._left_s() > 0:
            return 0
        return 1 if self.is_down else None

    def state(self) -> str:
        """For status: `open`, `paused by an operator: reason`, or `paused N s: reason`."""
        if self.held:
            return f"paused by an operator: {self.held}"
        left_s = self._left_s()
        if self.is_down or left_s > 0:
            return f"paused {left_s:.0f} s: {self.reason}"
        return "open"

    def check(self) -> None:
        """Raises TargetPaused while nothing may be called, or only the probe that is under way."""
        self.check_waits()
        if self._probing:
            raise self._paused()

    def check_waits(self) -> None:
        """The same for a call that was let through."""
        if self.held:
            raise TargetPaused(f"{self.name} is paused by an operator: {self.held}", delay_s=HELD_LOOK_S)
        if self._left_s() > 0:
            raise self._paused()

    def enter(self) -> bool:
        """Let a call through; True when it is the probe."""
        self.check()
        is_probe = self.is_down
        self._probing = self._probing or is_probe
        return is_probe

    def leave(self, *, is_probe: bool) -> None:
        self._probing = self._probing and not is_probe

    def answered(self) -> None:
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S

    def failed(self, error: TargetUnavailable | OutcomeUnknown) -> TargetPaused | None:
        """What is raised instead: a target that is away, or said when to come again, is no event's fault."""
        is_maintenance = isinstance(error, InMaintenance)
        self._failures = max(self._failures + 1, FAILURES_TO_OPEN if is_maintenance else 0)
        is_open = self.is_down
        if not is_open and not error.retry_after_s:
            return None
        self.close_for(error.retry_after_s or self._pause_s, "maintenance mode" if is_maintenance else error.message)
        if is_open:
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return TargetPaused(error.message, hint=error.hint, delay_s=self._left_s())

    def close_for(self, seconds: float, reason: str) -> None:
        """A shorter wait never cuts a longer one."""
        seconds = min(seconds, LONGEST_ASKED_S)
        self.reason = reason
        self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + seconds)
        log("throttled", target=self.name, seconds=seconds, reason=reason)

    def _paused(self) -> TargetPaused:
        return TargetPaused(f"{self.name} is paused: {self.reason}", delay_s=max(self._left_s(), 0.2))

    def _left_s(self) -> float:
        # Asked several times for every call, and nearly always open.
        return max(0.0, self._closed_until - asyncio.get_running_loop().time()) if self._closed_until else 0.0
