"""Having records looked at once more: one that somebody names, or all that changed since a time.

Looking is harmless: of the shop's side a fresh event is asked for, of BNG's a hint is stored, and what has not changed
writes nothing. To have a record written again its digests are forgotten first.
"""

import sqlite3
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from aiohttp import web

from bng_bridge import bindings, inbox
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.flows.keys import order_status_key, product_key, stock_key
from bng_bridge.inbox import Hint
from bng_bridge.magento.listing import Listing, pages
from bng_bridge.magento.target import source_reference
from bng_bridge.sources.hints import product_hint, shipment_hint, status_hint
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import TargetPaused, TargetUnavailable
from bridge_common.magento_time import to_magento

Record = dict[str, Any]
"""What tells one record from another: of the shop {"entity_id"}, of BNG the ids that a hint is made of."""


@dataclass(frozen=True)
class Changes:
    """Where a shop lists what changed, by which time, and the field that names the entity."""

    listing: Listing
    time_field: str
    names: str


SHOP = {
    "order": (
        Changes(Listing("/V1/orders", "entity_id"), "updated_at", "entity_id"),
        Changes(Listing("/V1/orders", "entity_id"), "created_at", "entity_id"),
        # An order's own time does not move on all of these.
        Changes(Listing("/V1/shipments", "entity_id,order_id"), "created_at", "order_id"),
        Changes(Listing("/V1/invoices", "entity_id,order_id"), "created_at", "order_id"),
        Changes(Listing("/V1/creditmemos", "entity_id,order_id"), "created_at", "order_id"),
    ),
    "customer": (Changes(Listing("/V1/customers/search", "id", "id"), "updated_at", "id"),),
}
BNG = {
    "shipment": ("shipments", ("ShipmentID", "SalesOrderID")),
    "stock": ("inventory-items", ("SKU", "Warehouse")),
    "sales_order": ("sales-orders", ("SalesOrderID",)),
    "product": ("products", ("ProductID", "SKU")),
}


async def changed(bridge: Bridge, entity: str, site: str, since: datetime, until: datetime) -> dict[str, Any]:
    """{"records", "discarded"}: those that changed; of those that were discarded since, which stay so, only the number.

    `site` is only for entities of a shop. Raises NotFound, TargetUnavailable, TargetPaused.
    """
    found: dict[tuple[Any, ...], Record] = {}
    async for record in _changed(bridge, entity, site, since, until):
        found[tuple(record.values())] = record

    def kept(db: sqlite3.Connection) -> list[Record]:
        return [record for record in found.values() if not _is_discarded(db, entity, site, record)]

    records = await bridge.store.look(kept)
    return {"records": records, "discarded": len(found) - len(records)}


async def again(
    bridge: Bridge, entity: str, site: str, records: list[Record], *, cause: str, anew: bool
) -> dict[str, int]:
    """{"asked", "waiting"}: how many are looked at once more, and how many wait for that already.

    `anew`: their digests are forgotten, so that they are written whatever is known. Raises NotFound, TargetUnavailable when
    the site's agent does not take it.
    """
    if anew:
        keys = [key for record in records for key in _target_keys(bridge, entity, site, record)]
        await bridge.store.write(lambda db: _forget_digests(db, keys))
    if entity in SHOP:
        return await _reemit(bridge, entity, site, records)
    hints = [_hint(bridge.store.read, entity, record, cause) for record in records]
    now = to_text(utc_now())
    asked = await bridge.store.write(lambda db: sum(inbox.put_hint(db, hint, now) for hint in hints))
    bridge.worker.wake()
    return {"asked": asked, "waiting": len(records) - asked}


async def find(bridge: Bridge, entity: str, name: str, site: str | None, warehouse: str | None) -> dict[str, Any]:
    """{"site", "records"}. `name` is an order's increment or entity id, a SKU, or a record's id; of a product either. Raises
    NotFound."""
    if entity == "order":
        return await _find_order(bridge, name, site)
    if entity == "customer":
        return {"site": bridge.only_site(site), "records": [{"entity_id": name}]}
    if entity == "stock":
        shown: set[str] = {each for config in bridge.config.sites.values() for each in config.sources}
        warehouses = [warehouse] if warehouse else sorted(shown)
        return {"site": "", "records": [{"SKU": name, "Warehouse": each} for each in warehouses]}
    if entity not in BNG:
        raise NotFound(f"There is no {entity} to look at.", hint=f"Known: {', '.join((*SHOP, *BNG))}.")
    path, fields = BNG[entity]
    document = await bridge.context.bng.get(f"{path}/{name}")
    if document is None and entity == "product":
        document = next(iter(await bridge.context.bng.search(path, sku=name)), None)
    if document is None:
        raise NotFound(f"BNG has no {entity} {name}.")
    return {"site": "", "records": [_of_bng(document, fields)]}


async def _get_changed(bridge: Bridge, request: web.Request) -> Any:
    query = request.query
    since, until = from_text(query["since"]), from_text(query["until"])
    return await changed(bridge, request.match_info["entity"], query.get("site", ""), since, until)


async def _post_again(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await again(
        bridge, str(body["entity"]), str(body["site"]), list(body["records"]), cause=str(body["cause"]),
        anew=bool(body["anew"]),
    )  # fmt: skip


async def _get_find(bridge: Bridge, request: web.Request) -> Any:
    query = request.query
    name, entity = request.match_info["name"], request.match_info["entity"]
    return await find(bridge, entity, name, query.get("site"), query.get("warehouse"))


async def _get_sites(bridge: Bridge, _: web.Request) -> Any:
    return sorted(bridge.config.sites)


ROUTES: tuple[Route, ...] = (
    ("GET", "/sites", _get_sites),
    ("GET", "/changed/{entity}", _get_changed),
    ("GET", "/find/{entity}/{name:.+}", _get_find),
    ("POST", "/again", _post_again),
)


async def _changed(bridge: Bridge, entity: str, site: str, since: datetime, until: datetime) -> AsyncIterator[Record]:
    if entity in SHOP:
        client = bridge.context.magento[bridge.known_site(site)]
        for changes in SHOP[entity]:
            span = [
                (changes.time_field, "gteq", to_magento(since)), (changes.time_field, "lteq", to_magento(until)),
            ]  # fmt: skip
            async for page in pages(client, changes.listing, [], every=span):
                for document in page.items:
                    yield {"entity_id": str(document[changes.names])}
        return
    if entity not in BNG:
        raise NotFound(f"Nothing is known of {entity}.", hint=f"Known: {', '.join((*SHOP, *BNG))}.")
    path, fields = BNG[entity]
    async for document in bridge.context.bng.pages(path, updated_since=to_text(since)):
        if from_text(document["UpdatedAt"]) <= until:
            yield _of_bng(document, fields)


def _of_bng(document: dict[str, Any], fields: tuple[str, ...]) -> Record:
    """Beside its own id a row may lack what it belongs to: a stock its warehouse, a shipment its sales order."""
    own, *others = fields
    return {own: document[own]} | {field: document.get(field) or "" for field in others}


def _forget_digests(db: sqlite3.Connection, target_keys: list[str]) -> None:
    for target_key in target_keys:
        bindings.forget_digest(db, target_key)


async def _reemit(bridge: Bridge, entity: str, site: str, records: list[Record]) -> dict[str, int]:
    entities = [{"entity": entity, "entity_id": str(record["entity_id"])} for record in records]
    answer = await bridge.gateway(site).ask("reemit", timeout_s=10.0, entities=entities)
    return {"asked": len(answer["inserted"]), "waiting": len(answer["waiting"])}


def _hint(read: sqlite3.Connection, entity: str, record: Record, cause: str) -> Hint:
    """With a key of its own: what was seen in this very version is looked at all the same."""
    key = f"{cause}/{uuid.uuid4()}"
    if entity == "shipment":
        hint = shipment_hint(record, read, key)
    elif entity == "sales_order":
        hint = status_hint(record, read, key)
    elif entity == "product":
        hint = product_hint(record, key)
    else:
        hint = stock_hint(record["SKU"], record["Warehouse"], cause)
    return replace(hint, event_key=f"{key}/{entity}/{hint.entity_id}")


def _target_keys(bridge: Bridge, entity: str, site: str, record: Record) -> list[str]:
    """What flows from this record is written to."""
    read = bridge.store.read
    if entity in SHOP:
        return [bound.target_key for bound in bindings.under(read, f"{site}/{entity}/{record['entity_id']}/")]
    if entity == "stock":
        sources = {name: site.sources.get(record["Warehouse"]) for name, site in bridge.config.sites.items()}
        return [stock_key(name, source_reference(record["SKU"], code)) for name, code in sources.items() if code]
    if entity == "product":
        prefixes = [product_key(name, record["ProductID"]).rpartition("/")[0] for name in bridge.config.sites]
        return [bound.target_key for prefix in prefixes for bound in bindings.under(read, f"{prefix}/")]
    bound = bindings.by_target(read, "bng", "sales_order", record["SalesOrderID"])
    return [order_status_key(bound.site, bound.target_key.split("/")[2])] if bound and entity == "sales_order" else []


def _is_discarded(db: sqlite3.Connection, entity: str, site: str, record: Record) -> bool:
    """A person has said that it stays out; until it changes, which comes by itself."""
    if entity in SHOP:
        find_events = partial(inbox.select, source="magento", site=site, entity_id=record["entity_id"])
    else:
        find_events = partial(inbox.select, source="bng", site="", entity_id=_hint(db, entity, record, "").entity_id)
    events = find_events(db, "of_entity", entity=entity)
    return bool(events) and events[-1]["state"] == "discarded"


async def _find_order(bridge: Bridge, name: str, site: str | None) -> dict[str, Any]:
    found: dict[tuple[str, str], bool] = {}
    for each in [bridge.known_site(site)] if site else bridge.config.sites:
        arrived = {row["entity_id"]: name == row["increment_id"] for row in _arrived(bridge, each, name)}
        for entity_id, is_number in (arrived or await _never_arrived(bridge, each, name)).items():
            found[each, entity_id] = is_number
    by_number = [key for key, is_number in found.items() if is_number]
    candidates = by_number or list(found)
    if not candidates:
        raise NotFound(f"There is no order {name}.", hint="Name it by its increment id or its entity id in the shop.")
    if len(candidates) > 1:
        sites = ", ".join(sorted(each for each, _ in candidates))
        raise NotFound(f"Several shops have an order {name}.", hint=f"Choose with --site: {sites}.")
    ((its_site, entity_id),) = candidates
    return {"site": its_site, "records": [{"entity_id": entity_id}]}


def _arrived(bridge: Bridge, site: str, name: str) -> list[sqlite3.Row]:
    return [row for row in inbox.select(bridge.store.read, "find_order", order=name) if row["site"] == site]


async def _never_arrived(bridge: Bridge, site: str, name: str) -> dict[str, bool]:
    """Asked of the shop: the entity ids of orders with this number, else of the one with this id; and which it was."""
    client = bridge.context.magento[site]
    try:
        if orders := await client.search("/V1/orders", increment_id=name):
            return {str(order["entity_id"]): True for order in orders}
        # An increment id has zeros in front, and Magento would read it as a number.
        is_id = name.isascii() and name.isdecimal() and not name.startswith("0")
        return {name: False} if is_id and await client.get(f"/V1/orders/{name}", {"fields": "entity_id"}) else {}
    except (TargetUnavailable, TargetPaused) as error:
        others = ", ".join(each for each in bridge.config.sites if each != site)
        hint = f"If it is not an order of {site}, choose with --site: {others}." if others else error.hint
        raise TargetUnavailable(f"{site} cannot be asked for order {name}: {error.message}", hint=hint) from error
