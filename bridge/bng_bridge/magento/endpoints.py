"""Which class of calls a path of Magento's REST API belongs to: the aggregate that it reads or writes."""

from bridge_common.magento_rest import split_store

OTHER = "other"
STOCK = "stock"

_BY_FIRST = {
    "orders": "orders",
    "shipments": "shipments",
    "shipment": "shipments",
    "invoices": "invoices",
    "creditmemos": "creditmemos",
    "creditmemo": "creditmemos",
    "customers": "customers",
    "products": "products",
    "inventory": STOCK,
    "stockItems": STOCK,
    "store": "static",
    "directory": "static",
    "eav": "static",
}
_BY_LAST = {"ship": "shipments", "invoice": "invoices", "refund": "creditmemos"}
"""What an order is told to make: /V1/order/:id/ship."""

_OF_ENTITY = {
    "shipment": "shipments", "order_status": "orders", "source_item": STOCK, "stock_item": STOCK,
    "shop_customer": "customers", "product": "products",
    "invoice": "invoices", "creditmemo": "creditmemos",
}  # fmt: skip


def endpoint_of(path: str) -> str:
    """`path` begins with /V1/, or with a store code before it."""
    parts = split_store(path)[1].split("/")
    if "stockItems" in parts:
        # /V1/products/:sku/stockItems/:id
        return STOCK
    if parts[2] == "order":
        return _BY_LAST.get(parts[-1], "orders")
    return _BY_FIRST.get(parts[2], OTHER)


def of_entity(entity: str) -> str:
    """What a write of such a record calls first."""
    return _OF_ENTITY.get(entity, OTHER)
