"""Windows of a shop's history that an operator has had brought over: how far each is, and what lies in one.

running    begun, or taken up again, by an operator; a crash leaves it so, and the next start of the bridge goes on
paused     an operator's word; what was handed over goes its way
done       everything was handed over, and every event is settled or waits for something of its own
cancelled  an operator's word; what was handed over stays at the other side, and in the window

Functions over a connection, each inside the caller's transaction where they write. Times are RFC 3339 text.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bridge_common import queries
from bridge_common.clock import from_text, to_text

_SQL = queries.load("bng_bridge", "windows")

WAITING = "waiting"
LONG = timedelta(seconds=5)
"""A pause between two looks at an event that is none of a target's hiccups any more."""
ENDS = {"done": "done", "skipped": "skipped", "discarded": "skipped", "dead": "dead"}
"""How an event ended, and as what it is counted. A dead letter waits for a person, not for the backfill."""


@dataclass(frozen=True, slots=True)
class Window:
    """`last_day` '' is the moment when it was begun. Up to `last_id` all of it was handed over, `sums` is of those."""

    id: int
    site: str
    entity: str
    first_day: str
    last_day: str
    since: datetime
    until: datetime
    state: str
    last_id: int
    total: int | None
    handed: int
    done: int
    skipped: int
    dead: int
    sums: dict[str, Decimal]
    began_at: str
    began_by: str
    ended_at: str | None

    @property
    def settled(self) -> int:
        return self.done + self.skipped + self.dead

    @property
    def is_unfinished(self) -> bool:
        return self.state in ("running", "paused")


@dataclass(slots=True)
class HandOver:
    """Some of a window's records in the order of their ids, the last of which is `last_id`."""

    last_id: int
    entity_ids: list[str] = field(default_factory=list)
    sums: dict[str, Decimal] = field(default_factory=dict)

    def add(self, currency: str, amount: Decimal) -> None:
        self.sums[currency] = self.sums.get(currency, Decimal(0)) + amount


def get(db: sqlite3.Connection, number: int) -> Window | None:
    row = db.execute(_SQL["get"], {"id": number}).fetchone()
    return _window(row) if row else None


def all_of(db: sqlite3.Connection, site: str | None = None) -> list[Window]:
    """Of one site or of all, the oldest first."""
    return [_window(row) for row in db.execute(_SQL["all"], {"site": site})]


def unfinished(db: sqlite3.Connection, site: str) -> list[Window]:
    """Those that run or are paused, the oldest first."""
    return [_window(row) for row in db.execute(_SQL["unfinished"], {"site": site})]


def begin(db: sqlite3.Connection, who: str, now: str, **values: Any) -> int:
    """`values`: site, entity, first_day, last_day, and since and until as times. Its number."""
    row = values | {"since": to_text(values["since"]), "until": to_text(values["until"]), "now": now, "who": who}
    return int(db.execute(_SQL["begin"], row).fetchone()[0])


def set_state(db: sqlite3.Connection, number: int, state: str, now: str) -> bool:
    """False where it has ended already. A cancelled one is not waited for any more."""
    if state == "cancelled":
        db.execute(_SQL["close_all"], {"id": number})
    return db.execute(_SQL["set_state"], {"id": number, "state": state, "now": now}).rowcount == 1


def end(db: sqlite3.Connection, number: int, now: str) -> None:
    """What waits by then goes on without it: it is in the inbox."""
    db.execute(_SQL["close_all"], {"id": number})
    db.execute(_SQL["set_state"], {"id": number, "state": "done", "now": now})


def count(db: sqlite3.Connection, number: int, total: int) -> None:
    """What the shop says lies in it."""
    db.execute(_SQL["count"], {"id": number, "total": total})


def hand_over(db: sqlite3.Connection, window: Window, piece: HandOver, asked_seq: int) -> bool:
    """They count as handed over from now on, and as made after go-live, whether they are asked for before a crash or after.

    False, and nothing done, where the window does not run any more.
    """
    now = get(db, window.id)
    if now is None or now.state != "running":
        return False
    sums = dict(now.sums)
    for currency, amount in piece.sums.items():
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    values = {"id": window.id, "last_id": piece.last_id, "handed": len(piece.entity_ids)}
    db.execute(_SQL["hand_over"], {**values, "sums": json.dumps({name: str(each) for name, each in sums.items()})})
    common = {"id": window.id, "site": window.site, "entity": window.entity, "asked_seq": asked_seq}
    db.executemany(_SQL["open"], [{**common, "entity_id": each} for each in piece.entity_ids])
    return True


def opened(db: sqlite3.Connection, window: Window, later: datetime) -> dict[str, str | None]:
    """By id of what was handed over and is not settled yet, the state of its event; None: none came since. WAITING for one
    that nobody looks at before `later`."""
    values = {"id": window.id, "site": window.site, "entity": window.entity, "later": to_text(later)}
    return {row["entity_id"]: row["state"] for row in db.execute(_SQL["opened"], values)}


def settle(db: sqlite3.Connection, window: Window, ended: Mapping[str, str]) -> None:
    """`ended`: by id, how its event ended."""
    counted = Counter(ENDS[state] for state in ended.values())
    db.execute(_SQL["settle"], {"id": window.id, **{name: counted[name] for name in ("done", "skipped", "dead")}})
    rows = [{"site": window.site, "entity": window.entity, "entity_id": each} for each in ended]
    db.executemany(_SQL["close"], rows)


def covering(db: sqlite3.Connection, site: str, entity: str, entity_id: str, created_at: datetime) -> datetime | None:
    """The beginning of a window in which the record lies and with which it was handed over; None: it lies in none."""
    if not entity_id.isdecimal():
        return None
    values = {"site": site, "entity": entity, "entity_id": int(entity_id), "created_at": to_text(created_at)}
    row = db.execute(_SQL["covering"], values).fetchone()
    return None if row is None else from_text(row["since"])


def ended(opened_now: Mapping[str, str | None]) -> dict[str, str]:
    """Those of `opened` that are settled."""
    return {entity_id: state for entity_id, state in opened_now.items() if state in ENDS}


def unheard(opened_now: Mapping[str, str | None]) -> Iterable[str]:
    """Those of `opened` of which no event came yet."""
    return [entity_id for entity_id, state in opened_now.items() if state is None]


def _window(row: sqlite3.Row) -> Window:
    values: dict[str, Any] = {name: row[name] for name in Window.__slots__}
    sums = {name: Decimal(text) for name, text in json.loads(row["sums"]).items()}
    return Window(**{**values, "since": from_text(row["since"]), "until": from_text(row["until"]), "sums": sums})
