"""What BNG's records are made of, in the names that the bridge uses inside: BNG.md's table of resources.

A profile renames these fields and says how their kinds are written; nothing else about them changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "id", "money", "quantity", "number", "date", "time"]


@dataclass(frozen=True, slots=True)
class Part:
    """An object inside a record, or with `many` a list of them."""

    fields: Mapping[str, "Kind | Part"]
    many: bool = False


Fields = Mapping[str, Kind | Part]

_OWN_BY_BNG: dict[str, Kind | Part] = {
    "ExternalID": "text",
    "Version": "text",
    "CreatedAt": "time",
    "UpdatedAt": "time",
    "UpdatedBy": "text",
    "Deleted": "text",
}
_ADDRESS = Part({"Street": "text", "City": "text", "State": "text", "Zip": "text", "Country": "text"})
_ORDER_LINES = Part(
    {
        "LineNo": "number", "ExternalLineID": "text", "SKU": "text", "Description": "text", "Quantity": "quantity",
        "UnitPrice": "money", "Discount": "money", "Tax": "money", "LineTotal": "money", "Warehouse": "text",
    },
    many=True,
)  # fmt: skip
_SHIPMENT_LINES = Part({"LineNo": "number", "SKU": "text", "Quantity": "quantity"}, many=True)

RESOURCES: dict[str, Fields] = {
    "customers": {
        "CustomerID": "id", **_OWN_BY_BNG, "CompanyName": "text", "FirstName": "text", "LastName": "text",
        "Email": "text", "Phone": "text", "BillingAddress": _ADDRESS, "ShippingAddress": _ADDRESS,
        "PaymentTerms": "text", "CreditLimit": "money", "Segment": "text", "TaxID": "text", "Status": "text",
    },
    "sales-orders": {
        "SalesOrderID": "id", **_OWN_BY_BNG, "CustomerID": "id", "OrderDate": "date", "OrderStatus": "number",
        "Currency": "text", "PaymentTerms": "text", "BillingAddress": _ADDRESS, "ShippingAddress": _ADDRESS,
        "ShipVia": "text", "Lines": _ORDER_LINES, "Freight": "money", "FreightTax": "money", "DiscountTotal": "money",
        "TaxTotal": "money", "Total": "money", "PaymentDescription": "text", "AllocationStatus": "text",
    },
    "products": {
        "ProductID": "id", **_OWN_BY_BNG, "SKU": "text", "Name": "text", "Description": "text", "ProductType": "text",
        "Category": "text", "ListPrice": "money", "Cost": "money", "Weight": "quantity", "TaxCode": "text",
        "Active": "text",
    },
    "inventory-items": {
        "InventoryItemID": "id", **_OWN_BY_BNG, "SKU": "text", "Warehouse": "text", "QuantityOnHand": "quantity",
        "QuantityAllocated": "quantity", "QuantityAvailable": "quantity", "ReorderPoint": "quantity",
        "Sequence": "number",
    },
    "shipments": {
        "ShipmentID": "id", **_OWN_BY_BNG, "SalesOrderID": "id", "ShipDate": "date", "Carrier": "text",
        "TrackingNumbers": "text", "Lines": _SHIPMENT_LINES, "Warehouse": "text",
    },
}  # fmt: skip

ID_FIELDS = {
    "customers": "CustomerID",
    "sales-orders": "SalesOrderID",
    "products": "ProductID",
    "inventory-items": "InventoryItemID",
    "shipments": "ShipmentID",
}

FILTERS = {
    "external_id": "ExternalID",
    "sales_order_id": "SalesOrderID",
    "sku": "SKU",
    "warehouse": "Warehouse",
    "updated_since": "UpdatedAt",
}
"""What a list can be asked for, with the field that it looks at."""

WEBHOOKS = {
    "inventory_updated": "inventory-items",
    "order_status_changed": "sales-orders",
    "shipment_created": "shipments",
    "customer_updated": "customers",
    "product_updated": "products",
}
"""What BNG announces, with the resource whose record changed."""
