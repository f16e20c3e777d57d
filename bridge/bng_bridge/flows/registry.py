"""Which flow an event takes. An event without one is skipped, visibly."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bng_bridge import letters
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
            f"site {event.site} is not configured", problem="unknown-site",
            hint=f"Add [sites.{event.site}] to bridge.toml and restart, then bridgectl dlq retry {{event}}.",
        )  # fmt: skip
    if event.kind == letters.EDITED:
        # Applied as the operator wrote it: never read anew, and nobody has discarded it.
        event = replace(event, kind="snapshot")
    elif event.kind in ("snapshot", "unreadable"):
        if (reason := _discarded(event, context)) is not None:
            return skipped(f"discarded by an operator: {reason}")
        event = await _current(event, context)
    flow = FLOWS.get((event.source, event.entity, event.kind))
    if flow is None:
        return skipped(f"no flow for {event.entity} {event.kind}")
    return await flow(event, replace(context, mappings=context.mappings.fixed()))


def _decode_again(event: Claimed) -> Outcome:
    """A retried batch that could not be decoded: a newer bridge may be able to. Raises InvalidEvent as before."""
    events = decode_batch(event.data or b"", event.site)
    return Outcome("done", f"{len(events)} events decoded", events=tuple(events))


async def _current(event: Claimed, context: Context) -> Claimed:
    """The event as it came; once an operator has requeued it, the entity as the shop shows it now.

    While the shop cannot be asked it waits: what it was when it died is not applied any more. Raises InvalidEvent for what
    the agent could not read, with the agent's reason the first time.
    """
    path = _PATHS.get(event.entity)
    if path is not None and event.requeued_at is not None:
        return await _read_again(event, f"{path}/{event.entity_id}", context)
    if event.kind == "unreadable":
        raise InvalidEvent(
            event.document().get("reason", "unreadable"),
            hint="bridgectl dlq retry {event} reads the current state again.",
        )
    return event


async def _read_again(event: Claimed, path: str, context: Context) -> Claimed:
    document = await context.magento[event.site].get(path)
    if document is None:
        raise InvalidEvent(
            f"{event.site} has no {event.entity} {event.entity_id}", problem="absent",
            hint="It was deleted in the shop: bridgectl dlq discard {event} --reason TEXT.",
        )  # fmt: skip
    return replace(event, kind="snapshot", data=decimal_json.dumps(document).encode())


def _discarded(event: Claimed, context: Context) -> str | None:
    """Not asked of what an operator requeued: that word is the newer one."""
    return None if event.requeued_at is not None else letters.discarded_before(context.read, event)
