"""What an order is told to make: shipments, invoices, credit memos. Each is found again by our line in its comment.

Repeated calls succeed where something is left, and a clerk makes such documents, too, so nothing else tells ours apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.order_status import order_id_of
from bng_bridge.target import Record, Write


@dataclass(frozen=True, slots=True)
class Kind:
    """`action`: the last word of POST /V1/order/:id/…; `listed`: where they are searched."""

    action: str
    listed: str


KINDS: Mapping[str, Kind] = {
    "shipment": Kind("ship", "/V1/shipments"),
    "invoice": Kind("invoice", "/V1/invoices"),
    # Offline: the shop writes down what was given back elsewhere. POST /V1/invoice/:id/refund would move money.
    "creditmemo": Kind("refund", "/V1/creditmemos"),
}
"""By the entity of the write."""


async def find(client: MagentoClient, write: Write) -> Record | None:
    order_id = order_id_of(write)
    for document in await client.search(KINDS[write.entity].listed, order_id=order_id):
        if write.reference in comment_lines(document):
            return Record(str(document["entity_id"]), body=document, facts={"order_id": order_id})
    return None


async def create(client: MagentoClient, write: Write, body: dict[str, Any], request_id: str) -> Record:
    order_id = order_id_of(write)
    created = await client.write("POST", f"/V1/order/{order_id}/{KINDS[write.entity].action}", body, request_id)
    return Record(str(created), facts={"order_id": order_id})


def comment_lines(document: dict[str, Any]) -> list[str]:
    return [line for comment in document.get("comments") or [] for line in str(comment.get("comment")).splitlines()]
