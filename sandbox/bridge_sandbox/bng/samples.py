"""Valid bodies to try the API with: a customer, an order of a few lines, and what is posted for it."""

from decimal import Decimal
from typing import Any

Line = tuple[str, str, str]
"""SKU, Quantity and UnitPrice."""

ONE_MUG: Line = ("MUG-WHITE", "1", "9.99")


def customer(**changes: Any) -> dict[str, Any]:
    """A customer of a few fields, with those given instead or added."""
    return {"FirstName": "Ida", "LastName": "Brandt", "Email": "ida@example.com", "CreditLimit": "500.00"} | changes


def order(customer_id: str, *lines: Line, **changes: Any) -> dict[str, Any]:
    """An untaxed order of the lines given (one mug), with freight and a total that agrees."""
    return {"CustomerID": customer_id, "OrderDate": "2025-03-01", "Currency": "EUR"} | sold(*lines) | changes


def invoice(sales_order_id: str, *lines: Line, **changes: Any) -> dict[str, Any]:
    """The invoice of an order of these lines, made by `order`; its freight is a line."""
    return {"SalesOrderID": sales_order_id, "InvoiceDate": "2025-03-02"} | billed(*lines) | changes


def credit(invoice: dict[str, Any], *lines: Line, **changes: Any) -> dict[str, Any]:
    """A credit memo of lines and freight of an invoice that was read."""
    applied = {"Type": "credit", "AppliesToInvoiceID": invoice["InvoiceID"], "SalesOrderID": invoice["SalesOrderID"]}
    return {"InvoiceDate": "2025-03-09"} | applied | billed(*lines) | changes


def payment(invoice_id: str | None, amount: str, **changes: Any) -> dict[str, Any]:
    """A capture, or with a negative amount a refund; its TransactionID is `t1` unless it is said."""
    return {
        "InvoiceID": invoice_id, "PaymentDate": "2025-03-02", "Method": "card", "TransactionID": "t1", "Amount": amount,
        "Currency": "EUR",
    } | changes  # fmt: skip


def gl_entry(amount: str = "15.94", **changes: Any) -> dict[str, Any]:
    """Receivables against sales."""
    lines = [{"Account": "1200", "Debit": amount}, {"Account": "4000", "Credit": amount}]
    return {"EntryDate": "2025-03-02", "Journal": "SALES", "Lines": lines} | changes


def purchase_order(vendor_id: str, *lines: Line, **changes: Any) -> dict[str, Any]:
    """Of a vendor."""
    return {"VendorID": vendor_id, "OrderDate": "2025-03-01", "Lines": bought(*lines)} | changes


def sold(*lines: Line) -> dict[str, Any]:
    """Lines (one mug), freight, and a total that agrees."""
    described = priced(*lines)
    return {"Lines": described, "Freight": "5.00", "FreightTax": "0.95", "Total": total(described, "5.95")}


def billed(*lines: Line) -> dict[str, Any]:
    """The same with the freight as a line."""
    described = priced(*lines)
    amounts = {"Quantity": "1", "UnitPrice": "5.00", "Tax": "0.95", "LineTotal": "5.95"}
    described.append({"LineNo": len(described) + 1, "SKU": "FREIGHT"} | amounts)
    return {"Lines": described, "Total": total(described)}


def priced(*lines: Line) -> list[dict[str, Any]]:
    """The lines with their totals."""
    return [
        line | {"LineTotal": str(Decimal(line["Quantity"]) * Decimal(line["UnitPrice"]))} for line in bought(*lines)
    ]


def total(lines: list[dict[str, Any]], freight: str = "0") -> str:
    """What they come to."""
    return str(sum((Decimal(line["LineTotal"]) for line in lines), Decimal(freight)))


def bought(*lines: Line) -> list[dict[str, Any]]:
    """The lines (one mug), numbered."""
    return [
        {"LineNo": number, "SKU": sku, "Quantity": quantity, "UnitPrice": price}
        for number, (sku, quantity, price) in enumerate(lines or (ONE_MUG,), 1)
    ]
