"""Who bought: a registered customer, or a guest by the site's policy."""

import hashlib
from typing import Any

from bng_bridge.mapping.addresses import address


def from_customer(customer: dict[str, Any], *, external_id: str) -> dict[str, Any]:
    """The owned fields of a BNG customer, from Magento's customer document."""
    by_id = {str(item.get("id")): item for item in customer.get("addresses") or []}
    billing = by_id.get(str(customer.get("default_billing")))
    shipping = by_id.get(str(customer.get("default_shipping"))) or billing
    return _customer(
        external_id, customer.get("firstname"), customer.get("lastname"), customer.get("email"), billing, shipping,
        tax_id=customer.get("taxvat"),
    )  # fmt: skip


def fingerprint(customer: dict[str, Any]) -> str:
    """What never changes of a customer; a restored shop gives the same id to another one. Empty when it is deleted."""
    return str(customer.get("created_at") or "")


def from_order(order: dict[str, Any], *, external_id: str) -> dict[str, Any]:
    """The same from an order: all that is known of a guest, and enough of a customer whose own event comes later."""
    billing = order.get("billing_address") or {}
    first = order.get("customer_firstname") or billing.get("firstname")
    last = order.get("customer_lastname") or billing.get("lastname")
    return _customer(external_id, first, last, order.get("customer_email"), billing, None, tax_id=billing.get("vat_id"))


def guest_key(order: dict[str, Any], policy: str) -> str:
    """The stable part of a guest's external id: one per order, or one per e-mail address and store."""
    if policy == "per-order":
        return f"guest-order-{order['entity_id']}"
    mail = f"{(order.get('customer_email') or '').strip().lower()}@{order.get('store_id')}"
    return f"guest-{hashlib.sha256(mail.encode()).hexdigest()[:16]}"


def _customer(
    external_id: str,
    first: str | None,
    last: str | None,
    email: str | None,
    billing: dict[str, Any] | None,
    shipping: dict[str, Any] | None,
    *,
    tax_id: str | None,
) -> dict[str, Any]:
    company = (billing or {}).get("company") or ""
    body: dict[str, Any] = {
        "ExternalID": external_id,
        "CompanyName": company,
        "FirstName": first or "",
        "LastName": last or "",
        "Email": email or "",
        "Phone": (billing or {}).get("telephone") or "",
    }
    if tax_id:
        body["TaxID"] = tax_id
    if billing:
        body["BillingAddress"] = address(billing)
    if shipping or billing:
        body["ShippingAddress"] = address(shipping or billing)
    return body
