"""Aware UTC and its text form on the wire; time that nobody can set; and noticing when somebody sets the clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

LARGEST_STEP_S = 300.0
"""What time synchronisation may set at once; more is a jump."""


def utc_now() -> datetime:
    return datetime.now(UTC)


_BEGAN_AT = utc_now()
_BEGAN_S = time.monotonic()


def steady_now() -> datetime:
    """What `utc_now` would give had nobody set the clock since this program started: for periods that must be waited out."""
    return _BEGAN_AT + timedelta(seconds=time.monotonic() - _BEGAN_S)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds; sorts as text in the order of time."""
    # Three times as fast as strftime, and called a dozen times for an event.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Aware UTC. Raises ValueError on text that names no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


class ClockWatch:
    """The wall clock against the monotonic one. Ask it every few seconds: it takes what differs in between for one step."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._first_s = self._last_s = self._difference_s()

    def now(self) -> datetime:
        """The wall clock as of the last look, carried on steadily: a jump counts from the look that sees it."""
        return datetime.fromtimestamp(self._monotonic() + self._last_s, UTC)

    @property
    def is_off(self) -> bool:
        """The clock says something else than at the start, by more than a step: ages that it gives prove nothing."""
        return abs(self._last_s - self._first_s) > LARGEST_STEP_S

    def step_s(self) -> float:
        """How far the clock was set since the last look; 0 for what time synchronisation does."""
        before, self._last_s = self._last_s, self._difference_s()
        step_s = self._last_s - before
        if abs(step_s) > LARGEST_STEP_S:
            return step_s
        # Many small steps, of a machine that is paused every night, are no clock that is off.
        self._first_s += step_s
        return 0.0

    def _difference_s(self) -> float:
        return self._wall() - self._monotonic()
