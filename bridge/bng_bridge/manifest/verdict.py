"""What a line says about capture: did its state come through the inbox? Pure.

covered     the newest event shows this state, or is surely later than it; or nothing is expected
on the way  an event waits, runs, or is a dead letter that a person sees
look again  the newest event may be newer than the line: the next pass tells
unsure      it cannot be told; another event settles it, and nothing is said to be missing
missing     no event shows this state, as far as the inbox knows now
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bng_bridge.manifest.lines import Line, seen_in

Verdict = Literal["covered", "on the way", "look again", "unsure", "missing"]

ALLOWANCE = timedelta(seconds=2)
"""The shop's times are whole seconds, and its clock is another one than the agent's."""
BEFORE_GO_LIVE = "before go-live"


@dataclass(frozen=True, slots=True)
class Known:
    """The record's row in the manifest. `digest` is that of the line when it was covered, or asked for; '' = neither yet."""

    digest: str
    state: str
    asked_seq: int
    excluded: str

    @property
    def seen(self) -> str:
        return self.digest.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Newest:
    """The event with the highest version of an entity.

    `at`: it shows nothing later than this. `read` gives its snapshot, and is None where that is gone, or never was one.
    `committed_at` is text, by the outbox's clock: when the first of its rows was written.
    """

    seq: int
    kind: str
    state: str
    reason: str
    at: datetime
    read: Callable[[], dict[str, Any]] | None
    committed_at: str = ""

    @property
    def excluded(self) -> str:
        """Why it is not at BNG, when that is its end."""
        if self.state == "discarded":
            return f"discarded: {self.reason}"
        return self.reason if self.state == "skipped" else ""


def judge(
    line: Line, known: Known | None, newest: Newest | None, *, began_at: datetime, go_live_at: datetime | None
) -> Verdict:
    """`began_at` is when the shop was asked for the line."""
    if is_before_go_live(line, go_live_at) and (newest is None or line.entity == "order"):
        return "covered"
    if newest is None:
        return "missing"
    if newest.state in ("pending", "processing", "dead"):
        return "on the way"
    if known is not None and known.state == "asked" and known.digest == line.digest and newest.seq > known.asked_seq:
        # Whatever still differs is not the capture's fault, and asking again would change nothing.
        return "covered"
    return _compare(line, known, newest, began_at)


def is_before_go_live(line: Line, go_live_at: datetime | None) -> bool:
    return go_live_at is not None and line.created_at < go_live_at


def _compare(line: Line, known: Known | None, newest: Newest, began_at: datetime) -> Verdict:
    if newest.read is None and newest.kind != "tombstone":
        return _without_snapshot(line, known, newest)
    if newest.read is None or seen_in(line.entity, newest.read()) != line.seen:
        return "look again" if newest.at > began_at else "missing"
    return _of_parts(line, newest)


def _without_snapshot(line: Line, known: Known | None, newest: Newest) -> Verdict:
    """By the line that was covered before; without one by time alone."""
    if known is not None and known.state == "covered" and known.seen:
        return _of_parts(line, newest) if known.seen == line.seen else "missing"
    is_asked = known is not None and known.state == "asked"
    return "covered" if line.updated_at < newest.at and not is_asked else "unsure"


def _of_parts(line: Line, newest: Newest) -> Verdict:
    if line.changed_at is None or newest.at >= line.changed_at + ALLOWANCE:
        return "covered"
    return "unsure" if newest.at >= line.changed_at - ALLOWANCE else "missing"
