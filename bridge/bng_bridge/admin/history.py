"""What a shop has, before it is brought over: counted as the shop lists it, and a sample run through flow and mapping.

Nothing is written, neither here nor there; of the other side only what the store knows is asked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from bng_bridge import bindings
from bng_bridge.admin import shadow_flow
from bng_bridge.admin.bridge import Bridge
from bng_bridge.admin.shadow import Counted, kind_of, listed
from bng_bridge.backfill.days import Days, created_between
from bng_bridge.flow_files.file_set import FileSet
from bng_bridge.flows.context import Context
from bng_bridge.flows.keys import customer_key, sales_order_key
from bng_bridge.flows.registry import beginning_of
from bng_bridge.flows.running import Running
from bng_bridge.inbox import Claimed
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Listing, pages
from bng_bridge.mapping.money import amount, cents, text
from bridge_common import decimal_json
from bridge_common.clock import to_text, utc_now

LISTINGS = {
    "order": Listing("/V1/orders", "entity_id,state,grand_total,order_currency_code,payment[method]"),
    "customer": Listing("/V1/customers/search", "id,group_id", "id"),
}
KEYS = {"order": sales_order_key, "customer": customer_key}
PATHS = {"order": "/V1/orders", "customer": "/V1/customers"}


@dataclass
class Group:
    """Of one state and method of payment; of customers of one group."""

    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, item: dict[str, Any]) -> None:
        self.count += 1
        if currency := item.get("order_currency_code"):
            self.sums[str(currency)] += cents(amount(item, "grand_total"))


async def preview(bridge: Bridge, entity: str, site: str, days: Days, sample: int) -> dict[str, Any]:
    """{"records", "known", "groups", "sums", "sample"}; `known` have a record at BNG already.

    Raises what the client raises.
    """
    since, until = days.span(bridge.config.sites[site].time_zone, utc_now())
    client = bridge.context.magento[site]
    groups: dict[tuple[str, str], Group] = defaultdict(Group)
    whole, ids = Group(), list[int]()
    async for page in pages(client, LISTINGS[entity], [], every=created_between(since, until)):
        for item in page.items:
            ids.append(int(item[LISTINGS[entity].id_field]))
            groups[_group(entity, item)].add(item)
            whole.add(item)
    keys = [KEYS[entity](site, str(each)) for each in ids]
    known = await bridge.store.look(lambda db: sum(bindings.get(db, key) is not None for key in keys))
    documents = await read_all(client, entity, spread(ids, sample))
    return {
        "site": site, "entity": entity, "since": to_text(since), "until": to_text(until),
        "records": whole.count, "known": known, "sums": _texts(whole),
        "groups": [
            {"state": state, "method": method, "count": group.count, "sums": _texts(group)}
            for (state, method), group in sorted(groups.items(), key=lambda each: -each[1].count)
        ],
        "sample": await rehearse(bridge, entity, site, documents),
    }  # fmt: skip


async def read_all(client: MagentoClient, entity: str, ids: Iterable[int]) -> list[dict[str, Any]]:
    """As the shop shows them one by one; without those that it does not show."""
    found = [await client.get(f"{PATHS[entity]}/{each}") for each in ids]
    return [document for document in found if document is not None]


async def rehearse(bridge: Bridge, entity: str, site: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """{"documents", "outcomes": {"done": n, …}, "refused": [{"error", "count", "examples"}]}, as if they were made after
    go-live."""
    files, context = bridge.context.mappings.current, bridge.context
    return await bridge.store.look(lambda db: _rehearse(replace(context, read=db), files, entity, site, documents))


def spread(ids: list[int], sample: int) -> list[int]:
    """Some of them, evenly, the last one included: the newest are those that today's shop makes."""
    if len(ids) <= sample:
        return ids
    return [ids[len(ids) * (number + 1) // sample - 1] for number in range(sample)]


def _rehearse(
    context: Context, files: FileSet, entity: str, site: str, documents: list[dict[str, Any]]
) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    refused: dict[str, Counted] = {}
    flow = files.flows(site, f"magento/{entity}", "snapshot")
    for document in documents:
        running = _running(context, files, entity, site, document)
        beginning = beginning_of(running)
        beginning = replace(beginning, site={**(beginning.site or {}), "go_live_at": None})
        told = shadow_flow.told(flow, running, beginning)
        outcomes[told["outcome"]] += 1
        if told["outcome"] != "done":
            record = str(document.get("increment_id") or running.event.entity_id)
            kind = f"{told['outcome']}: {kind_of(told['reason'])}"
            refused.setdefault(kind, Counted()).add({"record": record, "error": told["reason"]})
    return {"documents": len(documents), "outcomes": dict(outcomes), "refused": listed("error", refused)}


def _running(context: Context, files: FileSet, entity: str, site: str, document: dict[str, Any]) -> Running:
    entity_id = str(document[LISTINGS[entity].id_field])
    event = Claimed(
        seq=0, event_key=f"rehearsal/{entity_id}", site=site, source="magento", entity=entity, entity_id=entity_id,
        kind="snapshot", ordering_key="", attempts=0, stored_at="", data=decimal_json.dumps(document).encode(),
    )  # fmt: skip
    return Running(event, context, files.mappings, site, document)


def _group(entity: str, item: dict[str, Any]) -> tuple[str, str]:
    if entity == "order":
        return str(item.get("state") or ""), str((item.get("payment") or {}).get("method") or "")
    return f"group {item.get('group_id')}", ""


def _texts(group: Group) -> dict[str, str]:
    return {currency: text(total) for currency, total in sorted(group.sums.items())}
