"""Customers: documents, create, change, delete, each in the transactions in which Magento commits it.

Creating takes three. A change rewrites the password token and the times even when nothing else differs, a new
e-mail address also rewrites the customer's old orders, `addresses: []` deletes all addresses, leaving them out
keeps them.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from bridge_sandbox.shop.directory import region_code
from bridge_sandbox.shop.documents import Document, grouped, shown
from bridge_sandbox.shop.errors import MagentoError, no_such_field_value, required
from bridge_sandbox.shop.session import Row, Session

EDITABLE = (
    "email",
    "group_id",
    "prefix",
    "firstname",
    "middlename",
    "lastname",
    "suffix",
    "dob",
    "taxvat",
    "gender",
    "disable_auto_group_change",
)
ADDRESS_FIELDS = (
    "city",
    "company",
    "country_id",
    "fax",
    "firstname",
    "lastname",
    "middlename",
    "postcode",
    "prefix",
    "suffix",
    "telephone",
    "vat_id",
)
HIDDEN = frozenset({"rp_token", "rp_token_created_at", "password_hash", "is_active", "increment_id"})
SUBSCRIBED = 1
UNSUBSCRIBED = 3


def customer_documents(session: Session, customer_ids: Sequence[int]) -> list[Document]:
    """The documents of the customers that exist, in the order of the ids."""
    if not customer_ids:
        return []
    customers = {row["entity_id"]: row for row in session.rows("customers", customer_ids)}
    addresses = grouped(session.rows("customer_addresses", customer_ids), "parent_id")
    subscribed = {row["customer_id"] for row in session.rows("subscribed_customers", customer_ids)}
    return [
        customer_document(customers[each], addresses[each], is_subscribed=each in subscribed)
        for each in customer_ids
        if each in customers
    ]


def customer_document(customer: Row, addresses: list[Row], *, is_subscribed: bool) -> Document:
    """One customer; the ids of the default addresses are strings there."""
    document = {"id": customer["entity_id"], **shown(customer, HIDDEN | {"entity_id"})}
    for name in ("default_billing", "default_shipping"):
        if name in document:
            document[name] = str(document[name])
    document["addresses"] = [address_document(row, customer) for row in addresses]
    document["extension_attributes"] = {"is_subscribed": is_subscribed}
    return document


def address_document(row: Row, customer: Row) -> Document:
    """One address with its region apart and its street in lines."""
    hidden = frozenset({"entity_id", "parent_id", "created_at", "updated_at", "is_active", "region", "street"})
    document = {
        "id": row["entity_id"],
        "customer_id": row["parent_id"],
        "region": {
            "region_code": region_code(row["region_id"]),
            "region": row["region"],
            "region_id": row["region_id"] or 0,
        },
        **shown(row, hidden),
        "region_id": row["region_id"] or 0,
        "street": row["street"].split("\n"),
    }
    for kind in ("default_shipping", "default_billing"):
        if customer[kind] == row["entity_id"]:
            document[kind] = True
    return document


def get_customer(session: Session, customer_id: int) -> Document:
    """One customer; raises the 404 of the customer API."""
    found = customer_documents(session, [customer_id])
    if not found:
        raise no_such_field_value("customerId", customer_id)
    return found[0]


def create_customer(session: Session, wanted: Document) -> Document:
    """A new customer in three transactions: row, addresses, password token."""
    for name in ("email", "firstname", "lastname"):
        if not wanted.get(name):
            raise required(name)
    website_id = int(wanted.get("website_id") or 1)
    refuse_taken_email(session, wanted["email"], website_id, None)
    customer_id = session.insert(
        "customer_entity",
        {
            "website_id": website_id,
            "store_id": int(wanted.get("store_id") or 1),
            "created_in": "Default Store View",
            "group_id": 1,
            **picked(wanted, EDITABLE),
        },
    )
    with session.transaction():
        save_addresses(session, customer_id, wanted.get("addresses") or [])
        save_subscription(session, customer_id, wanted)
    session.execute("touch_customer", secrets.token_hex(16), customer_id)
    return get_customer(session, customer_id)


def change_customer(session: Session, customer_id: int, wanted: Document) -> Document:
    """The changed customer: fields that are left out keep their value, null empties."""
    with session.transaction():
        email = write_fields(session, lock_customer(session, customer_id), wanted)
        session.execute("touch_customer", secrets.token_hex(16), customer_id)
        session.execute("touch_customer_addresses", customer_id)
        if wanted.get("addresses") is not None:
            save_addresses(session, customer_id, wanted["addresses"])
        save_subscription(session, customer_id, {**wanted, "email": email})
    return get_customer(session, customer_id)


def edit_own_data(session: Session, customer_id: int, wanted: Document) -> Document:
    """What a customer does in the account's pages: like `change_customer`, in three transactions.

    The fields first, then the addresses if they are among them, then the newsletter and the password token.
    """
    with session.transaction():
        before = lock_customer(session, customer_id)
        email = write_fields(session, before, wanted)
    with session.transaction():
        session.execute("touch_customer_addresses", customer_id)
        if wanted.get("addresses") is not None:
            save_addresses(session, customer_id, wanted["addresses"])
    with session.transaction():
        session.execute("touch_customer", secrets.token_hex(16), customer_id)
        save_subscription(session, customer_id, {**wanted, "email": email})
    return get_customer(session, customer_id)


def lock_customer(session: Session, customer_id: int) -> Row:
    """The customer's row, ours until the transaction ends; raises the 404."""
    row = session.one("lock_customer", customer_id)
    if row is None:
        raise no_such_field_value("customerId", customer_id)
    return row


def write_fields(session: Session, before: Row, wanted: Document) -> str:
    """Write the customer's own row, and a new e-mail address into old orders; returns the address."""
    customer_id = before["entity_id"]
    email: str = wanted.get("email") or before["email"]
    refuse_taken_email(session, email, before["website_id"], customer_id)
    session.update("customer_entity", "entity_id", customer_id, picked(wanted, EDITABLE) | {"email": email})
    if email != before["email"]:
        spread_email(session, customer_id, email)
    return email


def delete_customer(session: Session, customer_id: int) -> bool:
    """Gone for good; the foreign keys empty `customer_id` of the orders, and no trigger tells of it."""
    if not session.execute("delete_customer", customer_id):
        raise no_such_field_value("customerId", customer_id)
    return True


def refuse_taken_email(session: Session, email: str, website_id: int, own_id: int | None) -> None:
    """An address belongs to one customer of a website."""
    taken_by = session.value("customer_with_email", email, website_id)
    if taken_by is not None and taken_by != own_id:
        raise MagentoError(400, "A customer with the same email address already exists in an associated website.")


def save_addresses(session: Session, customer_id: int, wanted: list[Document]) -> None:
    """Make the addresses those wanted: known ids are changed, others added, what is not named is deleted."""
    known = {row["entity_id"] for row in session.rows("customer_address_ids", customer_id)}
    defaults: dict[str, int | None] = {"default_billing": None, "default_shipping": None}
    kept = set()
    for address in wanted:
        address_id = save_address(session, customer_id, address, known)
        kept.add(address_id)
        defaults |= {kind: address_id for kind in defaults if address.get(kind)}
    for address_id in sorted(known - kept):
        session.execute("delete_customer_address", address_id, customer_id)
    if wanted or known:
        session.update("customer_entity", "entity_id", customer_id, dict(defaults))


def save_address(session: Session, customer_id: int, address: Document, known: set[int]) -> int:
    """The id of the address, changed or new."""
    region = address.get("region") or {}
    if isinstance(region, str):
        region = {"region": region}
    fields = {
        **picked(address, ADDRESS_FIELDS),
        "region": region.get("region"),
        "region_id": address.get("region_id") or region.get("region_id") or None,
        "street": "\n".join(address.get("street") or []),
    }
    address_id = address.get("id")
    if address_id in known:
        session.update("customer_address_entity", "entity_id", address_id, fields)
        return int(address_id)
    return session.insert("customer_address_entity", {"parent_id": customer_id, **fields})


def spread_email(session: Session, customer_id: int, email: str) -> None:
    """A new address is written into old orders, too, one by one: a condition on the customer locks others' gaps."""
    for row in session.rows("orders_of_customer", customer_id):
        session.execute("rewrite_order_email", email, row["entity_id"])
        session.execute("rewrite_grid_email", email, row["entity_id"])
    session.execute("rewrite_subscriber_email", email, customer_id)


def save_subscription(session: Session, customer_id: int, wanted: Document) -> None:
    """The newsletter, when it is spoken of."""
    is_wanted = (wanted.get("extension_attributes") or {}).get("is_subscribed")
    subscriber = session.one("subscriber", customer_id)
    if is_wanted is None or (subscriber is None and not is_wanted):
        return
    status = SUBSCRIBED if is_wanted else UNSUBSCRIBED
    if subscriber is None:
        fields: dict[str, Any] = {"store_id": 1, "customer_id": customer_id, "subscriber_status": status}
        session.insert("newsletter_subscriber", fields | {"subscriber_email": wanted["email"]})
    elif subscriber["subscriber_status"] != status:
        session.update(
            "newsletter_subscriber", "subscriber_id", subscriber["subscriber_id"], {"subscriber_status": status}
        )


def picked(document: Document, names: Sequence[str]) -> Row:
    """Those of the fields that the document has."""
    return {name: document[name] for name in names if name in document}
