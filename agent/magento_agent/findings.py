"""What a check found, one line each: good, worth a note, or wrong with its remedy."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "note", "fail"]


@dataclass(frozen=True)
class Finding:
    """`exit_code` is what a failed check ends the program with: 77 a right is missing, 78 set-up, 69 unreachable."""

    name: str
    state: State
    text: str
    remedy: str = ""
    exit_code: int = 78

    def line(self) -> str:
        return f"{self.state:<4}  {self.name}: {self.text}" + (f"\n      {self.remedy}" if self.remedy else "")

    def fields(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["exit_code"]
        return fields


def ok(name: str, text: str) -> Finding:
    return Finding(name, "ok", text)


def note(name: str, text: str, remedy: str = "") -> Finding:
    return Finding(name, "note", text, remedy)


def fail(name: str, text: str, remedy: str, *, exit_code: int = 78) -> Finding:
    return Finding(name, "fail", text, remedy, exit_code)


def exit_code(findings: list[Finding]) -> int:
    """0, or the code of the first failure."""
    return next((finding.exit_code for finding in findings if finding.state == "fail"), 0)
