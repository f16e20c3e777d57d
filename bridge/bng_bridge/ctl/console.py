"""The terminal: rich honours NO_COLOR and plain pipes. And how a time, an age, a state is written."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

_COLOURS = {"healthy": "green", "degraded": "yellow", "down": "red", "online": "green", "open": "green"}


def console() -> Console:
    """Without markup: an answer's own square brackets, such as [bng], are part of its words."""
    return Console(highlight=False, markup=False, emoji=False)


def word(text: str) -> Text:
    colour = _COLOURS.get(text) or ("green" if text in ("connected", "done", "complete", "on", "always") else "yellow")
    return Text(text, style="red" if text in ("dead", "not connected", "down", "offline") else colour)


def clock(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%H:%M:%S.%f")[:-3] if text else "-"


def moment(text: str) -> str:
    """For what may be days ago."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s ago"


def since(seconds: float | None) -> str:
    return "" if seconds is None else f" (oldest {seconds:.0f} s)"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def waiting(count: int | None, oldest_s: float | None) -> str:
    return "-" if count is None else f"{count}{since(oldest_s) if count else ''}"


def print_attempts(target: Console, attempts: list[dict[str, Any]]) -> None:
    for item in attempts:
        what = f"{item['outcome']} {item['error_kind']} {item['error']}".strip()
        target.print(Text(f"      attempt {item['number']} {clock(item['started_at'])} {what}"))
