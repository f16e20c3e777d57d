"""After a shop was restored from a backup, moved or cloned: which of its ids stand for other records now, and what follows.

A restored shop has the records of the backup under their ids, and gives the ids after them anew. So of the ids that are
bound, those up to the last common record are the same records, and all above it are lost. They stay at BNG, and their
bindings are set aside; new records under their ids get other names at BNG: docs/adr/0011-generations-of-a-restored-shop.md.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from aiohttp import web

from bng_bridge import bindings, generations, inbox, intents, sites
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.admin.comparison import KINDS, Compared, compare, confirm
from bng_bridge.bindings import Binding
from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.magento_time import from_magento

MARGIN = timedelta(minutes=10)


def held(bridge: Bridge, site: str) -> dict[str, Any]:
    """{"says", "reasons"}: the identity of a shop that is refused, if there is one, and why the site is held."""
    holds = sites.holds(bridge.store.read, bridge.known_site(site))
    says = decimal_json.loads(holds["hello"]["detail"]) if "hello" in holds else {}
    return {"says": says, "reasons": [row["reason"] for row in holds.values()]}


async def pin(bridge: Bridge, site: str, identity: dict[str, str]) -> dict[str, Any]:
    """Take this shop for the site's: its agent will be welcomed. The site is held on, until `restored`."""
    await bridge.holds.hold(bridge.known_site(site), "record", "an operator compares it with what is bound")
    await bridge.store.write(lambda db: sites.pin(db, site, identity))
    return {"pinned": identity}


async def look(bridge: Bridge, site: str) -> dict[str, Any]:
    """What `restored` would do. Raises TargetUnavailable while the shop cannot be read."""
    compared = [await compare(bridge, site, kind) for kind in KINDS]
    return {each.kind.entity: _described(each) for each in compared}


async def restored(bridge: Bridge, site: str, backup_at: datetime | None) -> dict[str, Any]:
    """Set aside what is lost, begin a new generation of ids, let the site go on.

    {"lost", "since", "order", "customer"}: the sales orders that the shop lost; what is to be looked at once more: BNG's
    changes since then, and these records of the shop. Doing it again does no harm.
    """
    compared = [await compare(bridge, site, kind) for kind in KINDS]
    for each in compared:
        waiting = await bridge.store.look(partial(_waiting_ids, site=site, compared=each))
        await confirm(bridge, site, each, waiting)
    since = _since(compared, backup_at)
    now = utc_now()
    done: dict[str, Any] = await bridge.store.write(lambda db: _commit(db, site, compared, since, now))
    await bridge.holds.release(site)
    bridge.worker.wake()
    return {**done, "since": to_text(since) if since else None}


def lost(bridge: Bridge, site: str) -> list[dict[str, Any]]:
    """Sales orders at BNG whose orders the shop lost."""
    return _lost_orders(bindings.lost(bridge.store.read, bridge.known_site(site)))


async def _held(bridge: Bridge, request: web.Request) -> Any:
    return held(bridge, request.match_info["site"])


async def _pin(bridge: Bridge, request: web.Request) -> Any:
    return await pin(bridge, request.match_info["site"], sites.identity_of(await request.json()))


async def _look(bridge: Bridge, request: web.Request) -> Any:
    return await look(bridge, bridge.known_site(request.match_info["site"]))


async def _restored(bridge: Bridge, request: web.Request) -> Any:
    text = (await request.json()).get("backup_time")
    site = bridge.known_site(request.match_info["site"])
    return await restored(bridge, site, from_text(str(text)) if text else None)


async def _lost(bridge: Bridge, request: web.Request) -> Any:
    return lost(bridge, request.match_info["site"])


ROUTES: tuple[Route, ...] = (
    ("GET", "/site/{site}/held", _held),
    ("POST", "/site/{site}/pin", _pin),
    ("GET", "/site/{site}/compared", _look),
    ("POST", "/site/{site}/restored", _restored),
    ("GET", "/site/{site}/lost", _lost),
)


def _described(compared: Compared) -> dict[str, Any]:
    given_again = [each for each in compared.lost if each in compared.shown]
    return {"first_id": compared.first_id, "lost": len(compared.lost), "given_again": len(given_again)}


def _since(compared: list[Compared], backup_at: datetime | None) -> datetime | None:
    """The backup cannot be older than the last record that both sides have."""
    if backup_at is not None:
        return backup_at - MARGIN
    common_at = [each.common_at for each in compared if each.common_at and each.kind.entity == "order"]
    if not common_at:
        return None
    return from_magento(common_at[0]) - MARGIN


def _commit(
    db: sqlite3.Connection, site: str, compared: list[Compared], since: datetime | None, now: datetime
) -> dict[str, Any]:
    aside_at, at = f"{now.timestamp():.3f}", to_text(now)
    moved = _set_aside(db, site, compared, aside_at)
    for each in compared:
        if each.first_id is not None:
            generations.begin(db, site, each.kind.entity, each.first_id, at)
            _close_lost(db, site, each, at)
    _requeue(db, site, at)
    applied = _forget_since(db, site, to_text(since), aside_at) if since else {}
    wanted = {each.kind.entity: sorted({*_new_ids(each), *applied.get(each.kind.entity, ())}) for each in compared}
    return {"lost": _lost_orders([bound for bound in moved if bound.entity == "sales_order"]), **wanted}


def _set_aside(db: sqlite3.Connection, site: str, compared: list[Compared], aside_at: str) -> list[Binding]:
    """All that is bound by ids that are lost. Open intents of theirs go: what they look for belongs to nobody any more."""
    first = {each.kind.entity: each.first_id for each in compared}
    moved = [bound for bound in bindings.of_site(db, site, "bng") if _is_lost(bound.target_key, first)]
    for bound in moved:
        bindings.set_aside(db, bound.target_key, aside_at)
    for intent in intents.all_open(db):
        if intent.target_key.startswith(f"{site}/") and _is_lost(intent.target_key, first):
            intents.close(db, intent.target_key)
    return moved


def _is_lost(target_key: str, first: dict[str, int | None]) -> bool:
    """`first` is by entity the first id that is lost. A guest of one order goes with it."""
    _, entity, source_id, *_ = target_key.split("/")
    if entity == "customer" and source_id.startswith("guest-order-"):
        entity, source_id = "order", source_id.removeprefix("guest-order-")
    first_id = first.get(entity)
    return first_id is not None and source_id.isdecimal() and int(source_id) >= first_id


def _close_lost(db: sqlite3.Connection, site: str, compared: Compared, now: str) -> None:
    """What waits of records that the shop has lost: it would come to BNG as the record that has its id now."""
    for record_id, row in list(_waiting(db, site, compared)):
        is_known = record_id in compared.shown or record_id in compared.absent
        if is_known and _fingerprint(compared, row["data"]) != compared.shown.get(record_id):
            inbox.close_lost(db, row["seq"], now)


def _waiting_ids(db: sqlite3.Connection, *, site: str, compared: Compared) -> set[int]:
    return {record_id for record_id, _ in _waiting(db, site, compared)}


def _waiting(db: sqlite3.Connection, site: str, compared: Compared) -> Iterator[tuple[int, sqlite3.Row]]:
    """The states that wait of records from the first lost id on, by that id."""
    if compared.first_id is None:
        return
    for row in inbox.select(db, "waiting_of", site=site, entity=compared.kind.entity):
        record_id = int(row["entity_id"]) if row["entity_id"].isdecimal() else 0
        if record_id >= compared.first_id and row["kind"] == "snapshot" and row["data"] is not None:
            yield record_id, row


def _fingerprint(compared: Compared, data: bytes) -> str | None:
    """None for a document that lacks what makes it."""
    try:
        return compared.kind.fingerprint(decimal_json.loads(data))
    except (KeyError, ValueError):
        return None


def _requeue(db: sqlite3.Connection, site: str, now: str) -> None:
    """Those that died of the change of identity. One below the lost ids is the same record, says the operator."""
    for row in inbox.select(db, "dead_of_kind", site=site, error_kind="IdentityChanged"):
        # What BNG told of was refused for the shop's record that its reason names.
        prefix = f"{site}/{row['entity']}/{row['entity_id']}/" if row["site"] else row["reason"].split(" ")[0]
        for bound in bindings.under(db, prefix):
            bindings.forget_fingerprint(db, bound.target_key)
        inbox.requeue(db, row["seq"], now)


def _forget_since(db: sqlite3.Connection, site: str, since: str, aside_at: str) -> dict[str, set[int]]:
    """What was written since the backup: in the shop it may be undone, at BNG it may be ahead of the shop.

    Returns the ids of the shop's records that were written to BNG, by entity: their states are read anew.
    """
    for bound in bindings.of_site(db, site, "magento"):
        if bound.applied_at >= since and bound.entity == "shipment":
            # Looked for by its reference, and made again where it is gone.
            bindings.set_aside(db, bound.target_key, aside_at)
        elif bound.applied_at >= since:
            bindings.forget_digest(db, bound.target_key)
    applied: dict[str, set[int]] = {"order": set(), "customer": set()}
    for bound in bindings.of_site(db, site, "bng"):
        _, entity, source_id, *_ = bound.target_key.split("/")
        if bound.applied_at >= since and entity in applied and source_id.isdecimal():
            bindings.forget_digest(db, bound.target_key)
            applied[entity].add(int(source_id))
    return applied


def _new_ids(compared: Compared) -> list[int]:
    first_id = compared.first_id
    return [] if first_id is None else [each for each in compared.shown if each >= first_id]


def _lost_orders(bound: list[Binding]) -> list[dict[str, Any]]:
    """In the order of their ids."""
    lost = [
        {
            "sales_order_id": each.target_id,
            "order_id": int(each.target_key.split("/")[2]),
            "increment_id": each.fingerprint.split(" ")[0],
            "total": str(each.facts.get("Total", "")),
        }
        for each in bound
    ]
    return sorted(lost, key=lambda each: each["order_id"])
