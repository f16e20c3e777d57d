"""The durable inbox: every event and hint that was accepted, and where it stands.

pending     put there, or given back by a retry, a postponement, an operator; leaves by `claim`
processing  claimed; at most one per ordering key. A crash leaves it here; `rescue` at start gives it back
done        the flow ran, everything it wanted is at the target
skipped     nothing to do, with the reason (unchanged, no flow, before go-live)
superseded  a newer state of the same entity was stored
dead        waits for a person, with the reason and a hint; `requeue` or `discard` moves it
discarded   a person decided

Functions over a connection, each inside the caller's transaction (`Store.write`). `now` is RFC 3339 text.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bng_bridge.cause import cause_of
from bridge_common import decimal_json, queries
from bridge_common.clock import from_text, to_text
from bridge_common.errors import InvalidEvent
from bridge_common.event import Event

_SQL = queries.load("bng_bridge", "inbox")
CLEANED = 1000
MOST_BEHIND = 16
"""Of a backfill at work at a time: half of the slots that there are by default."""
GAP_S = 3600.0
"""Between two attempts of an event. What is not ready is looked at every few minutes: after so long nobody looked."""

DELETED = "deleted before BNG knew it"


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event in the hands of one worker. `has_discarded`: an operator may have discarded a state of its entity before."""

    seq: int
    event_key: str
    site: str
    source: str
    entity: str
    entity_id: str
    kind: str
    ordering_key: str
    attempts: int
    stored_at: str
    data: bytes | None
    requeued_at: str | None = None
    has_discarded: bool = True

    def document(self) -> dict[str, Any]:
        """Raises InvalidEvent for what nothing can be made of, such as brackets in brackets without end."""
        try:
            return dict(decimal_json.loads(self.data or b"{}"))
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidEvent(f"its document cannot be read: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may have changed; the worker fetches it inside its lane. `site` is '' for a record of BNG's."""

    entity: str
    entity_id: str
    ordering_key: str
    event_key: str
    data: dict[str, Any]
    site: str = ""

    @property
    def source(self) -> str:
        return "magento" if self.site else "bng"


def put_events(db: sqlite3.Connection, events: list[tuple[Event, datetime]], now: str) -> int:
    """Store one batch; returns how many became pending. A duplicate changes nothing.

    A version not above the last seen of its entity is kept as superseded; a higher one supersedes what still waits.
    """
    return sum(_put_event(db, event, published_at, now) for event, published_at in events)


def put_hint(db: sqlite3.Connection, hint: Hint, now: str) -> bool:
    """Store a hint; an older waiting hint of the same record is superseded: both would fetch the same state."""
    row = _row(
        event_key=hint.event_key, site=hint.site, source=hint.source, entity=hint.entity, entity_id=hint.entity_id,
        kind="hint", ordering_key=hint.ordering_key, stored_at=now, data=decimal_json.dumps(hint.data),
    )  # fmt: skip
    if not _insert(db, row):
        return False
    _supersede(db, row, now)
    return True


def put_undecodable(db: sqlite3.Connection, site: str, payload: bytes, reason: str, now: str) -> None:
    """Keep the raw bytes as a dead letter, so that one bad batch never blocks the stream and is not lost either."""
    digest = hashlib.sha256(payload).hexdigest()
    row = _row(
        event_key=f"sha256/{digest}", site=site, source="magento", entity="batch", entity_id=digest[:16], kind="raw",
        ordering_key=f"raw/{digest}", stored_at=now, state="dead", reason=reason, data=payload,
        cause=cause_of(InvalidEvent(reason), "batch"),
        hint="See bridgectl dlq show {event}. After an upgrade of the bridge, bridgectl dlq retry {event} decodes it again.",
    )  # fmt: skip
    if _insert(db, row):
        db.execute(_SQL["name_event"], {"event_key": row["event_key"]})


def claim(db: sqlite3.Connection, now: str, limit: int) -> list[Claimed]:
    """Take up to `limit` due events, oldest first, one per ordering key; what a backfill has handed over behind all others,
    and only a few of it at a time, so that what is live finds a free slot."""
    claimed = _claim(db, "claim", now, limit)
    if len(claimed) < limit and db.execute(_SQL["has_behind"]).fetchone():
        room = MOST_BEHIND - int(db.execute(_SQL["behind"]).fetchone()[0])
        claimed += _claim(db, "claim_behind", now, min(room, limit - len(claimed)))
    return claimed


def settle(
    db: sqlite3.Connection,
    event: Claimed,
    state: str,
    *,
    started_at: str,
    now: str,
    reason: str = "",
    hint: str = "",
    cause: str = "",
    error_kind: str = "",
) -> str:
    """Close the event with its outcome and attempt row, in one commit: the only place that commits results.

    Returns the state it really got: what dies while a newer state waits is superseded, or an operator's retry would
    write the older over the newer.
    """
    _add_attempt(db, event, started_at, now, state, error_kind, reason)
    if state == "dead" and _newer_waits(db, event):
        state, reason, hint, cause = "superseded", "a newer state was stored", "", ""
    _close(db, event, state, reason, now, hint=hint, cause=cause, counted=1)
    return state


def give_back(
    db: sqlite3.Connection,
    event: Claimed,
    outcome: str,
    *,
    started_at: str,
    now: str,
    run_at: str,
    error_kind: str,
    reason: str,
    hint: str = "",
    rule: str = "",
) -> str:
    """Pending again at `run_at`; 'retried' counts an attempt, 'postponed' does not. `rule`: the operator's that holds it.

    Returns the state it really got: superseded when a newer state of the entity waits behind it.
    """
    _add_attempt(db, event, started_at, now, outcome, error_kind, reason)
    if _newer_waits(db, event):
        _close(db, event, "superseded", "a newer state was stored", now, counted=0)
        return "superseded"
    counted = int(outcome == "retried")
    values = {"run_at": run_at, "reason": reason, "hint": hint, "counted": counted, "rule": rule}
    db.execute(_SQL["again"], {"seq": event.seq, **values})
    return "pending"


def blamed_since(db: sqlite3.Connection, event: Claimed, started_at: str) -> datetime:
    """What the age of an event counts from in the attempt that began at `started_at`.

    When it was stored, or requeued; later by the time that is no fault of the event: while its target was paused, and while
    nobody looked at it, for BNG was closed or the bridge did not run.
    """
    since = event.requeued_at or event.stored_at
    values = {"seq": event.seq, "since": since, "started_at": started_at, "gap_s": GAP_S}
    return from_text(since) + timedelta(seconds=float(db.execute(_SQL["not_to_blame"], values).fetchone()[0]))


def next_due(db: sqlite3.Connection) -> str | None:
    row = db.execute(_SQL["next_due"]).fetchone()
    return None if row is None else row[0]


def is_deleted(db: sqlite3.Connection, site: str, entity: str, entity_id: str) -> bool:
    """Whether the shop told of the entity's deletion; its ids are not used again."""
    values = {"site": site, "entity": entity, "entity_id": entity_id}
    return db.execute(_SQL["is_deleted"], values).fetchone() is not None


def rescue(db: sqlite3.Connection, now: str) -> int:
    """Give back what a crashed run left in processing, or close it where a newer state waits. Run before the first claim."""
    closed = db.execute(_SQL["rescue_superseded"], {"now": now}).rowcount
    return closed + db.execute(_SQL["rescue"], {"now": now}).rowcount


def bring_forward(
    db: sqlite3.Connection, now: str, *, beyond: str | None = None, site: str | None = None, stored_after: str = ""
) -> int:
    """Due now: what waits until after `beyond` (or at all), of one site or of all. Looking too early does no harm."""
    values = {"now": now, "beyond": beyond or now, "site": site, "stored_after": stored_after}
    return db.execute(_SQL["bring_forward"], values).rowcount


def requeue(db: sqlite3.Connection, seq: int, now: str) -> bool:
    return db.execute(_SQL["requeue"], {"seq": seq, "now": now}).rowcount == 1


def discard(db: sqlite3.Connection, seq: int, reason: str, now: str) -> bool:
    return db.execute(_SQL["discard"], {"seq": seq, "reason": reason, "now": now}).rowcount == 1


def close_lost(db: sqlite3.Connection, seq: int, now: str) -> None:
    """Supersede an event whose record its shop has lost."""
    db.execute(_SQL["close_lost"], {"seq": seq, "now": now})


def clean(db: sqlite3.Connection, before: str) -> int:
    """Forget up to CLEANED closed events older than `before`. Bindings, intents and versions stay, and why a record was
    left out."""
    values = {"before": before, "below": seq_at(db, before), "limit": CLEANED}
    rows = sorted(db.execute(_SQL["clean"], values).fetchall(), key=lambda row: int(row["seq"]))
    for row in rows:
        if row["state"] in ("skipped", "discarded"):
            reason = exclusion(row["state"], row["kind"], row["reason"])
            db.execute(_SQL["keep_reason"], {**dict(row), "reason": reason})
    for query in ("forget_document", "clean_attempts", "clean_steps"):
        db.executemany(_SQL[query], [(row["seq"],) for row in rows])
    return len(rows)


def last_seq(db: sqlite3.Connection) -> int:
    return int(db.execute(_SQL["ends"]).fetchone()["last"])


def seq_at(db: sqlite3.Connection, moment: str) -> int:
    """The first row that was stored then or later, by halving: the times have no index, `seq` grows with them."""
    low, high = db.execute(_SQL["ends"]).fetchone()
    high += 1
    while low < high:
        row = db.execute(_SQL["stored_at"], {"seq": (low + high) // 2}).fetchone()
        if row["stored_at"] < moment:
            low = int(row["seq"]) + 1
        else:
            high = (low + high) // 2
    return int(low)


def exclusion(state: str, kind: str, reason: str) -> str:
    """Why the record of a skipped or discarded event is not at the other side, in the ledger's words."""
    if state == "discarded":
        return f"discarded: {reason}"
    return DELETED if kind == "tombstone" else reason


def select(db: sqlite3.Connection, query: str, **values: Any) -> list[sqlite3.Row]:
    """A read by the name it has in sql/inbox.sql."""
    return db.execute(_SQL[query], values).fetchall()


def _claim(db: sqlite3.Connection, query: str, now: str, limit: int) -> list[Claimed]:
    claimed: list[Claimed] = []
    are_any = db.execute(_SQL["any_discarded"]).fetchone() is not None
    while len(claimed) < limit and (row := db.execute(_SQL[query], {"now": now}).fetchone()) is not None:
        values = {name: row[name] for name in row.keys() if name in Claimed.__slots__}  # noqa: SIM118 # a Row's own
        claimed.append(Claimed(**values, has_discarded=are_any and _has_discarded(db, row)))
    return claimed


def _has_discarded(db: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Asked by itself: within the claim SQLite reads all that was ever discarded."""
    values = {name: row[name] for name in ("source", "entity", "entity_id", "site")}
    return db.execute(_SQL["has_discarded"], values).fetchone() is not None


def _newer_waits(db: sqlite3.Connection, event: Claimed) -> bool:
    return db.execute(_SQL["newer_waits"], {"seq": event.seq}).fetchone() is not None


def _close(
    db: sqlite3.Connection,
    event: Claimed,
    state: str,
    reason: str,
    now: str,
    *,
    counted: int,
    hint: str = "",
    cause: str = "",
) -> None:
    values = {"seq": event.seq, "state": state, "reason": reason, "hint": hint, "cause": cause, "now": now}
    db.execute(_SQL["settle"], {**values, "counted": counted})


def _put_event(db: sqlite3.Connection, event: Event, published_at: datetime, now: str) -> bool:
    event_key = f"{event.site}/{event.version}"
    if db.execute(_SQL["exists"], {"event_key": event_key}).fetchone():
        return False
    newest = (
        db.execute(
            _SQL["raise_version"],
            {
                "site": event.site, "entity": event.entity, "entity_id": event.entity_id,
                "epoch": event.version.epoch, "n": event.version.n,
            },
        ).rowcount
        == 1
    )  # fmt: skip
    row = _row(
        event_key=event_key, site=event.site, source="magento", entity=event.entity, entity_id=event.entity_id,
        kind=event.kind, ordering_key=f"{event.site}/{event.ordering_key}", stored_at=now,
        state="pending" if newest else "superseded", reason="" if newest else "a newer state was stored before",
        committed_at=to_text(event.committed_at), captured_at=to_text(event.captured_at),
        published_at=to_text(published_at), increment_id=event.increment_id,
        data=event.data_text if newest else None,
    )  # fmt: skip
    _insert(db, row)
    if newest:
        _supersede(db, row, now)
    return newest


def _insert(db: sqlite3.Connection, row: dict[str, Any]) -> bool:
    """False when the event is there already."""
    inserted = db.execute(_SQL["insert"], row)
    if inserted.rowcount and row["data"] is not None:
        db.execute(_SQL["insert_document"], (inserted.lastrowid, row["data"]))
    return inserted.rowcount == 1


def _supersede(db: sqlite3.Connection, newer: dict[str, Any], now: str) -> None:
    """What waits of the same entity: nobody will want its document any more."""
    superseded = db.execute(_SQL["supersede"], {**newer, "now": now}).fetchall()
    db.executemany(_SQL["forget_document"], [(row["seq"],) for row in superseded])


def _row(**values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("committed_at", "captured_at", "published_at", "increment_id", "data"))
    return {"state": "pending", "reason": "", "hint": "", "cause": "", **empty, **values}


def _add_attempt(
    db: sqlite3.Connection, event: Claimed, started_at: str, now: str, outcome: str, error_kind: str, error: str
) -> None:
    """A row per attempt; a postponement for the same reason as the last one only moves its end."""
    values = {
        "seq": event.seq, "started_at": started_at, "now": now,
        "outcome": outcome, "error_kind": error_kind, "error": error, "gap_s": GAP_S,
    }  # fmt: skip
    if db.execute(_SQL["extend_attempt"], values).rowcount == 0:
        db.execute(_SQL["add_attempt"], values)
