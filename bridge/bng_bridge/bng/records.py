"""BNG's entities by name: resource, id field, what the bridge remembers, and what it never moves backwards."""

from typing import Any

RESOURCE_OF = {
    "customer": "customers", "sales_order": "sales-orders", "cancellation": "sales-orders", "shipment": "shipments",
    "invoice": "invoices", "credit_memo": "invoices", "payment": "payments", "gl_entry": "gl-entries",
}  # fmt: skip
"""A cancellation is a sales order that is cancelled: found when it is, created by cancelling. A credit memo is an invoice of
the type `credit`."""

POSTED = frozenset({"shipment", "invoice", "credit_memo", "payment", "gl_entry"})
"""Made once, by POST, and never changed: a correction is another record."""

_IDS = {
    "customer": "CustomerID",
    "sales_order": "SalesOrderID",
    "cancellation": "SalesOrderID",
    "shipment": "ShipmentID",
    "invoice": "InvoiceID",
    "credit_memo": "InvoiceID",
    "payment": "PaymentID",
    "gl_entry": "GlEntryID",
}
_BNGS_OWN = {"Version", "CreatedAt", "UpdatedAt", "UpdatedBy", "Deleted", "AllocationStatus"}
_FACTS = {
    "customer": (),
    "cancellation": ("UpdatedAt",),
    "shipment": ("SalesOrderID",),
    "invoice": ("SalesOrderID", "Total"),
    "credit_memo": ("SalesOrderID", "AppliesToInvoiceID", "Total"),
    "payment": ("InvoiceID", "CustomerID", "TransactionID", "Amount"),
    "gl_entry": ("EntryDate",),
    "sales_order": ("CustomerID", "OrderStatus", "AllocationStatus", "Total", "CreatedAt"),
}

PENDING, PROCESSING, HOLD, COMPLETE, CLOSED, CANCELLED = 10, 20, 30, 40, 50, 90
FINAL = {COMPLETE, CLOSED, CANCELLED}


def id_of(entity: str, body: dict[str, Any]) -> str:
    return str(body[_IDS[entity]])


def facts_of(entity: str, body: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """What the bridge remembers of a record as it is after a write that was to give it these fields.

    Of a status only the one that was wanted: another is BNG's own, and nobody may have told the shop of it yet.
    """
    known = [name for name in _FACTS[entity] if name != "OrderStatus" or body.get(name) == sent.get(name)]
    return {name: body[name] for name in known if name in body}


def settable(entity: str, body: dict[str, Any]) -> dict[str, Any]:
    """What of a record that was read may be sent back."""
    return {name: value for name, value in body.items() if name not in _BNGS_OWN and name != _IDS[entity]}


def keep_ahead(entity: str, body: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """`body` without a status that would move the record backwards: BNG completes an order before the shop knows."""
    if entity != "sales_order" or "OrderStatus" not in body:
        return body
    status, at_bng = body["OrderStatus"], known.get("OrderStatus", 0)
    backwards = (at_bng in FINAL and status != CANCELLED) or (at_bng == PROCESSING and status == PENDING)
    return {name: value for name, value in body.items() if name != "OrderStatus"} if backwards else body
