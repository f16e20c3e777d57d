"""Pauses between attempts against something that is away."""

import random

FIRST_S = 0.2
LONGEST_S = 15.0
LONGEST_ASKED_S = 300.0
"""A Retry-After beyond this is not believed."""


class Pause:
    """Doubles from 0.2 to 15 s, with jitter, until `reset`."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def next_s(self, at_least_s: float | None = None) -> float:
        """`at_least_s` is what the other side asked for."""
        pause_s = self._next_s * random.uniform(0.7, 1.3)  # noqa: S311 # not for secrets
        self._next_s = min(self._next_s * 2, LONGEST_S)
        return max(pause_s, min(at_least_s or 0.0, LONGEST_ASKED_S))

    def reset(self) -> None:
        self._next_s = FIRST_S
