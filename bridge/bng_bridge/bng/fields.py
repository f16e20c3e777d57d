"""What BNG's API has, in the names that the bridge uses inside: resources with their fields, filters, webhooks.

A profile renames them and says how their kinds are written; nothing else about them changes.
"""

from bng_bridge.mapping.bng_entities import ENTITIES
from bng_bridge.mapping.bng_shapes import bng_shape
from bng_bridge.mapping.shapes import Shape

_RESOURCES = {
    "customers": "customer",
    "sales-orders": "sales_order",
    "products": "product",
    "inventory-items": "inventory_item",
    "shipments": "shipment",
    "invoices": "invoice",
    "payments": "payment",
    "gl-entries": "gl_entry",
    "vendors": "vendor",
    "purchase-orders": "purchase_order",
}

RESOURCES: dict[str, Shape] = {name: bng_shape(entity, is_target=False) for name, entity in _RESOURCES.items()}
ID_FIELDS = {name: f"{ENTITIES[entity].__name__}ID" for name, entity in _RESOURCES.items()}
IDS = frozenset((*ID_FIELDS.values(), "AppliesToInvoiceID", "ReversesID", "ReversedByID"))
"""Fields that hold an id, of the record itself or of another."""

FILTERS = {
    "external_id": "ExternalID",
    "customer_id": "CustomerID",
    "sales_order_id": "SalesOrderID",
    "invoice_id": "InvoiceID",
    "transaction_id": "TransactionID",
    "sku": "SKU",
    "warehouse": "Warehouse",
    "email": "Email",
    "updated_since": "UpdatedAt",
}
"""What a list can be asked for, with the field that it looks at."""

WEBHOOKS = {
    "inventory_updated": "inventory-items",
    "order_status_changed": "sales-orders",
    "shipment_created": "shipments",
    "invoice_created": "invoices",
    "payment_posted": "payments",
    "customer_updated": "customers",
    "product_updated": "products",
}
"""What BNG announces, with the resource whose record changed."""


def inner(shape: Shape) -> Shape | None:
    """The fields inside a field: of an object, or of the objects in a list."""
    found = shape.item if shape.kind == "list" else shape
    return found if found is not None and found.has_fields else None
