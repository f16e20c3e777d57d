"""What the bridge knows of each site: granted epochs, its identity, why it is held (durable), the last heartbeat (not)."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from bridge_common import decimal_json, queries
from bridge_common.clock import from_text
from bridge_common.errors import IdentityChanged, TakenOver

_SQL = queries.load("bng_bridge", "sites")


@dataclass(slots=True)
class Presence:
    """`seen_at_s` is the loop's clock at the last packet; `heartbeat` the agent's last status; `refused` why it is held."""

    seen_at_s: float | None = None
    heartbeat: dict[str, Any] = field(default_factory=dict)
    refused: str = ""

    def why_held(self) -> str:
        return self.refused


def grant_epoch(db: sqlite3.Connection, site: str, hello: dict[str, Any], now: str) -> int:
    """max(last granted + 1, unix seconds): it rises for ever, also after a restore of this store.

    Enrolment pins the shop's base URL and database identity. Raises IdentityChanged when another shop says hello, TakenOver
    when this run of the agent had an epoch and another run was granted one since.
    """
    values = identity_of(hello)
    instance, last_epoch = str(hello.get("instance") or ""), hello.get("last_epoch")
    known = db.execute(_SQL["get"], {"site": site}).fetchone()
    for name, value in values.items():
        if known is not None and known[name] != value:
            raise IdentityChanged(f"{site} was enrolled with {name} {known[name]}, and says {value} now")
    # A store put back from a copy knows an older run, and an older epoch than the agent's.
    if known is not None and last_epoch is not None and known["instance"] != instance and last_epoch < known["epoch"]:
        raise TakenOver(f"another agent of {site} has said hello at {known['hello_at']}, after this one")
    row = {**values, "site": site, "instance": instance, "now": now, "now_s": int(from_text(now).timestamp())}
    return int(db.execute(_SQL["grant"], row).fetchone()[0])


def identity_of(hello: dict[str, Any]) -> dict[str, str]:
    """What a site is pinned to. Raises KeyError."""
    return {"database_id": str(hello["database_id"]), "base_url": str(hello["base_url"])}


def pin(db: sqlite3.Connection, site: str, identity: dict[str, str]) -> None:
    """An operator's word: this is the site's shop from now on."""
    db.execute(_SQL["pin"], {"site": site, **identity})


def hold(db: sqlite3.Connection, site: str, cause: str, reason: str, detail: dict[str, str], now: str) -> None:
    """`cause`: `hello` or `record`. The first reason stays until it is released."""
    row = {"site": site, "cause": cause, "reason": reason, "detail": decimal_json.dumps(detail), "now": now}
    db.execute(_SQL["hold"], row)


def release(db: sqlite3.Connection, site: str, cause: str | None = None) -> None:
    """From one cause, or from all."""
    db.execute(_SQL["release"], {"site": site, "cause": cause})


def holds(db: sqlite3.Connection, site: str) -> dict[str, sqlite3.Row]:
    """By cause."""
    return {row["cause"]: row for row in db.execute(_SQL["holds"], {"site": site})}


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
