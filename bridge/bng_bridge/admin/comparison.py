"""Which records of a shop are the ones that were bound, and which are others under the same ids."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bng_bridge import bindings, intents
from bng_bridge.admin.bridge import Bridge
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Filter, pages
from bng_bridge.magento.transport import though_held
from bng_bridge.mapping import customers, orders

BATCH = 100


@dataclass(frozen=True)
class Kind:
    """How one entity's records are told from one another."""

    entity: str
    path: str
    id_field: str
    fields: str
    fingerprint: Callable[[dict[str, Any]], str]
    step: str
    """The last part of the target keys that are bound by it."""


KINDS = (
    Kind("order", "/V1/orders", "entity_id", "increment_id,created_at,protect_code", orders.fingerprint, "sales_order"),
    Kind("customer", "/V1/customers/search", "id", "created_at", customers.fingerprint, "customer"),
)


@dataclass
class Compared:
    """`first_id`: from there on ids have other records, None when nothing is lost. `shown`: fingerprints of the shop's
    records beyond the last common one, by id. `common_at`: when that one was created, in the shop's words.
    """

    kind: Kind
    first_id: int | None = None
    lost: list[int] = field(default_factory=list)
    shown: dict[int, str] = field(default_factory=dict)
    common_at: str = ""


async def compare(bridge: Bridge, site: str, kind: Kind) -> Compared:
    """From the highest bound id downwards, until one is the same record in the shop."""
    known = _known(bridge.store.read, site, kind)
    client, compared = bridge.context.magento[site], Compared(kind)
    common_id = 0
    with though_held():
        ids = sorted(known, reverse=True)
        for start in range(0, len(ids), BATCH):
            shown = await _read(client, kind, [("entity_id", "in", ",".join(map(str, ids[start : start + BATCH])))])
            same = [each for each, document in shown.items() if kind.fingerprint(document) == known[each]]
            if same:
                common_id = max(same)
                compared.common_at = str(shown[common_id]["created_at"])
                break
        beyond = await _read(client, kind, [("entity_id", "gt", str(common_id))]) if known else {}
    compared.shown = {each: kind.fingerprint(document) for each, document in beyond.items()}
    compared.lost = sorted(each for each in known if each > common_id)
    compared.first_id = compared.lost[0] if compared.lost else None
    return compared


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


async def _read(client: MagentoClient, kind: Kind, filters: list[Filter]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    async for page in pages(client, kind.path, filters, fields=kind.fields, id_field=kind.id_field):
        found |= {int(document[kind.id_field]): document for document in page}
    return found
