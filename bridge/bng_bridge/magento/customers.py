"""Writing a shop's customer: read it, merge, write it whole, look what came of it; again where somebody was in between."""

from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.customer_document import written_wrong
from bng_bridge.magento.regions import with_regions
from bng_bridge.target import Body, Record, Write
from bridge_common.amend import digest_of
from bridge_common.errors import RejectedByTarget, TargetPaused

TIMES = 3


def path_of(customer_id: str) -> str:
    return f"/V1/customers/{customer_id}"


async def find(client: MagentoClient, customer_id: str) -> Record | None:
    found = await client.get(path_of(customer_id))
    return None if found is None else Record(customer_id, body=found)


async def amend(client: MagentoClient, write: Write, customer_id: str, body: Body, request_id: str) -> Record:
    """Bring the customer to what the write's merge makes of it.

    Raises RejectedByTarget where the shop has no such customer, or did not take a field; TargetPaused, and nothing was
    written, when somebody edited it each time in between.
    """
    assert write.merge is not None  # nothing else writes a customer of a shop
    for _ in range(TIMES):
        known = await client.get(path_of(customer_id))
        if known is None:
            raise RejectedByTarget(
                f"{write.site} has no customer {customer_id}", status=404, problem="absent",
                hint="It was deleted in the shop: bridgectl dlq discard {event} --reason TEXT.",
            )  # fmt: skip
        fields = await write.merge.over(body, known)
        if not fields:
            return Record(customer_id, body=known, applied=False)
        sent = await with_regions(client, fields)
        # The same id each time: what was not as expected was not executed, and may be asked for again.
        written = await client.amend(path_of(customer_id), {"customer": sent}, digest_of(known), request_id)
        if written is not None:
            _check(write, customer_id, known, sent, written)
            return Record(customer_id, body=written)
    raise TargetPaused(f"{write.site}'s customer {customer_id} is being edited: it was not written", delay_s=2)


def _check(write: Write, customer_id: str, known: Body, sent: Body, written: Body) -> None:
    """Magento answers 200 also where it dropped a field. Raises RejectedByTarget."""
    lost = written_wrong(known, sent, written)
    if lost:
        raise RejectedByTarget(
            f"{write.site} did not take {', '.join(lost)} of customer {customer_id}", problem="not-kept", status=200,
            hint="Correct the customer or the mapping, then bridgectl dlq retry {event}.",
        )  # fmt: skip
