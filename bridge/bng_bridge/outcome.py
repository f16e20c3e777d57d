"""How one run of a flow ended."""

from dataclasses import dataclass, field
from datetime import datetime

from bng_bridge.inbox import Hint
from bridge_common.event import Event


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is done or skipped. `hints` and `events`, with their publishing times, are stored in the settling commit."""

    state: str
    reason: str = ""
    hints: tuple[Hint, ...] = field(default=())
    events: tuple[tuple[Event, datetime], ...] = field(default=())


DONE = Outcome("done")


def skipped(reason: str) -> Outcome:
    return Outcome("skipped", reason)
