"""Product documents as REST shows them, and simple and virtual products added or changed over REST.

A bundle's two switches stand among the custom attributes. POST adds, and changes where the SKU is known; its
answer lacks two of the lists that GET and PUT have.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bridge_sandbox.catalogue import SOURCE_CODE
from bridge_sandbox.shop.attributes import ALL_STORES, read_values, write_values
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
DEFAULT_STORE = "default"


def product_documents(session: Session, product_ids: Sequence[int], store: str = DEFAULT_STORE) -> list[Document]:
    """The documents of the products that exist, in the order of the ids, with the values that the store shows."""
    if not product_ids:
        return []
    found = {row["entity_id"]: row for row in session.rows("products", product_ids)}
    values = read_values(session, product_ids, store)
    return [product_document(found[each], values[each]) for each in product_ids if each in found]


def get_product(session: Session, store: str, sku: str) -> Document:
    """One product; raises the 404 of the product API."""
    product_id = session.value("product_id", sku)
    if product_id is None:
        raise MagentoError(404, "The product that was requested doesn't exist. Verify the product and try again.")
    return product_documents(session, [product_id], store)[0]


def post_product(session: Session, store: str, wanted: Document) -> Document:
    """POST /V1/products: a new simple or virtual product, or the known one changed."""
    for name in ("sku",) if session.value("product_id", wanted.get("sku")) else ("sku", "name", "price"):
        if wanted.get(name) is None:
            raise required(name)
    document = save_product(session, store, wanted["sku"], wanted)
    return {name: value for name, value in document.items() if name not in ("product_links", "tier_prices")}


def put_product(session: Session, store: str, sku: str, wanted: Document) -> Document:
    """PUT /V1/products/:sku: changes a product; an unknown one without all it needs is refused."""
    if session.value("product_id", sku) is None:
        raise unknown_set()
    return save_product(session, store, sku, wanted)


def save_product(session: Session, store: str, sku: str, wanted: Document) -> Document:
    """Write what is sent, and the stock if a quantity is among it. What a new product begins with counts for all stores."""
    fields = {name: wanted[name] for name in EDITABLE if name in wanted}
    attributes = {each["attribute_code"]: each.get("value") for each in wanted.get("custom_attributes") or []}
    with session.transaction():
        product_id = session.value("product_id", sku)
        if product_id is None:
            product_id, store = add_product(session, sku, wanted), ALL_STORES
        if fields or attributes:
            write_values(session, product_id, store, fields | attributes)
            session.execute("touch_product", product_id)
        quantity = ((wanted.get("extension_attributes") or {}).get("stock_item") or {}).get("qty")
        if quantity is not None:
            session.execute("set_source_item", SOURCE_CODE, sku, quantity, 1)
    return get_product(session, store, sku)


def add_product(session: Session, sku: str, wanted: Document) -> int:
    """Its id; without values yet. Raises the 400 for a set of attributes that there is not."""
    attribute_set_id = wanted.get("attribute_set_id", 4)
    if session.value("has_attribute_set", attribute_set_id) is None:
        raise unknown_set()
    type_id = "virtual" if wanted.get("type_id") == "virtual" else "simple"
    columns = {"sku": sku, "type_id": type_id, "attribute_set_id": attribute_set_id}
    product_id = session.insert("catalog_product_entity", columns)
    session.insert("catalog_product_flat_1", {"entity_id": product_id, "url_key": url_key(wanted["name"])})
    return product_id


def unknown_set() -> MagentoError:
    """Also what an unknown product is answered, which has none."""
    return MagentoError(400, "Invalid product data: %1", ["Invalid attribute set entity type"])


def product_document(row: Row, values: Mapping[str, str]) -> Document:
    """One product. `values` stand in place of those that all stores share."""
    own = {
        name: number(Decimal(value)) if name != "name" else value for name, value in values.items() if name in EDITABLE
    }
    return {
        "id": row["entity_id"],
        **shown(row, HIDDEN),
        **own,
        "extension_attributes": {"website_ids": [1], "stock_item": stock_item(row)},
        "product_links": [],
        "options": [],
        "media_gallery_entries": [],
        "tier_prices": [],
        "custom_attributes": [
            {"attribute_code": code, "value": value} for code, value in custom_attributes(row, values).items()
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


def custom_attributes(row: Row, values: Mapping[str, str]) -> dict[str, Any]:
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
    return attributes | {code: value for code, value in values.items() if code not in EDITABLE}


def url_key(name: str) -> str:
    """The name's letters and digits, joined by hyphens."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())
