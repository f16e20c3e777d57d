"""What a chaos run says at its end: a sentence per finding for people, one JSON object for programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FINDINGS_SHOWN = 40
MUST_BE_ZERO = ("lost", "duplicated", "out_of_order", "dead", "unknown", "waiting")


@dataclass(frozen=True)
class Standing:
    """What bridgectl says is left: dead letters, writes of unknown outcome, events and rows that wait."""

    dead: int
    unknown: int
    waiting: int

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.unknown


@dataclass
class Report:
    """The result; what MUST_BE_ZERO names is wrong when it is not."""

    seed: int
    minutes: float
    no_keys: bool
    shops: int = 1
    changes: int = 0
    orders: int = 0
    faults: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    dead: int = 0
    unknown: int = 0
    waiting: int = 0
    max_lag_s: float | None = None
    slowest: str = ""
    drain_s: float | None = None
    seconds: float = 0.0
    fault_kinds: int = 0
    changes_by_kind: Mapping[str, int] = field(default_factory=dict)
    faults_by_kind: Mapping[str, int] = field(default_factory=dict)
    faults_failed: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    restarts: Mapping[str, int] = field(default_factory=dict)
    endings: list[str] = field(default_factory=list)
    stays_down: list[str] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    folder: str | None = None

    @property
    def is_clean(self) -> bool:
        return not any((*(getattr(self, name) for name in MUST_BE_ZERO), self.faults_failed, self.stays_down))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        shown = self.findings[:FINDINGS_SHOWN]
        if more := len(self.findings) - len(shown):
            shown.append(f"... and {more} more")
        shown += [f"fault not inflicted: {text}" for text in self.faults_failed]
        shown += [f"given up: {text}" for text in self.given_up[:FINDINGS_SHOWN]]
        shown += [f"ended by itself: {text}" for text in self.endings]
        shown += [f"systemd would not start it again: {text}" for text in self.stays_down]
        zeros = ", ".join(f"{name} {getattr(self, name)}" for name in MUST_BE_ZERO)
        restarts = ", ".join(f"{name} {count}" for name, count in self.restarts.items()) or "none"
        return [
            *shown,
            f"seed {self.seed}: {self.changes} changes, {self.faults} faults of {self.fault_kinds} kinds",
            f"{zeros}; restarts by itself: {restarts}",
            f"longest from commit to BNG {self.max_lag_s} s ({self.slowest})",
            f"drained in {self.drain_s} s, {self.seconds} s in all",
        ]


def standing(status: Mapping[str, Any]) -> Standing:
    """From `bridgectl status --json`."""
    bridge = status["bridge"]
    rows = sum(site["outbox_rows"] or 0 for site in status["sites"])
    return Standing(dead=bridge["dead"], unknown=bridge["intents"], waiting=bridge["inbox_pending"] + rows)


def by_kind(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
