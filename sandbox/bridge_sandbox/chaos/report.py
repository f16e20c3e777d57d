"""What a chaos run says at its end: a sentence per finding for people, one JSON object for programs."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bridge_sandbox.chaos.oracle import Verdict

FINDINGS_SHOWN = 40
MUST_BE_ZERO = ("lost", "duplicated", "out_of_order", "dead", "unknown", "waiting", "missed")
NEEDS_MANIFEST = ("outbox_truncated", "triggers_dropped")
"""What only the manifest can mend."""
CONFUSES_MANIFEST = ("clock_jump",)
"""It compares times of the agent's clock with the bridge's and the shop's: what was captured then seems to be missing."""


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
    """The result; what MUST_BE_ZERO names is wrong when it is not.

    `mended_by_manifest` are all that it found missing; of these, `missed` are what no fault of this run explains: somebody
    lost them whose promise is to lose nothing. `unmet` are faults that met nobody; `faults` are only the others.
    """

    seed: int
    minutes: float
    no_keys: bool
    shops: int = 1
    network: str = ""
    changes: int = 0
    orders: int = 0
    faults: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    dead: int = 0
    unknown: int = 0
    waiting: int = 0
    mended_by_manifest: int = 0
    missed: int = 0
    max_lag_s: float | None = None
    slowest: str = ""
    drain_s: float | None = None
    seconds: float = 0.0
    fault_kinds: int = 0
    changes_by_kind: Mapping[str, int] = field(default_factory=dict)
    faults_by_kind: Mapping[str, int] = field(default_factory=dict)
    unmet: Mapping[str, int] = field(default_factory=dict)
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
        return [
            *shown,
            f"seed {self.seed}: {self.changes} changes, {self.faults} faults of {self.fault_kinds} kinds",
            f"{zeros}; restarts by itself: {counted(self.restarts)}; network: {self.network}",
            f"mended by the manifest {self.mended_by_manifest}; faults that met nobody: {counted(self.unmet)}",
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


def counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def unexplained(missing: Sequence[tuple[str, str]], hosted: Collection[str], inflicted: Collection[str]) -> list[str]:
    """Of (site, what) that the manifest found missing, what capture or the way to the inbox has lost.

    A hosted shop shows no deletions and few late edits: there the manifest is how they are captured.
    """
    if set(inflicted) & {*NEEDS_MANIFEST, *CONFUSES_MANIFEST}:
        return []
    return [f"missed: {what} of {site} came by the manifest alone" for site, what in missing if site not in hosted]


def sentences(verdict: Verdict) -> list[str]:
    kinds: Sequence[tuple[str, tuple[str, ...]]] = (
        ("lost", verdict.lost),
        ("duplicated", verdict.duplicated),
        ("out of order", verdict.out_of_order),
    )
    return [f"{kind}: {text}" for kind, texts in kinds for text in texts]
