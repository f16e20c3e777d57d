"""BNG's order status → Magento: a comment with our reference, and hold, release or cancel where the status means it."""

from typing import Any

from bng_bridge import bindings, intents
from bng_bridge.flows.context import Context
from bng_bridge.flows.shipments import unbound
from bng_bridge.inbox import Claimed
from bng_bridge.mapping import orders, statuses
from bng_bridge.outcome import DONE, Outcome, skipped
from bng_bridge.target import Write
from bridge_common.errors import MappingError


async def status_to_order(event: Claimed, context: Context) -> Outcome:
    sales_order = await context.bng.get(f"sales-orders/{event.entity_id}")
    bound = bindings.by_target(context.read, "bng", "sales_order", event.entity_id)
    if sales_order is None or bound is None:
        return unbound(sales_order, context)
    status, order_id = _status_of(sales_order), bound.target_key.split("/")[2]
    key = order_status_key(bound.site, order_id)
    order = await context.magento[bound.site].get(f"/V1/orders/{order_id}")
    if order is None:
        return skipped(f"{bound.site} no longer has order {order_id}")
    bindings.check_fingerprint(bound.target_key, bound.fingerprint, orders.fingerprint(order))
    # With a write of ours still open it may be known because of that very write: its outcome is resolved first.
    if statuses.is_known(order, status) and intents.get(context.read, key) is None:
        return skipped(f"the shop says {statuses.LABELS.get(status, status)} already")
    write = Write(
        target="magento", entity="order_status", site=bound.site, target_key=key,
        lock_key=f"{bound.site}/order/{order_id}", reference=statuses.reference(sales_order), absolute=True,
    )  # fmt: skip

    async def mapping() -> dict[str, Any]:
        return {"OrderStatus": status}

    await context.deliver(event.seq, write, mapping)
    return DONE


def _status_of(sales_order: dict[str, Any]) -> int:
    """Raises MappingError for a word of BNG's that its profile does not know."""
    try:
        return int(sales_order["OrderStatus"])
    except ValueError as error:
        raise MappingError(
            f"sales order {sales_order['SalesOrderID']} is {sales_order['OrderStatus']!r}, which the profile does not know",
            hint="Add the word to the values of OrderStatus in the profile, restart, then bridgectl dlq retry {event}.",
        ) from error


def order_status_key(site: str, order_id: str) -> str:
    return f"{site}/order/{order_id}/order_status"
