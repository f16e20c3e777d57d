"""Magento order documents of our own making, in the form that REST shows them.

Header sums follow from the rows, as Magento's do; a test that wants them to differ says so with a keyword.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Document = dict[str, Any]
ZERO = Decimal(0)

ADDRESS: Document = {
    "firstname": "Ida",
    "lastname": "Brandt",
    "company": "Brandt & Co",
    "street": ["Hafenstr. 7", "Hinterhaus"],
    "city": "Kiel",
    "postcode": "24103",
    "region": "Schleswig-Holstein",
    "region_code": "SH",
    "country_id": "DE",
    "telephone": "+49 431 123",
    "vat_id": "DE999999999",
}


def item(
    item_id: int,
    sku: str,
    *,
    qty: str = "1",
    price: str = "0",
    discount: str = "0",
    tax: str = "0",
    kind: str = "simple",
    parent: int | None = None,
    **more: Any,
) -> Document:
    """One row: `price` per piece before discount and without tax, `discount` and `tax` of the whole row."""
    row: Document = {
        "item_id": item_id,
        "product_id": 1000 + item_id,
        "product_type": kind,
        "sku": sku,
        "name": f"Article {sku}",
        "qty_ordered": Decimal(qty),
        "qty_shipped": ZERO,
        "qty_refunded": ZERO,
        "qty_canceled": ZERO,
        "price": Decimal(price),
        "discount_amount": Decimal(discount),
        "tax_amount": Decimal(tax),
    }
    return {**row, **({} if parent is None else {"parent_item_id": parent}), **more}


def order(
    *items: Document,
    order_id: int = 74,
    shipping: str = "5.00",
    shipping_tax: str = "0.00",
    repeats: Iterable[int] = (),
    **changes: Any,
) -> Document:
    """An order of a registered customer. `repeats`: ids of rows that only repeat their children's money."""
    rows = list(items) or [item(1, "MUG-WHITE", qty="2", price="9.99", tax="3.80")]
    counted = [row for row in rows if row["item_id"] not in set(repeats)]
    net = sum((row["price"] * row["qty_ordered"] for row in counted), ZERO)
    discount = sum((row["discount_amount"] for row in counted), ZERO)
    tax = sum((row["tax_amount"] for row in counted), Decimal(shipping_tax))
    total = net - discount + tax + Decimal(shipping)
    document: Document = {
        "entity_id": order_id,
        "increment_id": f"{order_id:09d}",
        "protect_code": f"protect-{order_id}",
        "state": "new",
        "status": "pending",
        "store_id": 1,
        "created_at": "2026-03-02 10:15:00",
        "updated_at": "2026-03-02 10:15:02",
        "customer_id": 5,
        "customer_is_guest": 0,
        "customer_email": "ida@example.com",
        "customer_firstname": "Ida",
        "customer_lastname": "Brandt",
        "order_currency_code": "EUR",
        "base_grand_total": total,
        "grand_total": total,
        "discount_amount": -discount,
        "tax_amount": tax,
        "shipping_amount": Decimal(shipping),
        "shipping_tax_amount": Decimal(shipping_tax),
        "shipping_discount_amount": ZERO,
        "shipping_description": "Flat Rate - Fixed",
        "items": rows,
        "billing_address": dict(ADDRESS),
        "payment": {"method": "checkmo"},
        "extension_attributes": {"shipping_assignments": [{"shipping": {"address": {**ADDRESS, "city": "Plön"}}}]},
    }
    return {**document, **changes}


def configurable(first_id: int = 1, *, qty: str = "3", price: str = "26.95", tax: str = "15.36") -> list[Document]:
    """A T-shirt in L: both rows have the variant's SKU, the parent has the money."""
    parent = item(first_id, "TEE-L", qty=qty, price=price, tax=tax, kind="configurable")
    return [parent, item(first_id + 1, "TEE-L", qty=qty, parent=first_id)]


def fixed_bundle(first_id: int = 1, *, qty: str = "2") -> list[Document]:
    """A breakfast set at one price: two mugs and a pot in each."""
    sets = Decimal(qty)
    return [
        item(first_id, "SET-FIXED", qty=qty, price="96.55", tax="36.69", kind="bundle"),
        item(first_id + 1, "MUG-WHITE", qty=str(2 * sets), parent=first_id),
        item(first_id + 2, "POT 12CM", qty=qty, parent=first_id),
    ]


def dynamic_bundle(first_id: int = 1) -> list[Document]:
    """A workbench set, 3 of it: the components have the money, the parent repeats its sum."""
    return [
        item(first_id, "SET-DYN-MUG-LAMP", qty="3", price="124.93", tax="71.21", kind="bundle"),
        item(first_id + 1, "MUG-WHITE", qty="6", price="9.99", tax="11.39", parent=first_id),
        item(first_id + 2, "LAMP/DESK 1", qty="3", price="104.95", tax="59.82", parent=first_id),
    ]
