"""Telling the shop what became of an order at BNG: hold, release or cancel it where that is due, and say so in a comment.

Every part looks first: the action at the order's state, the comment for our reference. Done again, nothing is done twice.
"""

import uuid
from typing import Any

from bng_bridge.magento.client import MagentoClient
from bng_bridge.mapping import statuses
from bng_bridge.target import Record, Write
from bridge_common.errors import RejectedByTarget


async def find_comment(client: MagentoClient, write: Write) -> Record | None:
    order_id = order_id_of(write)
    found = await client.get(f"/V1/orders/{order_id}/comments")
    for comment in (found or {}).get("items") or []:
        if comment.get("comment") == write.reference:
            return Record(str(comment["entity_id"]), body=comment)
    return None


async def tell_status(client: MagentoClient, write: Write, status: int, request_id: str) -> Record:
    """Raises RejectedByTarget when the order is gone or Magento refuses the action."""
    order_id = order_id_of(write)
    order = await client.get(f"/V1/orders/{order_id}")
    if order is None:
        raise RejectedByTarget(
            f"{write.site} has no order {order_id}", status=404, problem="absent",
            hint="It was deleted in the shop: bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    action = statuses.action(order, status)
    if action is not None:
        await client.write(
            "POST", f"/V1/orders/{order_id}/{action}", None, str(uuid.uuid5(uuid.UUID(request_id), action))
        )
        order = await client.get(f"/V1/orders/{order_id}") or order
    found = await find_comment(client, write)
    if found is None:
        code = statuses.comment_status(order, status, client.config.version)
        await client.write("POST", f"/V1/orders/{order_id}/comments", _comment(write.reference, code), request_id)
    return Record(order_id, facts={"OrderStatus": status})


def order_id_of(write: Write) -> str:
    return write.lock_key.rsplit("/", 1)[-1]


def _comment(text: str, code: str | None) -> dict[str, Any]:
    history: dict[str, Any] = {"comment": text, "is_customer_notified": 0, "is_visible_on_front": 0}
    return {"statusHistory": history if code is None else {**history, "status": code}}
