"""What a record of a shop is called at BNG: its ExternalID, the same for ever.

An id that a restored shop has given a second time gets a suffix, so that the new record is not taken for the lost one, which
BNG still has under the plain name.
"""

import re

from bng_bridge import generations
from bng_bridge.config import Site
from bng_bridge.flows.context import Context

GUEST_ORDER = "guest-order-"


def order_name(context: Context, site: str, order_id: str) -> str:
    return _name(context, site, order_id, "order", order_id)


def customer_name(context: Context, site: str, source_id: str) -> str:
    """`source_id` is a customer's id, or a guest's key; that of a guest of one order holds the order's id."""
    if source_id.startswith(GUEST_ORDER):
        return _name(context, site, source_id, "order", source_id.removeprefix(GUEST_ORDER))
    return _name(context, site, source_id, "customer", source_id)


def names_an_order(site: Site, name: str, external_id: str) -> bool:
    """Whether this site's template gives such a name to an order."""
    fixed = site.external_id.format(site=name, id="\0").split("\0")
    return re.fullmatch(r"\d+(-r\d+)?".join(map(re.escape, fixed)), external_id) is not None


def _name(context: Context, site: str, source_id: str, entity: str, record_id: str) -> str:
    generation = generations.number(context.read, site, entity, int(record_id)) if record_id.isdecimal() else 0
    suffix = f"-r{generation}" if generation else ""
    return context.sites[site].external_id.format(site=site, id=f"{source_id}{suffix}")
