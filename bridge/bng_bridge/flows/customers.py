"""Magento customer → BNG customer; a deleted one becomes inactive, never deleted."""

from dataclasses import replace
from typing import Any

from bng_bridge import bindings
from bng_bridge.flows import references
from bng_bridge.flows.context import Context
from bng_bridge.flows.orders import customer_write
from bng_bridge.inbox import Claimed
from bng_bridge.mapping import customers
from bng_bridge.outcome import DONE, Outcome, skipped
from bng_bridge.target import Write


async def customer_to_customer(event: Claimed, context: Context) -> Outcome:
    fingerprint = customers.fingerprint(event.document())
    to_customer = context.mappings(event.site, "customer-to-customer")
    write = customer_write(context, event.site, event.entity_id, create_only=False, fingerprint=fingerprint)
    if event.kind == "tombstone":
        return await _deactivate(event, context, write)

    async def mapping() -> dict[str, Any]:
        is_create = bindings.get(context.read, write.target_key) is None
        body = to_customer(event.document(), external_id=write.reference, is_create=is_create)
        references.check("ExternalID", body.get("ExternalID"), write.reference)
        return body

    await context.deliver(event.seq, replace(write, mapping=to_customer.identity), mapping)
    return DONE


async def _deactivate(event: Claimed, context: Context, write: Write) -> Outcome:
    """Also one whose making was never answered: it is looked for, or waited for while its write may be under way.

    All of that inside the lock: an order may be making its customer at this moment.
    """

    async def mapping() -> dict[str, Any]:
        if not await _is_at_bng(context, write):
            raise _NeverMade
        return {"Status": "inactive"}

    try:
        await context.deliver(event.seq, write, mapping)
    except _NeverMade:
        return skipped("deleted before BNG knew the customer")
    return DONE


async def _is_at_bng(context: Context, write: Write) -> bool:
    if bindings.get(context.read, write.target_key) is not None:
        return True
    return bool(await context.bng.search("customers", external_id=write.reference))


class _NeverMade(Exception):
    """Nothing is made in order to be deactivated."""
