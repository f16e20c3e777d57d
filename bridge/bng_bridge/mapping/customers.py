"""Who bought: a registered customer, or a guest by the site's policy."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def fingerprint(customer: dict[str, Any]) -> str:
    """What never changes of a customer; a restored shop gives the same id to another one. Empty when it is deleted."""
    return str(customer.get("created_at") or "")


GUEST_KEYS = ("per-order", "per-email")
"""The policies under which a guest has a key."""


def guest_key(order: dict[str, Any], policy: str, websites: Mapping[str, str] = MappingProxyType({})) -> str:
    """The stable part of a guest's external id: one per order, or one per e-mail address and website.

    `websites` is by store id; a store that it does not have is a website of its own.
    """
    if policy == "per-order":
        return f"guest-order-{order['entity_id']}"
    store = str(order.get("store_id"))
    mail = f"{(order.get('customer_email') or '').strip().lower()}@{websites.get(store, store)}"
    return f"guest-{hashlib.sha256(mail.encode()).hexdigest()[:16]}"
