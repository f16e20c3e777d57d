"""An operator's word on which customer of BNG's is which of a shop: said for one, or taken back.

Audited: each is a line in the log. What was compared before no longer counts, so the next run of the flow brings the two
together anew, by the owners of the fields.
"""

import sqlite3
from typing import Any

from aiohttp import web

from bng_bridge import bindings
from bng_bridge.admin import replay
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bng_bridge.bindings import Binding
from bng_bridge.bng.client import Stored
from bng_bridge.flows.keys import customer_key, shop_customer_key
from bng_bridge.flows.names import customer_name
from bng_bridge.magento.customers import path_of
from bng_bridge.mapping.customers import fingerprint
from bng_bridge.merging import kept
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log


async def link(bridge: Bridge, site: str, customer_id: str, bng_id: str, by: str) -> dict[str, Any]:
    """Bind them, and have the shop's customer looked at. Raises NotFound, BridgeError where one is somebody else's."""
    customer = await bridge.context.magento[bridge.known_site(site)].get(path_of(customer_id))
    if customer is None:
        raise NotFound(f"{site} has no customer {customer_id}.", hint="bridgectl customer EMAIL shows its id.")
    await _at_bng(bridge, bng_id)
    key, now = customer_key(site, customer_id), to_text(utc_now())
    _check_free(bridge.store.read, site, customer_id, bng_id)

    def commit(db: sqlite3.Connection) -> None:
        bound = Binding(key, site, "bng", "customer", bng_id, fingerprint(customer), "", "", {})
        bindings.put(db, bound, now)
        kept.forget_common(db, key)
        kept.put_together(db, key, bng_id)

    await bridge.store.write(commit)
    log("linked", site=site, customer=customer_id, target_id=bng_id, by=by)
    records = [{"entity_id": customer_id}]
    asked = await replay.again(bridge, "customer", site, records, cause="link", anew=False)
    return {"site": site, "customer_id": customer_id, "bng_id": bng_id, "state": "linked", **asked}


async def unlink(bridge: Bridge, site: str, customer_id: str, bng_id: str, by: str) -> dict[str, Any]:
    """They are two: BNG's loses the shop's name, and the two are not matched again. Also before they were linked.

    Raises NotFound where the shop's is bound to another one.
    """
    key, now = customer_key(bridge.known_site(site), customer_id), to_text(utc_now())
    bound = bindings.get(bridge.store.read, key)
    if bound is not None and bound.target_id != bng_id:
        raise NotFound(f"Customer {customer_id} of {site} is BNG's {bound.target_id}, not {bng_id}.")
    await _take_name(bridge, site, customer_id, await _at_bng(bridge, bng_id), bng_id)

    def commit(db: sqlite3.Connection) -> None:
        for each in (key, shop_customer_key(site, customer_id)):
            bindings.forget(db, each)
        kept.forget_common(db, key)
        kept.tell_apart(db, key, bng_id, now)

    await bridge.store.write(commit)
    log("unlinked", site=site, customer=customer_id, target_id=bng_id, by=by)
    return {"site": site, "customer_id": customer_id, "bng_id": bng_id, "state": "unlinked"}


def _check_free(read: sqlite3.Connection, site: str, customer_id: str, bng_id: str) -> None:
    """Raises BridgeError for a customer of either side that is linked with another."""
    bound = bindings.get(read, customer_key(site, customer_id))
    if bound is not None and bound.target_id != bng_id:
        raise BridgeError(
            f"Customer {customer_id} of {site} is BNG's {bound.target_id}.",
            hint=f"First: bridgectl unlink {site} {customer_id} {bound.target_id}.",
        )
    other = bindings.by_target(read, "bng", "customer", bng_id)
    if other is not None and other.target_key != customer_key(site, customer_id):
        _, _, other_id, _ = other.target_key.split("/", 3)
        raise BridgeError(
            f"BNG's {bng_id} is customer {other_id} of {other.site}.",
            hint=f"First: bridgectl unlink {other.site} {other_id} {bng_id}.",
        )


async def _at_bng(bridge: Bridge, bng_id: str) -> Stored:
    found = await bridge.context.bng.read("customers", bng_id)
    if found is None or found.body.get("Deleted"):
        raise NotFound(f"BNG has no customer {bng_id}.", hint="bridgectl customer EMAIL shows those of an address.")
    return found


async def _take_name(bridge: Bridge, site: str, customer_id: str, found: Stored, bng_id: str) -> None:
    """While it has the shop's ExternalID it would be found by that again."""
    client = bridge.context.bng
    if found.body.get("ExternalID") != customer_name(bridge.store.read, site, bridge.config.sites[site], customer_id):
        return
    async with client.throttle.slot("customers"):
        await client.change("customers", bng_id, {"ExternalID": None}, found.version, "", accept=())


async def _link(bridge: Bridge, request: web.Request) -> Any:
    return await link(bridge, **await _asked(request))


async def _unlink(bridge: Bridge, request: web.Request) -> Any:
    return await unlink(bridge, **await _asked(request))


async def _asked(request: web.Request) -> dict[str, str]:
    body = await request.json()
    return {name: str(body[name]) for name in ("site", "customer_id", "bng_id", "by")}


ROUTES: tuple[Route, ...] = (("POST", "/link", _link), ("POST", "/unlink", _unlink))
