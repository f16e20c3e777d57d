"""How one run of a flow ended."""

from dataclasses import dataclass, field

from bng_bridge.inbox import Hint


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is done or skipped. `hints` are stored in the commit that settles the event."""

    state: str
    reason: str = ""
    hints: tuple[Hint, ...] = field(default=())


DONE = Outcome("done")


def skipped(reason: str) -> Outcome:
    return Outcome("skipped", reason)
