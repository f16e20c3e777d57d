"""Whether the shop's order is still the one that was bound: a restored shop gives an id to another one."""

from typing import Any

from bng_bridge.bindings import Binding
from bng_bridge.mapping.orders import fingerprint
from bridge_common.errors import IdentityChanged


def check_order(order: dict[str, Any], bound: Binding) -> None:
    """`bound` is its sales order's. Raises IdentityChanged, which holds the site."""
    found = fingerprint(order)
    if bound.fingerprint and found != bound.fingerprint:
        raise IdentityChanged(
            f"{bound.target_key} was {bound.fingerprint} when it was bound and is {found} now: another order has its id.",
            hint="The shop was restored or cloned. Compare both orders, then bridgectl dlq discard {event} --reason TEXT.",
            site=bound.site,
        )
