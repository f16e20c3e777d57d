"""Which records of a shop are the ones that were bound, and which are others under the same ids.

A list may hide a record for reasons of its own: lost is only what the shop, asked for it by itself, has not got, and what
it shows as another.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bng_bridge import bindings, intents
from bng_bridge.admin.bridge import Bridge
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Listing, by_ids, pages
from bng_bridge.magento.transport import though_held
from bng_bridge.mapping import customers, orders
from bridge_common.errors import TargetUnavailable

LISTED = 100
ASKED = 20
"""Asked for at once, one by one; the site's throttle says how fast."""
Document = dict[str, Any]
Found = Mapping[int, Document | None]
"""By id; None for what the shop says it has not got."""


@dataclass(frozen=True)
class Kind:
    """How one entity's records are told from one another."""

    entity: str
    listing: Listing
    path: str
    """Of one record, before its id."""
    fingerprint: Callable[[Document], str]
    step: str
    """The last part of the target keys that are bound by it."""


KINDS = (
    Kind(
        "order", Listing("/V1/orders", "entity_id,increment_id,created_at,protect_code"), "/V1/orders",
        orders.fingerprint, "sales_order",
    ),
    Kind(
        "customer", Listing("/V1/customers/search", "id,created_at", "id"), "/V1/customers",
        customers.fingerprint, "customer",
    ),
)  # fmt: skip


@dataclass
class Compared:
    """`first_id`: from there on ids have other records, None when nothing is lost. `shown`: fingerprints of the shop's
    records beyond the last common one, by id. `absent`: ids beyond it that the shop, asked for each, has not got.
    `common_at`: when the last common one was created, in the shop's words.
    """

    kind: Kind
    first_id: int | None = None
    lost: list[int] = field(default_factory=list)
    shown: dict[int, str] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)
    common_at: str = ""


async def compare(bridge: Bridge, site: str, kind: Kind) -> Compared:
    """From the highest bound id downwards, until one is the same record in the shop. Raises what the client raises."""
    known = await bridge.store.look(lambda db: _known(db, site, kind))
    if not known:
        return Compared(kind)
    client = bridge.context.magento[site]
    with though_held():
        common = await _last_common(client, kind, known)
        beyond = await _listed(client, kind, max(common, default=0))
        unlisted = sorted(
            (each for each in known.keys() - beyond.keys() if each > max(common, default=0)), reverse=True
        )
        asked = await _asked_downwards(client, kind, unlisted, known)
    common |= _same(kind, asked, known)
    return _compared(kind, known, common, {**beyond, **asked})


async def confirm(bridge: Bridge, site: str, compared: Compared, ids: Collection[int]) -> None:
    """Fill in what the shop has under these ids, where that is not known yet. Raises what the client raises."""
    with though_held():
        unknown = sorted(set(ids) - compared.shown.keys() - compared.absent)
        for start in range(0, len(unknown), ASKED):
            asked = await _asked(bridge.context.magento[site], compared.kind, unknown[start : start + ASKED])
            _note(compared, asked)


def _compared(kind: Kind, known: dict[int, str], common: dict[int, Document], found: Found) -> Compared:
    common_id = max(common, default=0)
    lost = sorted(each for each in known if each > common_id)
    compared = Compared(kind, lost[0] if lost else None, lost)
    compared.common_at = str(common[common_id]["created_at"]) if common else ""
    _note(compared, {each: document for each, document in found.items() if each > common_id})
    return compared


def _note(compared: Compared, found: Found) -> None:
    compared.shown |= {each: compared.kind.fingerprint(document) for each, document in found.items() if document}
    compared.absent |= {each for each, document in found.items() if document is None}


def _known(db: sqlite3.Connection, site: str, kind: Kind) -> dict[int, str]:
    """Fingerprint by id: what is bound, and what may just be written."""
    found = [(bound.target_key, bound.fingerprint) for bound in bindings.under(db, f"{site}/{kind.entity}/")]
    found += [(each.target_key, each.fingerprint) for each in intents.all_open(db)]
    known = {}
    for target_key, fingerprint in found:
        parts = target_key.split("/")
        if parts[:2] == [site, kind.entity] and parts[3:] == [kind.step] and parts[2].isdecimal() and fingerprint:
            known[int(parts[2])] = fingerprint
    return known


async def _last_common(client: MagentoClient, kind: Kind, known: dict[int, str]) -> dict[int, Document]:
    """Those of the highest bound ids that the lists show as the same; empty when they show none."""
    ids = sorted(known, reverse=True)
    for start in range(0, len(ids), LISTED):
        shown: dict[int, Document] = {}
        async for page in by_ids(client, kind.listing, ids[start : start + LISTED]):
            shown |= {int(item[kind.listing.id_field]): item for item in page.items}
        if same := _same(kind, shown, known):
            return same
    return {}


def _same(kind: Kind, found: Found, known: dict[int, str]) -> dict[int, Document]:
    shown = {each: document for each, document in found.items() if document and each in known}
    return {each: document for each, document in shown.items() if kind.fingerprint(document) == known[each]}


async def _listed(client: MagentoClient, kind: Kind, above: int) -> dict[int, Document]:
    found: dict[int, Document] = {}
    async for page in pages(client, kind.listing, [], above):
        found |= {int(item[kind.listing.id_field]): item for item in page.items}
    return found


async def _asked_downwards(client: MagentoClient, kind: Kind, ids: list[int], known: dict[int, str]) -> Found:
    """Until one is the same: all below it is the shop's, and need not be asked for."""
    found: dict[int, Document | None] = {}
    for start in range(0, len(ids), ASKED):
        found |= await _asked(client, kind, ids[start : start + ASKED])
        if _same(kind, found, known):
            break
    return found


async def _asked(client: MagentoClient, kind: Kind, ids: list[int]) -> Found:
    """Any failure is raised: it says nothing of the record."""
    documents = await asyncio.gather(*(_record(client, kind, each) for each in ids))
    return dict(zip(ids, documents, strict=True))


async def _record(client: MagentoClient, kind: Kind, record_id: int) -> Document | None:
    path = f"{kind.path}/{record_id}"
    document = await client.get(path, {"fields": kind.listing.fields})
    if document is not None and str(document.get(kind.listing.id_field)) != str(record_id):
        raise TargetUnavailable(f"{client.site}: {path} answered in another form than Magento's")
    return document
