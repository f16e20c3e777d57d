"""A product of the shop: made by POST, changed by PUT with nothing but what differs, and read back.

An attribute that is not sent keeps its value, and a store view's its "use default". One that Magento does not know it drops
without a word, with a 200: so what was written is compared with what the shop shows then.
"""

from typing import Any

from bng_bridge.magento import owned
from bng_bridge.magento.client import MagentoClient, segment
from bng_bridge.target import Record, Write
from bridge_common.errors import RejectedByTarget

DISABLED = 2
FACT = "disabled"
"""Kept while the shop sells it no longer because BNG said so: what BNG sells again, the shop does, too."""


def reference(sku: str, store: str) -> str:
    return f"{store}|{sku}"


def split_reference(text: str) -> tuple[str, str]:
    """(sku, store)"""
    store, _, sku = text.partition("|")
    return sku, store


async def find(client: MagentoClient, write: Write) -> Record | None:
    shown = await _read(client, *split_reference(write.reference))
    return None if shown is None else Record(shown["sku"], body=shown)


async def create(client: MagentoClient, write: Write, body: dict[str, Any], request_id: str) -> Record:
    """Raises RejectedByTarget with the name of an attribute that the shop did not take."""
    sku, store = split_reference(write.reference)
    await client.write("POST", f"/{store}/V1/products", {"product": body}, request_id)
    await _check_taken(client, write, body)
    return Record(sku)


async def update(client: MagentoClient, write: Write, record_id: str, body: dict[str, Any], request_id: str) -> Record:
    """Nothing is sent where the shop shows it already. Raises RejectedByTarget as `create` does, and for a product that is
    gone or has another SKU."""
    sku, store = split_reference(write.reference)
    shown = await _read(client, sku, store)
    if shown is None:
        raise _gone(write, record_id, sku)
    sent = owned.differing(body, shown)
    if sent:
        await client.write("PUT", f"{_path(store)}/{segment(sku)}", {"product": sent}, request_id)
        await _check_taken(client, write, sent)
    was_ours = "status" in sent or bool(write.left.get(FACT))
    return Record(shown["sku"], facts={FACT: True} if body.get("status") == DISABLED and was_ours else {})


async def _read(client: MagentoClient, sku: str, store: str) -> dict[str, Any] | None:
    return await client.get(f"{_path(store)}/{segment(sku)}")


def _path(store: str) -> str:
    return f"/{store}/V1/products"


async def _check_taken(client: MagentoClient, write: Write, sent: dict[str, Any]) -> None:
    sku, store = split_reference(write.reference)
    missing = owned.names(owned.differing(sent, await _read(client, sku, store) or {}))
    if missing:
        raise RejectedByTarget(
            f"{write.site} did not take {', '.join(missing)} of product {sku}: it shows another value or none",
            problem="not-taken", pointer="/" + missing[0].replace(".", "/"),
            hint="Magento drops what the product's attribute set does not have. Add the attribute there, or take it out of "
            "the mapping; then bridgectl dlq retry {event}.",
        )  # fmt: skip


def _gone(write: Write, record_id: str, sku: str) -> RejectedByTarget:
    if record_id != sku:
        return RejectedByTarget(
            f"BNG's product was {record_id} in {write.site} and is called {sku} now, which the shop does not have",
            problem="renamed", hint=f"Change the SKU in the shop to {sku}, then bridgectl dlq retry {{event}}.",
        )  # fmt: skip
    return RejectedByTarget(
        f"{write.site} no longer has product {sku}", status=404, problem="absent",
        hint="It was deleted in the shop. Make it there again, then bridgectl dlq retry {event}; "
        "or bridgectl dlq discard {event} --reason TEXT.",
    )  # fmt: skip
