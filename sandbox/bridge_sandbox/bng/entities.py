"""The records BNG keeps: their fields, names and id prefixes, as BNG.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bridge_sandbox.bng import checks
from bridge_sandbox.bng.fields import Field, Schema, Shape
from bridge_sandbox.catalogue import WAREHOUSE

ORDER_STATUSES = (10, 20, 30, 40, 50, 90)
PENDING, PROCESSING, HOLD, COMPLETE, CLOSED, CANCELLED = ORDER_STATUSES

TIME: Schema = {"type": "string", "format": "date-time", "pattern": r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$"}
SERVER_FIELDS: Mapping[str, Schema] = {
    "Version": {"type": "integer", "minimum": 1},
    "CreatedAt": TIME,
    "UpdatedAt": TIME,
    "UpdatedBy": {"type": "string", "description": "The client id of the last writer."},
    "Deleted": {"type": "boolean"},
}
EXTERNAL_ID = Field(checks.text(64))
TEXT = Field(checks.text())
LONG_TEXT = Field(checks.text(4000))
ZERO = Field(checks.money, default="0.00")


@dataclass(frozen=True)
class Entity:
    """One kind of record. `own` are the client's fields, `kept` those that only the server writes, as JSON Schema."""

    name: str
    resource: str
    prefix: str
    own: Mapping[str, Field]
    kept: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def id_field(self) -> str:
        """Such as CustomerID."""
        return f"{self.name}ID"

    @cached_property
    def shape(self) -> Shape:
        """What a client may send; the server's own fields are ignored, so that a record read can be sent back."""
        return Shape(
            {"ExternalID": EXTERNAL_ID} | dict(self.own),
            {self.id_field: {"type": "string"}} | dict(self.kept) | dict(SERVER_FIELDS),
            self.name,
        )


ADDRESS_PARTS = Shape(dict.fromkeys(("Street", "City", "State", "Zip", "Country"), TEXT), name="Address")
ADDRESS = Field(checks.nested(ADDRESS_PARTS))

ORDER_LINE = Shape(
    {
        "LineNo": Field(checks.whole(1), required=True),
        "ExternalLineID": TEXT,
        "SKU": Field(checks.text(64), required=True),
        "Description": LONG_TEXT,
        "Quantity": Field(checks.quantity, required=True),
        "UnitPrice": ZERO,
        "Discount": ZERO,
        "Tax": ZERO,
        "LineTotal": Field(checks.money, required=True),
        "Warehouse": Field(checks.text(), default=WAREHOUSE),
    },
    name="SalesOrderLine",
)

SHIPMENT_LINE = Shape(
    {
        "LineNo": Field(checks.whole(1), required=True),
        "SKU": Field(checks.text(64)),
        "Quantity": Field(checks.quantity, required=True),
    },
    name="ShipmentLine",
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
        "CreditLimit": Field(checks.money),
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
        "CustomerID": Field(checks.text(), required=True),
        "OrderDate": Field(checks.day, required=True),
        "OrderStatus": Field(checks.choice(*ORDER_STATUSES), default=PENDING),
        "Currency": Field(checks.text(3), required=True),
        "PaymentTerms": TEXT,
        "BillingAddress": ADDRESS,
        "ShippingAddress": ADDRESS,
        "ShipVia": TEXT,
        "Lines": Field(checks.each(checks.nested(ORDER_LINE), at_least=1), required=True),
        "Freight": ZERO,
        "FreightTax": ZERO,
        "DiscountTotal": ZERO,
        "TaxTotal": ZERO,
        "Total": Field(checks.money, required=True),
        "PaymentDescription": LONG_TEXT,
    },
    kept={"AllocationStatus": {"enum": ["allocated", "partial", "backordered", None]}},
)

PRODUCT = Entity(
    "Product",
    "products",
    "P",
    {
        "SKU": Field(checks.text(64), required=True),
        "Name": TEXT,
        "Description": LONG_TEXT,
        "ProductType": TEXT,
        "Category": TEXT,
        "ListPrice": Field(checks.money),
        "SpecialPrice": Field(checks.money),
        "SpecialPriceFrom": Field(checks.day),
        "SpecialPriceTo": Field(checks.day),
        "Cost": Field(checks.money),
        "Weight": Field(checks.quantity),
        "TaxCode": TEXT,
        "Active": Field(checks.flag, default=True),
    },
)

INVENTORY_ITEM = Entity(
    "InventoryItem",
    "inventory-items",
    "II",
    {
        "SKU": Field(checks.text(64), required=True),
        "Warehouse": Field(checks.text(), required=True),
        "QuantityOnHand": Field(checks.quantity, default="0"),
        "QuantityAllocated": Field(checks.quantity, default="0"),
        "QuantityAvailable": Field(checks.quantity, default="0"),
        "ReorderPoint": Field(checks.quantity, default="0"),
    },
    kept={"Sequence": {"type": "integer", "minimum": 1, "description": "Rises with each change of this stock."}},
)

SHIPMENT = Entity(
    "Shipment",
    "shipments",
    "SH",
    {
        "SalesOrderID": Field(checks.text(), required=True),
        "ShipDate": Field(checks.day),
        "Carrier": TEXT,
        "TrackingNumbers": Field(checks.each(checks.text()), default=()),
        "Lines": Field(checks.each(checks.nested(SHIPMENT_LINE)), default=()),
        "Warehouse": TEXT,
    },
)

PARTS = (ADDRESS_PARTS, ORDER_LINE, SHIPMENT_LINE)
