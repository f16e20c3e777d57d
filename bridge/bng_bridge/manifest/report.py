"""What a pass has come to: counted up while it runs, shown by `bridgectl manifest`."""

from dataclasses import dataclass, field

from bng_bridge.manifest.verdict import Verdict


@dataclass
class Report:
    """`missing` are entities as entity/id, a deleted one with its D; `asked` counts the rows that the agent made for them,
    and for what was unsure. `ended_at` is empty while it runs; `error` says why it ended early."""

    site: str
    number: int
    began_at: str = ""
    ended_at: str = ""
    listed: int = 0
    covered: int = 0
    on_the_way: int = 0
    look_again: int = 0
    asked: int = 0
    missing: list[str] = field(default_factory=list)
    error: str = ""

    def count(self, verdict: Verdict) -> None:
        """A line that was compared. What is unsure or missing shows in `asked`, or turns out to be on its way."""
        self.listed += 1
        self.covered += verdict == "covered"
        self.on_the_way += verdict == "on the way"
        self.look_again += verdict == "look again"
