"""What a source record is at the target. A binding is written in the commit that settles the write which made it."""

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from bridge_common import decimal_json, queries
from bridge_common.errors import IdentityChanged

_SQL = queries.load("bng_bridge", "bindings")
_ASIDE = "/replaced-"


@dataclass(frozen=True, slots=True)
class Binding:
    """`facts` is what later flows and trace need of the record; `digest` '' means: the next apply writes."""

    target_key: str
    site: str
    target: str
    entity: str
    target_id: str
    fingerprint: str
    digest: str
    version: str
    facts: dict[str, Any]
    bound_at: str = ""
    applied_at: str = ""


def digest_of(body: dict[str, Any]) -> str:
    """SHA-256 of the mapped, owned fields, keys sorted, Decimals normalised."""
    return hashlib.sha256(decimal_json.canonical(body).encode()).hexdigest()


def get(db: sqlite3.Connection, target_key: str) -> Binding | None:
    row = db.execute(_SQL["get"], {"target_key": target_key}).fetchone()
    return _binding(row) if row else None


def by_target(
    db: sqlite3.Connection, target: str, entity: str, target_id: str, site: str | None = None
) -> Binding | None:
    """Shops give the same ids: a record of one of them is told apart by `site`."""
    values = {"target": target, "entity": entity, "target_id": target_id, "site": site}
    row = db.execute(_SQL["by_target"], values).fetchone()
    return _binding(row) if row else None


def lost_by_target(db: sqlite3.Connection, target: str, entity: str, target_id: str) -> Binding | None:
    """The same among those that were set aside: the source lost its record, the target has its own still."""
    values = {"target": target, "entity": entity, "target_id": target_id}
    row = db.execute(_SQL["lost_by_target"], values).fetchone()
    return _binding(row) if row else None


def lost(db: sqlite3.Connection, site: str) -> list[Binding]:
    """The sales orders whose orders the site lost, oldest first."""
    return [_binding(row) for row in db.execute(_SQL["lost"], {"site": site})]


def set_aside(db: sqlite3.Connection, target_key: str, at_s: str) -> None:
    """The source's id stands for another record from now on; what was bound under it is kept, out of every flow's way.

    `at_s` is unix time, which tells several of one key apart.
    """
    db.execute(_SQL["set_aside"], {"target_key": target_key, "aside": f"{target_key}{_ASIDE}{at_s}"})


def forget_fingerprint(db: sqlite3.Connection, target_key: str) -> None:
    """An operator's word: it is the same record. The next write stores how it looks now."""
    db.execute(_SQL["forget_fingerprint"], {"target_key": target_key})


def of_site(db: sqlite3.Connection, site: str, target: str) -> list[Binding]:
    return [_binding(row) for row in db.execute(_SQL["of_site"], {"site": site, "target": target})]


def under(db: sqlite3.Connection, prefix: str) -> list[Binding]:
    """All bindings whose target key begins with `prefix`, oldest first."""
    return [_binding(row) for row in db.execute(_SQL["under"], {"prefix": prefix})]


def put(db: sqlite3.Connection, binding: Binding, now: str) -> None:
    """Bind, or bring a binding up to date. The fingerprint of an existing one never changes, once it is known."""
    values = {name: getattr(binding, name) for name in Binding.__slots__}
    db.execute(_SQL["put"], {**values, "facts": decimal_json.dumps(binding.facts), "now": now})


def check_fingerprint(target_key: str, known: str, found: str) -> None:
    """Raises IdentityChanged, which holds the site, when another record has the id of the one that was bound."""
    if known and found and known != found:
        site = target_key.split("/", maxsplit=1)[0]
        raise IdentityChanged(
            f"{target_key} was {known} when it was bound and is {found} now: another record has its id.",
            hint=f"The shop was restored or cloned: bridgectl site restored {site} goes on with it. If it was neither, "
            "compare both records, then bridgectl dlq discard {event} --reason TEXT.",
            site=site,
        )


def forget(db: sqlite3.Connection, target_key: str) -> None:
    """An operator's word: the record is another one at the target, or none."""
    db.execute(_SQL["forget"], {"target_key": target_key})


def forget_digest(db: sqlite3.Connection, target_key: str) -> None:
    """The target changed behind the binding, through another write of ours: the next apply must look and write."""
    db.execute(_SQL["forget_digest"], {"target_key": target_key})


def add_step(
    db: sqlite3.Connection, seq: int, target_key: str, action: str, target_id: str, now: str, mapping: str = ""
) -> None:
    """`mapping` is the identity of the file that gave what was written."""
    values = {"seq": seq, "target_key": target_key, "action": action, "target_id": target_id, "now": now}
    values["mapping"] = mapping
    db.execute(_SQL["add_step"], values)


def _binding(row: sqlite3.Row) -> Binding:
    values = {name: row[name] for name in Binding.__slots__}
    return Binding(**{**values, "facts": decimal_json.loads(row["facts"])})
