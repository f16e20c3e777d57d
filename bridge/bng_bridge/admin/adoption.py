"""What BNG has already of a shop's customers and orders: found by its ExternalID, a number or an e-mail, and bound.

An ERP that an earlier connector has filled has records for which the bridge would otherwise make others. Only bindings are
written, and nothing at either side; the next event of a bound record brings that very record up to date. A match has to be
the only one on both sides, or a person decides.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bng_bridge import bindings
from bng_bridge.admin.bridge import Bridge
from bng_bridge.bindings import Binding
from bng_bridge.bng.client import BngClient, Stored
from bng_bridge.bng.records import facts_of, id_of
from bng_bridge.flows.keys import customer_key, sales_order_key
from bng_bridge.flows.names import customer_name, order_name
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Listing, pages
from bng_bridge.mapping import customers, orders
from bridge_common.clock import to_text, utc_now
from bridge_common.log import log

SHOWN = 20
CHUNK = 500
BY_EXTERNAL_ID, BY_NUMBER, BY_EMAIL = "ExternalID", "order number", "e-mail"


AtBng = Mapping[str, Mapping[str, Sequence[Stored]]]
"""By how it is named, by that name: the records."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record of the shop. `names` are what it may be found by at BNG, the surest first: (how, value)."""

    target_key: str
    name: str
    fingerprint: str
    names: tuple[tuple[str, str], ...]


@dataclass
class Matches:
    """`found` by target key. `unclear` are those of which a person has to say which is which, with the reason."""

    found: dict[str, tuple[Wanted, Stored, str]] = field(default_factory=dict)
    unclear: list[dict[str, str]] = field(default_factory=list)
    none: int = 0


@dataclass(frozen=True)
class Kind:
    """`entity` at BNG; where both sides list it, and what a shop's item is wanted as."""

    entity: str
    resource: str
    listing: Listing
    wanted: Callable[[sqlite3.Connection, Bridge, str, dict[str, Any]], Wanted]


async def adopt(bridge: Bridge, site: str, who: str, *, is_applied: bool) -> dict[str, Any]:
    """{"site", "applied", "customers", "orders"}; of each {"in_shop", "bound", "matched", "by", "none", "unclear",
    "unclear_shown"}. Raises what the clients raise; then nothing was bound.
    """
    found = {name: await _match(bridge, site, kind) for name, kind in KINDS.items()}
    if is_applied:
        for name, (_, _, matches) in found.items():
            await _bind(bridge, site, KINDS[name].entity, list(matches.found.values()))
            log("adopted", site=site, entity=KINDS[name].entity, records=len(matches.found), by=who)
    shown = {name: _shown(in_shop, bound, matches) for name, (in_shop, bound, matches) in found.items()}
    return {"site": site, "applied": is_applied, **shown}


def match(wanted: Sequence[Wanted], at_bng: AtBng, id_of_record: Callable[[Stored], str]) -> Matches:
    """Pure."""
    matches = Matches()
    askers = Counter(name for each in wanted for name in each.names)
    for each in wanted:
        _match_one(each, at_bng, askers, matches)
    _refuse_shared(matches, id_of_record)
    return matches


def _match_one(wanted: Wanted, at_bng: AtBng, askers: Counter[tuple[str, str]], matches: Matches) -> None:
    for how, value in wanted.names:
        found = at_bng.get(how, {}).get(value, ())
        if not found:
            continue
        if len(found) > 1:
            matches.unclear.append({"name": wanted.name, "why": f"BNG has {len(found)} with {how} {value}"})
        elif askers[how, value] > 1:
            matches.unclear.append(
                {"name": wanted.name, "why": f"the shop has {askers[how, value]} with {how} {value}"}
            )
        else:
            matches.found[wanted.target_key] = wanted, found[0], how
        return
    matches.none += 1


def _refuse_shared(matches: Matches, id_of_record: Callable[[Stored], str]) -> None:
    """One record of BNG's for two of the shop's, found by different names."""
    by_record: dict[str, list[str]] = defaultdict(list)
    for target_key, (_, stored, _) in matches.found.items():
        by_record[id_of_record(stored)].append(target_key)
    for record_id, target_keys in by_record.items():
        for target_key in target_keys if len(target_keys) > 1 else ():
            wanted, _, _ = matches.found.pop(target_key)
            matches.unclear.append({"name": wanted.name, "why": f"{len(target_keys)} of the shop's match {record_id}"})


async def _match(bridge: Bridge, site: str, kind: Kind) -> tuple[int, int, Matches]:
    """How many the shop has, how many of them are bound, and what became of the rest."""
    items = [item async for item in _items(bridge.context.magento[site], kind.listing)]
    at_bng = await _at_bng(bridge.context.bng, bridge.store.read, kind)

    def look(db: sqlite3.Connection) -> tuple[int, int, Matches]:
        asked = [kind.wanted(db, bridge, site, item) for item in items]
        free = [each for each in asked if bindings.get(db, each.target_key) is None]
        matches = match(free, at_bng, lambda stored: id_of(kind.entity, stored.body))
        return len(asked), len(asked) - len(free), matches

    return await bridge.store.look(look)


async def _items(client: MagentoClient, listing: Listing) -> AsyncIterator[dict[str, Any]]:
    async for page in pages(client, listing, []):
        for item in page.items:
            yield item


async def _at_bng(bng: BngClient, read: sqlite3.Connection, kind: Kind) -> dict[str, dict[str, list[Stored]]]:
    """Those that are not bound to anything yet."""
    found: dict[str, dict[str, list[Stored]]] = {
        how: defaultdict(list) for how in (BY_EXTERNAL_ID, BY_NUMBER, BY_EMAIL)
    }
    async for stored in bng.stored(kind.resource):
        body = stored.body
        if body.get("Deleted") or bindings.by_target(read, "bng", kind.entity, id_of(kind.entity, body)):
            continue
        if external_id := str(body.get("ExternalID") or ""):
            found[BY_EXTERNAL_ID][external_id].append(stored)
            found[BY_NUMBER][external_id].append(stored)
        if mail := str(body.get("Email") or ""):
            found[BY_EMAIL][mail].append(stored)
    return found


def _wanted_customer(db: sqlite3.Connection, bridge: Bridge, site: str, item: dict[str, Any]) -> Wanted:
    customer_id, mail = str(item["id"]), str(item.get("email") or "")
    external_id = customer_name(db, site, bridge.config.sites[site], customer_id)
    names = ((BY_EXTERNAL_ID, external_id), (BY_EMAIL, mail))
    return Wanted(customer_key(site, customer_id), mail or customer_id, customers.fingerprint(item), names)


def _wanted_order(db: sqlite3.Connection, bridge: Bridge, site: str, item: dict[str, Any]) -> Wanted:
    order_id, number = str(item["entity_id"]), str(item["increment_id"])
    external_id = order_name(db, site, bridge.config.sites[site], order_id)
    names = ((BY_EXTERNAL_ID, external_id), (BY_NUMBER, number))
    return Wanted(sales_order_key(site, order_id), number, orders.fingerprint(item), names)


CUSTOMERS = Listing("/V1/customers/search", "id,email,created_at", "id")
ORDERS = Listing("/V1/orders", "entity_id,increment_id,created_at,protect_code")
KINDS = {
    "customers": Kind("customer", "customers", CUSTOMERS, _wanted_customer),
    "orders": Kind("sales_order", "sales-orders", ORDERS, _wanted_order),
}


async def _bind(bridge: Bridge, site: str, entity: str, found: Sequence[tuple[Wanted, Stored, str]]) -> None:
    """Without a digest: what is there was not written by us. One that an event has bound meanwhile stays."""
    now = to_text(utc_now())

    def commit(db: sqlite3.Connection, some: Sequence[tuple[Wanted, Stored, str]]) -> None:
        for wanted, stored, _ in some:
            if bindings.get(db, wanted.target_key) is None:
                bindings.put(db, _binding(site, entity, wanted, stored), now)

    for start in range(0, len(found), CHUNK):
        await bridge.store.write(partial(commit, some=found[start : start + CHUNK]))


def _binding(site: str, entity: str, wanted: Wanted, stored: Stored) -> Binding:
    record_id, facts = id_of(entity, stored.body), facts_of(entity, stored.body, stored.body)
    return Binding(wanted.target_key, site, "bng", entity, record_id, wanted.fingerprint, "", stored.version, facts)


def _shown(in_shop: int, bound: int, matches: Matches) -> dict[str, Any]:
    return {
        "in_shop": in_shop, "bound": bound, "matched": len(matches.found),
        "by": dict(Counter(how for _, _, how in matches.found.values())), "none": matches.none,
        "unclear": len(matches.unclear), "unclear_shown": matches.unclear[:SHOWN],
    }  # fmt: skip
