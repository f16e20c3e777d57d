"""Which flow an event takes. An event without one is skipped, visibly."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bng_bridge import inbox
from bng_bridge.flows.context import Context
from bng_bridge.flows.customers import customer_to_customer
from bng_bridge.flows.orders import order_to_sales_order
from bng_bridge.flows.shipments import shipment_to_shipment
from bng_bridge.flows.statuses import status_to_order
from bng_bridge.flows.stock import stock_to_source_items
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import Outcome, skipped
from bridge_common import decimal_json
from bridge_common.errors import InvalidEvent
from bridge_common.event import decode_batch

Flow = Callable[[Claimed, Context], Awaitable[Outcome]]

FLOWS: dict[tuple[str, str, str], Flow] = {
    ("magento", "order", "snapshot"): order_to_sales_order,
    ("magento", "customer", "snapshot"): customer_to_customer,
    ("magento", "customer", "tombstone"): customer_to_customer,
    ("bng", "shipment", "hint"): shipment_to_shipment,
    ("bng", "stock", "hint"): stock_to_source_items,
    ("bng", "sales_order", "hint"): status_to_order,
}

_PATHS = {"order": "/V1/orders", "customer": "/V1/customers"}


async def run_flow(event: Claimed, context: Context) -> Outcome:
    """Raises InvalidEvent for what the agent could not read, and for a site that is not configured."""
    if event.kind == "raw":
        return _decode_again(event)
    if event.source == "magento" and event.site not in context.sites:
        raise InvalidEvent(
            f"site {event.site} is not configured", hint=f"Add [sites.{event.site}] to bridge.toml, then retry."
        )
    if event.kind == "unreadable":
        event = await _read_again(event, context)
    flow = FLOWS.get((event.source, event.entity, event.kind))
    if flow is None:
        return skipped(f"no flow for {event.entity} {event.kind}")
    return await flow(event, context)


def _decode_again(event: Claimed) -> Outcome:
    """A retried batch that could not be decoded: a newer bridge may be able to. Raises InvalidEvent as before."""
    events = decode_batch(event.data or b"", event.site)
    return Outcome("done", f"{len(events)} events decoded", events=tuple(events))


async def _read_again(event: Claimed, context: Context) -> Claimed:
    """The entity as the shop shows it now, when an operator retries what the agent could not read.

    Raises InvalidEvent with the agent's reason the first time.
    """
    path = _PATHS.get(event.entity)
    is_retry = any(row["outcome"] == "dead" for row in inbox.select(context.read, "attempts", seq=event.seq))
    if path is None or not is_retry:
        raise InvalidEvent(
            event.document().get("reason", "unreadable"), hint="bridgectl dlq retry reads the current state again."
        )
    document = await context.magento[event.site].get(f"{path}/{event.entity_id}")
    if document is None:
        raise InvalidEvent(
            f"{event.site} has no {event.entity} {event.entity_id}",
            hint="It was deleted in the shop. Discard this event.",
        )
    return replace(event, kind="snapshot", data=decimal_json.dumps(document).encode())
