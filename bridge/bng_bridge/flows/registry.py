"""Which flow an event takes. An event without one is skipped, visibly."""

from collections.abc import Awaitable, Callable

from bng_bridge.flows.context import Context
from bng_bridge.flows.customers import customer_to_customer
from bng_bridge.flows.orders import order_to_sales_order
from bng_bridge.flows.shipments import shipment_to_shipment
from bng_bridge.flows.stock import stock_to_source_items
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import Outcome, skipped
from bridge_common.errors import InvalidEvent

Flow = Callable[[Claimed, Context], Awaitable[Outcome]]

FLOWS: dict[tuple[str, str, str], Flow] = {
    ("magento", "order", "snapshot"): order_to_sales_order,
    ("magento", "customer", "snapshot"): customer_to_customer,
    ("magento", "customer", "tombstone"): customer_to_customer,
    ("bng", "shipment", "hint"): shipment_to_shipment,
    ("bng", "stock", "hint"): stock_to_source_items,
}


async def run_flow(event: Claimed, context: Context) -> Outcome:
    """Raises InvalidEvent for what the agent could not read, and for a site that is not configured."""
    if event.kind == "unreadable":
        raise InvalidEvent(
            event.document().get("reason", "unreadable"), hint="bridgectl dlq retry reads the current state again."
        )
    if event.source == "magento" and event.site not in context.sites:
        raise InvalidEvent(
            f"site {event.site} is not configured", hint=f"Add [sites.{event.site}] to bridge.toml, then retry."
        )
    flow = FLOWS.get((event.source, event.entity, event.kind))
    if flow is None:
        return skipped(f"no flow for {event.entity} {event.kind}")
    return await flow(event, context)
