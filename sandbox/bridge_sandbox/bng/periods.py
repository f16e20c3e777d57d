"""Months that are closed: no ledger entry is dated in one."""

from bridge_sandbox.bng.problems import CLOSED_PERIOD, Problem
from bridge_sandbox.bng.store import Work


def switch(work: Work, period: str, *, closed: bool) -> None:
    """Close or open a month, YYYY-MM."""
    work.db.execute(
        "INSERT INTO switches (name, state) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state",
        (f"closed {period}", closed),
    )


def closed(work: Work) -> list[str]:
    """The closed months in order."""
    rows = work.db.execute("SELECT name FROM switches WHERE name LIKE 'closed %' AND state ORDER BY name")
    return [name.removeprefix("closed ") for (name,) in rows]


def refuse_closed(work: Work, day: str) -> None:
    """Raise Problem if the month of this date is closed."""
    period = day[:7]
    if period in closed(work):
        error = ("/EntryDate", f"{period} is closed")
        raise Problem(CLOSED_PERIOD, error[1], (error,))
