"""Magento customer → BNG customer; a deleted one becomes inactive, never deleted."""

from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.context import Context
from bng_bridge.flows.orders import customer_write
from bng_bridge.inbox import Claimed
from bng_bridge.mapping import customers
from bng_bridge.outcome import DONE, Outcome, skipped


async def customer_to_customer(event: Claimed, context: Context) -> Outcome:
    site = context.sites[event.site]
    write = customer_write(event.site, site, event.entity_id, create_only=False)
    if event.kind == "tombstone" and bindings.get(context.read, write.target_key) is None:
        return skipped("deleted before BNG knew the customer")

    async def mapping() -> dict[str, Any]:
        if event.kind == "tombstone":
            return {"Status": "inactive"}
        return customers.from_customer(event.document(), external_id=write.reference)

    await context.deliver(event.seq, write, mapping)
    return DONE
