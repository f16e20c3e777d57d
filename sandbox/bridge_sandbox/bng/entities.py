"""The records BNG keeps: their fields, names and id prefixes, as BNG.md lists them."""

from bridge_sandbox.bng import checks
from bridge_sandbox.bng.entity import LONG_TEXT, OTHER_ID, TEXT, ZERO, Entity
from bridge_sandbox.bng.fields import Field, Shape
from bridge_sandbox.catalogue import WAREHOUSE

ORDER_STATUSES = (10, 20, 30, 40, 50, 90)
PENDING, PROCESSING, HOLD, COMPLETE, CLOSED, CANCELLED = ORDER_STATUSES
INVOICE_TYPES = ("invoice", "credit")
BILL, CREDIT = INVOICE_TYPES

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

INVOICE_LINE = Shape(
    {
        "LineNo": Field(checks.whole(1), required=True),
        "SKU": Field(checks.text(64)),
        "Description": LONG_TEXT,
        "Quantity": Field(checks.quantity, required=True),
        "UnitPrice": ZERO,
        "Discount": ZERO,
        "Tax": ZERO,
        "LineTotal": Field(checks.money, required=True),
    },
    name="InvoiceLine",
)

GL_ENTRY_LINE = Shape(
    {
        "Account": Field(checks.text(), required=True),
        "Debit": ZERO,
        "Credit": ZERO,
        "Description": LONG_TEXT,
        "Dimensions": TEXT,
    },
    name="GlEntryLine",
)

PURCHASE_ORDER_LINE = Shape(
    {
        "LineNo": Field(checks.whole(1), required=True),
        "SKU": Field(checks.text(64), required=True),
        "Description": LONG_TEXT,
        "Quantity": Field(checks.quantity, required=True),
        "UnitPrice": ZERO,
        "Warehouse": Field(checks.text(), default=WAREHOUSE),
    },
    {"ReceivedQuantity": checks.quantity.gives},
    "PurchaseOrderLine",
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
        "BaseCurrency": Field(checks.text(3)),
        "BaseTotal": Field(checks.money),
        "ExchangeRate": Field(checks.quantity),
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

INVOICE = Entity(
    "Invoice",
    "invoices",
    "IN",
    {
        "Type": Field(checks.choice(*INVOICE_TYPES), default=BILL),
        "AppliesToInvoiceID": TEXT,
        "SalesOrderID": Field(checks.text(), required=True),
        "InvoiceDate": Field(checks.day, required=True),
        "DueDate": Field(checks.day),
        "Lines": Field(checks.each(checks.nested(INVOICE_LINE), at_least=1), required=True),
        "TaxTotal": ZERO,
        "Total": Field(checks.money, required=True),
    },
    kept={"Balance": checks.money.gives, "Status": {"enum": ["open", "partial", "paid", "overpaid", "applied"]}},
)

PAYMENT = Entity(
    "Payment",
    "payments",
    "PM",
    {
        "InvoiceID": TEXT,
        "CustomerID": TEXT,
        "PaymentDate": Field(checks.day, required=True),
        "Method": Field(checks.text(), required=True),
        "TransactionID": Field(checks.text(), required=True),
        "Amount": Field(checks.money, required=True),
        "Currency": Field(checks.text(3), required=True),
        "Description": LONG_TEXT,
    },
)

GL_ENTRY = Entity(
    "GlEntry",
    "gl-entries",
    "GL",
    {
        "EntryDate": Field(checks.day, required=True),
        "Journal": Field(checks.text(), required=True),
        "Reference": TEXT,
        "SourceType": TEXT,
        "SourceID": TEXT,
        "Lines": Field(checks.each(checks.nested(GL_ENTRY_LINE), at_least=1), required=True),
    },
    kept={"ReversesID": OTHER_ID, "ReversedByID": OTHER_ID},
)

VENDOR = Entity("Vendor", "vendors", "V", {"Name": Field(checks.text(), required=True), "Email": TEXT, "Terms": TEXT})

PURCHASE_ORDER = Entity(
    "PurchaseOrder",
    "purchase-orders",
    "PO",
    {
        "VendorID": Field(checks.text(), required=True),
        "OrderDate": Field(checks.day, required=True),
        "ExpectedDate": Field(checks.day),
        "Lines": Field(checks.each(checks.nested(PURCHASE_ORDER_LINE), at_least=1), required=True),
    },
    kept={"Status": {"enum": ["open", "partial", "received"]}},
)

PARTS = (ADDRESS_PARTS, ORDER_LINE, SHIPMENT_LINE, INVOICE_LINE, GL_ENTRY_LINE, PURCHASE_ORDER_LINE)
ENTITIES = (
    CUSTOMER,
    SALES_ORDER,
    PRODUCT,
    INVENTORY_ITEM,
    SHIPMENT,
    INVOICE,
    PAYMENT,
    GL_ENTRY,
    VENDOR,
    PURCHASE_ORDER,
)
REFERENCES = {"AppliesToInvoiceID": INVOICE, "ReversesID": GL_ENTRY, "ReversedByID": GL_ENTRY}
"""Fields that hold the id of another record, and are not called as that record's own."""
