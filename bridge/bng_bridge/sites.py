"""What the bridge knows of each site's agent: granted epochs (durable), and the last heartbeat (in memory)."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from bridge_common import queries
from bridge_common.clock import from_text
from bridge_common.errors import IdentityChanged

_SQL = queries.load("bng_bridge", "sites")


@dataclass(slots=True)
class Presence:
    """`seen_at_s` is the loop's clock at the last packet; `heartbeat` the agent's own last status."""

    seen_at_s: float | None = None
    heartbeat: dict[str, Any] = field(default_factory=dict)
    refused: str = ""


def grant_epoch(db: sqlite3.Connection, site: str, hello: dict[str, Any], now: str) -> int:
    """max(last granted + 1, unix seconds): it rises for ever, also after a restore of this store.

    Enrolment pins the shop's base URL and database identity. Raises IdentityChanged when another shop says hello.
    """
    values = {"database_id": str(hello["database_id"]), "base_url": str(hello["base_url"])}
    known = db.execute(_SQL["get"], {"site": site}).fetchone()
    for name, value in values.items():
        if known is not None and known[name] != value:
            raise IdentityChanged(f"{site} was enrolled with {name} {known[name]}, and says {value} now")
    now_s = int(from_text(now).timestamp())
    return int(db.execute(_SQL["grant"], {**values, "site": site, "now": now, "now_s": now_s}).fetchone()[0])


def epoch_of(db: sqlite3.Connection, site: str) -> int:
    """The last epoch granted; 0 for a site that never said hello."""
    row = db.execute(_SQL["get"], {"site": site}).fetchone()
    return 0 if row is None else int(row["epoch"])


def pause(db: sqlite3.Connection, target: str, reason: str, now: str) -> None:
    """An operator's word; it outlives a restart."""
    db.execute(_SQL["pause"], {"target": target, "reason": reason, "now": now})


def resume(db: sqlite3.Connection, target: str) -> bool:
    return db.execute(_SQL["resume"], {"target": target}).rowcount == 1


def paused(db: sqlite3.Connection) -> dict[str, str]:
    """{target: reason}"""
    return {row["target"]: row["reason"] for row in db.execute(_SQL["paused"])}


def watermark(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute(_SQL["get_watermark"], {"name": name}).fetchone()
    return None if row is None else str(row[0])


def move_watermark(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute(_SQL["put_watermark"], {"name": name, "value": value})
