"""Product documents as REST shows them, and simple products added or changed over REST.

A bundle's two switches stand among the custom attributes. POST adds, and changes where the SKU is known; its
answer lacks two of the lists that GET and PUT have.
"""

from collections.abc import Sequence
from typing import Any

from bridge_sandbox.catalogue import SOURCE_CODE
from bridge_sandbox.shop.documents import Document, shown
from bridge_sandbox.shop.errors import MagentoError, required
from bridge_sandbox.shop.json_numbers import number
from bridge_sandbox.shop.session import Row, Session

HIDDEN = frozenset(
    {
        "has_options",
        "required_options",
        "price_type",
        "shipment_type",
        "quantity",
        "stock_status",
        "entity_id",
        "url_key",
    }
)
STOCK_DEFAULTS = {
    "is_qty_decimal": False,
    "show_default_notification_message": False,
    "use_config_min_qty": True,
    "min_qty": 0,
    "use_config_min_sale_qty": 1,
    "min_sale_qty": 1,
    "use_config_max_sale_qty": True,
    "max_sale_qty": 10000,
    "use_config_backorders": True,
    "backorders": 0,
    "use_config_notify_stock_qty": True,
    "notify_stock_qty": 1,
    "use_config_qty_increments": True,
    "qty_increments": 0,
    "use_config_enable_qty_inc": True,
    "enable_qty_increments": False,
    "use_config_manage_stock": True,
    "manage_stock": True,
    "low_stock_date": None,
    "is_decimal_divided": False,
    "stock_status_changed_auto": 0,
}
EDITABLE = ("name", "price", "weight", "status", "visibility")


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


def post_product(session: Session, wanted: Document) -> Document:
    """POST /V1/products: a new simple product, or the known one changed."""
    for name in ("sku",) if session.value("product_id", wanted.get("sku")) else ("sku", "name", "price"):
        if wanted.get(name) is None:
            raise required(name)
    document = save_product(session, wanted["sku"], wanted)
    return {name: value for name, value in document.items() if name not in ("product_links", "tier_prices")}


def put_product(session: Session, sku: str, wanted: Document) -> Document:
    """PUT /V1/products/:sku: changes a product; an unknown one without all it needs is refused."""
    if session.value("product_id", sku) is None:
        raise MagentoError(400, "Invalid product data: %1", ["Invalid attribute set entity type"])
    return save_product(session, sku, wanted)


def save_product(session: Session, sku: str, wanted: Document) -> Document:
    """Write what is sent, and the stock if a quantity is among it."""
    fields = {name: wanted[name] for name in EDITABLE if name in wanted}
    with session.transaction():
        product_id = session.value("product_id", sku)
        if product_id is None:
            product_id = session.insert("catalog_product_entity", {"sku": sku, "type_id": "simple"})
            session.insert(
                "catalog_product_flat_1", {"entity_id": product_id, **fields, "url_key": url_key(wanted["name"])}
            )
        elif fields:
            session.update("catalog_product_flat_1", "entity_id", product_id, fields)
            session.execute("touch_product", product_id)
        quantity = ((wanted.get("extension_attributes") or {}).get("stock_item") or {}).get("qty")
        if quantity is not None:
            session.execute("set_source_item", SOURCE_CODE, sku, quantity, 1)
    return get_product(session, sku)


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
        "is_in_stock": row["type_id"] != "simple" if quantity is None else bool(row["stock_status"]),
        **STOCK_DEFAULTS,
    }


def custom_attributes(row: Row) -> dict[str, Any]:
    """Texts, as in Magento: price_type 0 is dynamic, 1 fixed; shipment_type 0 is together, 1 separately."""
    attributes: dict[str, Any] = {
        "options_container": "container2",
        "url_key": row["url_key"],
        "msrp_display_actual_price_type": "0",
        "required_options": str(row["required_options"]),
        "has_options": str(row["has_options"]),
        "tax_class_id": "2",
        "category_ids": [],
    }
    for name in ("price_type", "shipment_type"):
        if row[name] is not None:
            attributes[name] = str(row[name])
    return attributes


def url_key(name: str) -> str:
    """The name's letters and digits, joined by hyphens."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())
