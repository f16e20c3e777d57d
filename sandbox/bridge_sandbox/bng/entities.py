"""The records BNG keeps: their fields, names and id prefixes, as BNG.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bridge_sandbox.bng import fields
from bridge_sandbox.bng.fields import Field, Shape
from bridge_sandbox.catalogue import WAREHOUSE

ORDER_STATUSES = (10, 20, 30, 40, 50, 90)
PENDING, PROCESSING, HOLD, COMPLETE, CLOSED, CANCELLED = ORDER_STATUSES

SERVER_FIELDS = frozenset({"Version", "CreatedAt", "UpdatedAt", "UpdatedBy", "Deleted"})
EXTERNAL_ID = Field(fields.text(64))
TEXT = Field(fields.text())
LONG_TEXT = Field(fields.text(4000))
ZERO = Field(fields.money, default="0.00")


@dataclass(frozen=True)
class Entity:
    """One kind of record. `own` are the client's fields, `kept` those that only the server writes."""

    name: str
    resource: str
    prefix: str
    own: Mapping[str, Field]
    kept: frozenset[str] = frozenset()

    @property
    def id_field(self) -> str:
        """Such as CustomerID."""
        return f"{self.name}ID"

    @cached_property
    def shape(self) -> Shape:
        """What a client may send; the server's own fields are ignored, so that a record read can be sent back."""
        return Shape({"ExternalID": EXTERNAL_ID} | dict(self.own), SERVER_FIELDS | self.kept | {self.id_field})


ADDRESS = Field(fields.nested(Shape(dict.fromkeys(("Street", "City", "State", "Zip", "Country"), TEXT))))

ORDER_LINE = Shape(
    {
        "LineNo": Field(fields.whole, required=True),
        "ExternalLineID": TEXT,
        "SKU": Field(fields.text(64), required=True),
        "Description": LONG_TEXT,
        "Quantity": Field(fields.quantity, required=True),
        "UnitPrice": ZERO,
        "Discount": ZERO,
        "Tax": ZERO,
        "LineTotal": Field(fields.money, required=True),
        "Warehouse": Field(fields.text(), default=WAREHOUSE),
    }
)

SHIPMENT_LINE = Shape(
    {
        "LineNo": Field(fields.whole, required=True),
        "SKU": Field(fields.text(64)),
        "Quantity": Field(fields.quantity, required=True),
    }
)

CUSTOMER = Entity(
    "Customer",
    "customers",
    "C",
    {
        "CompanyName": TEXT,
        "FirstName": TEXT,
        "LastName": TEXT,
        "Email": TEXT,
        "Phone": TEXT,
        "BillingAddress": ADDRESS,
        "ShippingAddress": ADDRESS,
        "PaymentTerms": TEXT,
        "CreditLimit": Field(fields.money),
        "Segment": TEXT,
        "TaxID": TEXT,
        "Status": TEXT,
    },
)

SALES_ORDER = Entity(
    "SalesOrder",
    "sales-orders",
    "SO",
    {
        "CustomerID": Field(fields.text(), required=True),
        "OrderDate": Field(fields.day, required=True),
        "OrderStatus": Field(fields.choice(*ORDER_STATUSES), default=PENDING),
        "Currency": Field(fields.text(3), required=True),
        "PaymentTerms": TEXT,
        "BillingAddress": ADDRESS,
        "ShippingAddress": ADDRESS,
        "ShipVia": TEXT,
        "Lines": Field(fields.each(fields.nested(ORDER_LINE), at_least=1), required=True),
        "Freight": ZERO,
        "FreightTax": ZERO,
        "DiscountTotal": ZERO,
        "TaxTotal": ZERO,
        "Total": Field(fields.money, required=True),
        "PaymentDescription": LONG_TEXT,
    },
    kept=frozenset({"AllocationStatus"}),
)

PRODUCT = Entity(
    "Product",
    "products",
    "P",
    {
        "SKU": Field(fields.text(64), required=True),
        "Name": TEXT,
        "Description": LONG_TEXT,
        "ProductType": TEXT,
        "Category": TEXT,
        "ListPrice": Field(fields.money),
        "Cost": Field(fields.money),
        "Weight": Field(fields.quantity),
        "TaxCode": TEXT,
        "Active": Field(fields.flag, default=True),
    },
)

INVENTORY_ITEM = Entity(
    "InventoryItem",
    "inventory-items",
    "II",
    {
        "SKU": Field(fields.text(64), required=True),
        "Warehouse": Field(fields.text(), required=True),
        "QuantityOnHand": Field(fields.quantity, default="0"),
        "QuantityAllocated": Field(fields.quantity, default="0"),
        "QuantityAvailable": Field(fields.quantity, default="0"),
        "ReorderPoint": Field(fields.quantity, default="0"),
    },
    kept=frozenset({"Sequence"}),
)

SHIPMENT = Entity(
    "Shipment",
    "shipments",
    "SH",
    {
        "SalesOrderID": Field(fields.text(), required=True),
        "ShipDate": Field(fields.day),
        "Carrier": TEXT,
        "TrackingNumbers": Field(fields.each(fields.text()), default=()),
        "Lines": Field(fields.each(fields.nested(SHIPMENT_LINE)), default=()),
        "Warehouse": TEXT,
    },
)

ENTITIES = (CUSTOMER, SALES_ORDER, PRODUCT, INVENTORY_ITEM, SHIPMENT)
