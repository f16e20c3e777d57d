"""What BNG keeps: its entities as the bridge may write and read them (base /api/v1).

A field without a default is required. `Kept` ones are BNG's own: mappings may read them, never write them.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints


class Kept:
    """Marks a field that only BNG writes."""


Code = Annotated[str, StringConstraints(max_length=64)]
Text = Annotated[str, StringConstraints(max_length=255)]
LongText = Annotated[str, StringConstraints(max_length=4000)]
CurrencyCode = Annotated[str, StringConstraints(max_length=3)]
Money = Annotated[Decimal, "money"]
DecimalQuantity = Annotated[Decimal, "quantity"]
BngId = Annotated[Text | None, Kept]


class Part(BaseModel):
    """A piece of a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(Part):
    ExternalID: Code | None = None
    Version: Annotated[int | None, Kept] = None
    CreatedAt: Annotated[datetime | None, Kept] = None
    UpdatedAt: Annotated[datetime | None, Kept] = None
    UpdatedBy: Annotated[Text | None, Kept] = None
    Deleted: Annotated[bool | None, Kept] = None


class Address(Part):
    Street: Text | None = None
    City: Text | None = None
    State: Text | None = None
    Zip: Text | None = None
    Country: Text | None = None


class Customer(Record):
    CustomerID: BngId = None
    CompanyName: Text | None = None
    FirstName: Text | None = None
    LastName: Text | None = None
    Email: Text | None = None
    Phone: Text | None = None
    BillingAddress: Address | None = None
    ShippingAddress: Address | None = None
    PaymentTerms: Text | None = None
    CreditLimit: Money | None = None
    Segment: Text | None = None
    TaxID: Text | None = None
    Status: Text | None = None


class SalesOrderLine(Part):
    LineNo: int
    ExternalLineID: Text | None = None
    SKU: Code
    Description: LongText | None = None
    Quantity: DecimalQuantity
    UnitPrice: Money = Decimal(0)
    Discount: Money = Decimal(0)
    Tax: Money = Decimal(0)
    LineTotal: Money
    Warehouse: Text | None = None


class SalesOrder(Record):
    SalesOrderID: BngId = None
    CustomerID: Text
    OrderDate: date
    OrderStatus: Literal[10, 20, 30, 40, 50, 90] = 10
    Currency: CurrencyCode
    PaymentTerms: Text | None = None
    BillingAddress: Address | None = None
    ShippingAddress: Address | None = None
    ShipVia: Text | None = None
    Lines: list[SalesOrderLine]
    Freight: Money = Decimal(0)
    FreightTax: Money = Decimal(0)
    DiscountTotal: Money = Decimal(0)
    TaxTotal: Money = Decimal(0)
    Total: Money
    BaseCurrency: CurrencyCode | None = None
    BaseTotal: Money | None = None
    ExchangeRate: DecimalQuantity | None = None
    PaymentDescription: LongText | None = None
    AllocationStatus: Annotated[Literal["allocated", "partial", "backordered"] | None, Kept] = None


class Product(Record):
    ProductID: BngId = None
    SKU: Code
    Name: Text | None = None
    Description: LongText | None = None
    ProductType: Text | None = None
    Category: Text | None = None
    ListPrice: Money | None = None
    Cost: Money | None = None
    Weight: DecimalQuantity | None = None
    TaxCode: Text | None = None
    Active: bool = True


class InventoryItem(Record):
    InventoryItemID: BngId = None
    SKU: Code
    Warehouse: Text
    QuantityOnHand: DecimalQuantity = Decimal(0)
    QuantityAllocated: DecimalQuantity = Decimal(0)
    QuantityAvailable: DecimalQuantity = Decimal(0)
    ReorderPoint: DecimalQuantity = Decimal(0)
    Sequence: Annotated[int | None, Kept] = None


class ShipmentLine(Part):
    LineNo: int
    SKU: Code | None = None
    Quantity: DecimalQuantity


class Shipment(Record):
    ShipmentID: BngId = None
    SalesOrderID: Text
    ShipDate: date | None = None
    Carrier: Text | None = None
    TrackingNumbers: list[Text] = []
    Lines: list[ShipmentLine] = []
    Warehouse: Text | None = None


class InvoiceLine(Part):
    LineNo: int
    SKU: Code | None = None
    Description: LongText | None = None
    Quantity: DecimalQuantity
    UnitPrice: Money = Decimal(0)
    Discount: Money = Decimal(0)
    Tax: Money = Decimal(0)
    LineTotal: Money


class Invoice(Record):
    """`credit` is a credit memo of the invoice under AppliesToInvoiceID. Balance: what is owed on it, after both."""

    InvoiceID: BngId = None
    Type: Literal["invoice", "credit"] = "invoice"
    AppliesToInvoiceID: Text | None = None
    SalesOrderID: Text
    InvoiceDate: date
    DueDate: date | None = None
    Lines: list[InvoiceLine]
    TaxTotal: Money = Decimal(0)
    Total: Money
    Balance: Annotated[Money | None, Kept] = None
    Status: Annotated[Text | None, Kept] = None


class Payment(Record):
    """A negative amount is a refund."""

    PaymentID: BngId = None
    InvoiceID: Text | None = None
    CustomerID: Text | None = None
    PaymentDate: date
    Method: Text
    TransactionID: Text
    Amount: Money
    Currency: CurrencyCode
    Description: LongText | None = None


class GlEntryLine(Part):
    Account: Text
    Debit: Money = Decimal(0)
    Credit: Money = Decimal(0)
    Description: LongText | None = None
    Dimensions: Text | None = None


class GlEntry(Record):
    GlEntryID: BngId = None
    EntryDate: date
    Journal: Text
    Reference: Text | None = None
    SourceType: Text | None = None
    SourceID: Text | None = None
    Lines: list[GlEntryLine]
    ReversesID: BngId = None
    ReversedByID: BngId = None


class Vendor(Record):
    VendorID: BngId = None
    Name: Text
    Email: Text | None = None
    Terms: Text | None = None


class PurchaseOrderLine(Part):
    LineNo: int
    SKU: Code
    Description: LongText | None = None
    Quantity: DecimalQuantity
    UnitPrice: Money = Decimal(0)
    Warehouse: Text | None = None
    ReceivedQuantity: Annotated[DecimalQuantity | None, Kept] = None


class PurchaseOrder(Record):
    PurchaseOrderID: BngId = None
    VendorID: Text
    OrderDate: date
    ExpectedDate: date | None = None
    Lines: list[PurchaseOrderLine]
    Status: Annotated[Text | None, Kept] = None


ENTITIES: dict[str, type[Record]] = {
    "customer": Customer,
    "sales_order": SalesOrder,
    "product": Product,
    "inventory_item": InventoryItem,
    "shipment": Shipment,
    "invoice": Invoice,
    "payment": Payment,
    "gl_entry": GlEntry,
    "vendor": Vendor,
    "purchase_order": PurchaseOrder,
}
"""By the name that a mapping file has behind `bng/`."""
