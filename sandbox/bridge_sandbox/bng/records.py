"""Records of any entity: create, save, find. Functions over one transaction; nothing here knows an entity's rules."""

import json
from collections.abc import Iterator
from typing import Any

from bridge_sandbox.bng.entity import Entity
from bridge_sandbox.bng.problems import DUPLICATE_EXTERNAL_ID, NOT_FOUND, Problem
from bridge_sandbox.bng.store import Work

Record = dict[str, Any]

FIRST_ID = 100_001


def create(work: Work, entity: Entity, own: Record, record_id: str | None = None) -> Record:
    """A new record with the client's fields `own`, stored; raises Problem if its ExternalID is taken."""
    record = {
        entity.id_field: record_id or next_id(work, entity),
        "ExternalID": own.get("ExternalID"),
        **own,
        "Version": 0,
        "CreatedAt": work.at,
        "UpdatedAt": work.at,
        "UpdatedBy": work.actor,
        "Deleted": False,
    }
    return save(work, entity, record)


def save(work: Work, entity: Entity, record: Record) -> Record:
    """The record stored as its next version; raises Problem if another one holds its ExternalID."""
    if work.store.unique_external_ids:
        refuse_duplicate(work, entity, record)
    saved = record | {"Version": record["Version"] + 1, "UpdatedAt": work.at, "UpdatedBy": work.actor}
    body = dump(saved)
    work.db.execute(
        "INSERT INTO records (entity, id, body) VALUES (?, ?, ?)"
        " ON CONFLICT (entity, id) DO UPDATE SET body = excluded.body",
        (entity.name, saved[entity.id_field], body),
    )
    work.db.execute(
        "INSERT INTO history (entity, id, body) VALUES (?, ?, ?)", (entity.name, saved[entity.id_field], body)
    )
    return saved


def history_of(work: Work, entity: Entity) -> Iterator[Record]:
    """Every record in every version it has had, in the order of the writes."""
    query = "SELECT body FROM history WHERE entity = ? ORDER BY n"
    return (load(body) for (body,) in work.db.execute(query, (entity.name,)).fetchall())


def backdate(work: Work, entity: Entity, record_id: str, at: str) -> Record:
    """The record as if it had been written then, and its transaction had become visible only now."""
    record = get(work, entity, record_id) | {"UpdatedAt": at}
    work.db.execute("UPDATE records SET body = ? WHERE entity = ? AND id = ?", (dump(record), entity.name, record_id))
    return record


def delete(work: Work, entity: Entity, record_id: str) -> None:
    """Without a trace, as by somebody with access to the database; raises Problem if there is none."""
    get(work, entity, record_id)
    work.db.execute("DELETE FROM records WHERE entity = ? AND id = ?", (entity.name, record_id))


def get(work: Work, entity: Entity, record_id: str) -> Record:
    """The record; raises Problem if there is none."""
    row = work.db.execute("SELECT body FROM records WHERE entity = ? AND id = ?", (entity.name, record_id)).fetchone()
    if row is None:
        raise Problem(NOT_FOUND, f"no {entity.name} {record_id}")
    return load(row[0])


def exists(work: Work, entity: Entity, record_id: str) -> bool:
    """Whether there is such a record."""
    query = "SELECT 1 FROM records WHERE entity = ? AND id = ?"
    return work.db.execute(query, (entity.name, record_id)).fetchone() is not None


def find(work: Work, entity: Entity, external_id: str) -> Record | None:
    """The record with this ExternalID, the first of them if several have it."""
    return next(matching(work, entity, external_id=external_id), None)


def find_sku(work: Work, entity: Entity, sku: str, warehouse: str | None = None) -> Record | None:
    """The record for these goods (in this warehouse)."""
    return next(matching(work, entity, sku=sku, warehouse=warehouse), None)


def matching(work: Work, entity: Entity, **columns: str | None) -> Iterator[Record]:
    """Every record with these values in the columns made of its body, in the order of their ids."""
    # Not IS ? for all: that would not use an index of what is not null.
    terms = [f"{name} IS NULL" if value is None else f"{name} = ?" for name, value in columns.items()]
    values = [value for value in columns.values() if value is not None]
    # Not by the index on the order, which SQLite would else prefer and read whole: the columns' own are few rows.
    order = "+id" if columns else "id"
    query = f"SELECT body FROM records WHERE {' AND '.join(['entity = ?', *terms])} ORDER BY {order}"
    return (load(body) for (body,) in work.db.execute(query, (entity.name, *values)).fetchall())


def all_of(work: Work, entity: Entity) -> Iterator[Record]:
    """Every record, in the order of their ids."""
    return matching(work, entity)


def next_id(work: Work, entity: Entity) -> str:
    """Such as C-100001; a number is used once even if its transaction is followed by a deletion."""
    (number,) = work.db.execute(
        "INSERT INTO counters (entity, last) VALUES (?, ?)"
        " ON CONFLICT (entity) DO UPDATE SET last = last + 1 RETURNING last",
        (entity.name, FIRST_ID),
    ).fetchone()
    return f"{entity.prefix}-{number}"


def refuse_duplicate(work: Work, entity: Entity, record: Record) -> None:
    """Raise Problem if a record other than this one has its ExternalID."""
    if record["ExternalID"] is None:
        return
    row = work.db.execute(
        "SELECT id FROM records WHERE entity = ? AND external_id = ? AND id <> ?",
        (entity.name, record["ExternalID"], record[entity.id_field]),
    ).fetchone()
    if row is not None:
        error = ("/ExternalID", f"is the ExternalID of {row[0]}")
        raise Problem(DUPLICATE_EXTERNAL_ID, f"{record['ExternalID']} {error[1]}", (error,))


def dump(record: Record) -> str:
    """The record as JSON text; amounts are strings in it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def load(body: str) -> Record:
    """The record in a stored text."""
    record: Record = json.loads(body)
    return record
