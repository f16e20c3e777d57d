"""Target keys: the name of each thing that is written, for ever. Stores hold them, so none may change."""

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

ALL_STORES = "all"
"""The store code under which Magento keeps what store views use by default."""


def sales_order_key(site: str, order_id: str) -> str:
    return f"{site}/order/{order_id}/sales_order"


def cancellation_key(site: str, order_id: str) -> str:
    return f"{site}/order/{order_id}/cancellation"


def order_status_key(site: str, order_id: str) -> str:
    return f"{site}/order/{order_id}/order_status"


def customer_key(site: str, source_id: str) -> str:
    """`source_id` is a customer's id, or a guest's key."""
    return f"{site}/customer/{source_id}/customer"


def shop_customer_key(site: str, customer_id: str) -> str:
    return f"{site}/customer/{customer_id}/shop_customer"


def shipment_key(site: str, shipment_id: str) -> str:
    return f"{site}/shipment/{shipment_id}/shipment"


def shop_invoice_key(site: str, invoice_id: str) -> str:
    """`invoice_id` is BNG's."""
    return f"{site}/shop_invoice/{invoice_id}/invoice"


def shop_creditmemo_key(site: str, invoice_id: str) -> str:
    """`invoice_id` is BNG's: its credit memos are invoices."""
    return f"{site}/shop_creditmemo/{invoice_id}/creditmemo"


def stock_key(site: str, reference: str) -> str:
    return f"{site}/stock/{reference}/source_item"


def stock_item_key(site: str, sku: str) -> str:
    return f"{site}/stock/{sku}/stock_item"


def product_key(site: str, product_id: str, store: str = ALL_STORES) -> str:
    """`product_id` is BNG's. Of a store view's own values the last part says which."""
    step = "product" if store == ALL_STORES else f"product@{store}"
    return f"{site}/product/{quote(product_id, safe='')}/{step}"


def posted_key(entity: str, site: str, source_id: str) -> str:
    """What is posted at BNG for a document of the shop. `source_id` is the document's, or names what it is posted for:
    invoice-12, invoice-12-capture."""
    return f"{site}/{entity}/{source_id}/{entity}"


BOOKED = ("invoice", "credit_memo", "payment", "gl_entry")
POSTED = ("bng_shipment", *BOOKED)
"""A shipment stays as it was told: a tracking number that is added to it later is none of the books."""
KEYS: Mapping[str, Callable[[str, str], str]] = {
    "sales_order": sales_order_key, "cancellation": cancellation_key, "order_status": order_status_key,
    "customer": customer_key, "shop_customer": shop_customer_key, "shipment": shipment_key, "source_item": stock_key,
    "stock_item": stock_item_key, "product": product_key,
    "shop_invoice": shop_invoice_key, "shop_creditmemo": shop_creditmemo_key,
    **{entity: partial(posted_key, entity) for entity in POSTED},
}  # fmt: skip
"""By the words that flow files have for them."""


def source_id(target_key: str) -> str:
    """Of whichever record: what the shop, or BNG, calls it."""
    return target_key.split("/")[2]
