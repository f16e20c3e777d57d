"""What a comparison has come to: counted up while it runs, kept when it has ended, shown by `bridgectl stock`."""

import sqlite3
from dataclasses import asdict, dataclass, field
from typing import Any

from bridge_common import decimal_json, queries

_SQL = queries.load("bng_bridge", "stock_check")
MOST_SHOWN = 1000
"""Differences in a report. The rest is counted."""

UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """`expected` is what would be written now, `shop` what is there, as texts; '' for none. `bng`: what BNG itself says.

    `why`: pending, dead letter, shipment not in shop, open orders, refused, or unexplained.
    """

    sku: str
    warehouse: str
    source: str
    bng: str
    expected: str
    shop: str
    why: str


@dataclass
class Report:
    """`compared` items of BNG's, `not_sold` of which the shop has no product. `suspects` are looked at again at the end.

    `ended_at` is empty while it runs; `error` says why it ended early. `repaired`: how many are written again.
    """

    site: str
    number: int
    began_at: str = ""
    ended_at: str = ""
    compared: int = 0
    agree: int = 0
    not_sold: int = 0
    suspects: int = 0
    unexplained: int = 0
    repaired: int = 0
    not_shown: int = 0
    differences: list[Difference] = field(default_factory=list)
    error: str = ""

    def add(self, difference: Difference) -> None:
        self.unexplained += difference.why == UNEXPLAINED
        if len(self.differences) < MOST_SHOWN:
            self.differences.append(difference)
        else:
            self.not_shown += 1

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def last(db: sqlite3.Connection, site: str) -> dict[str, Any] | None:
    """The last one that came to its end; None before the first."""
    row = db.execute(_SQL["get"], {"site": site}).fetchone()
    return None if row is None else dict(decimal_json.loads(row["report"]))


def keep(db: sqlite3.Connection, report: Report) -> None:
    db.execute(_SQL["put"], {"site": report.site, "report": decimal_json.dumps(report.told())})
