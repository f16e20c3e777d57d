"""What flows need to know of a Magento order beside what its mapping file makes of it."""

from typing import Any


def parent_id(order: dict[str, Any]) -> str | None:
    """The order that this one replaces: an edited order is a cancelled one and a new one with `-1`."""
    found = order.get("relation_parent_id")
    return str(found) if found else None


def fingerprint(order: dict[str, Any]) -> str:
    """Facts of an order that never change; a restored shop gives the same id to another one."""
    return f"{order['increment_id']} {order['created_at']} {order.get('protect_code', '')}"
