"""Product documents as REST shows them; a bundle's two switches stand among the custom attributes."""

from collections.abc import Sequence
from typing import Any

from bridge_sandbox.shop.documents import Document, number, shown
from bridge_sandbox.shop.errors import MagentoError
from bridge_sandbox.shop.session import Row, Session

HIDDEN = frozenset({"has_options", "required_options", "price_type", "shipment_type", "quantity", "entity_id"})


def product_documents(session: Session, product_ids: Sequence[int]) -> list[Document]:
    """The documents of the products that exist, in the order of the ids."""
    if not product_ids:
        return []
    found = {row["entity_id"]: row for row in session.rows("products", product_ids)}
    return [product_document(found[each]) for each in product_ids if each in found]


def get_product(session: Session, sku: str) -> Document:
    """One product; raises the 404 of the product API."""
    product_id = session.value("product_id", sku)
    if product_id is None:
        raise MagentoError(404, "The product that was requested doesn't exist. Verify the product and try again.")
    return product_documents(session, [product_id])[0]


def product_document(row: Row) -> Document:
    """One product."""
    return {
        "id": row["entity_id"],
        **shown(row, HIDDEN),
        "extension_attributes": {"website_ids": [1], "stock_item": stock_item(row)},
        "product_links": [],
        "options": [],
        "media_gallery_entries": [],
        "tier_prices": [],
        "custom_attributes": [
            {"attribute_code": code, "value": value} for code, value in custom_attributes(row).items()
        ],
    }


def stock_item(row: Row) -> Document:
    """The quantity as the old stock API counts it."""
    quantity = row["quantity"]
    return {
        "item_id": row["entity_id"],
        "product_id": row["entity_id"],
        "stock_id": 1,
        "qty": None if quantity is None else number(quantity),
        "is_in_stock": quantity is None or quantity > 0,
        "manage_stock": True,
    }


def custom_attributes(row: Row) -> dict[str, Any]:
    """Texts, as in Magento: price_type 0 is dynamic, 1 fixed; shipment_type 0 is together, 1 separately."""
    attributes = {
        "url_key": "-".join("".join(c if c.isalnum() else " " for c in row["sku"].lower()).split()),
        "required_options": str(row["required_options"]),
        "has_options": str(row["has_options"]),
        "tax_class_id": "2",
    }
    for name in ("price_type", "shipment_type"):
        if row[name] is not None:
            attributes[name] = str(row[name])
    return attributes
