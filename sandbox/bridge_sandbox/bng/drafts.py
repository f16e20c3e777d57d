"""Documents as BNG's people begin them: an invoice for an order, a credit for an invoice, a payment of what is owed."""

import uuid
from collections.abc import Iterable
from decimal import Decimal

from bridge_sandbox.bng import checks, records
from bridge_sandbox.bng.entities import BILL, CREDIT, INVOICE, INVOICE_LINE, SALES_ORDER
from bridge_sandbox.bng.lines import NOTHING, Quantities, cents, requested
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

FREIGHT = "FREIGHT"
SCALED = ("Discount", "Tax", "LineTotal")


def invoice(work: Work, order: Record, chosen: Iterable[Record]) -> Record:
    """Of the chosen lines [{LineNo, Quantity}], else of all that was not invoiced yet; freight is on the first invoice.

    Raises Problem if less is left to invoice.
    """
    earlier = [
        each for each in records.matching(work, INVOICE, sales_order_id=order["SalesOrderID"]) if each["Type"] == BILL
    ]
    wanted = requested(chosen, left(order["Lines"], earlier))
    return drafted(order["Lines"], wanted, [] if earlier else freight_lines(order)) | {
        "Type": BILL,
        "SalesOrderID": order["SalesOrderID"],
        "InvoiceDate": work.at[:10],
    }


def credit(work: Work, billed: Record, chosen: Iterable[Record]) -> Record:
    """Of the chosen lines of an invoice, else of the whole of it."""
    wanted = requested(chosen, left(billed["Lines"], []))
    return drafted(billed["Lines"], wanted, []) | {
        "Type": CREDIT,
        "AppliesToInvoiceID": billed["InvoiceID"],
        "SalesOrderID": billed["SalesOrderID"],
        "InvoiceDate": work.at[:10],
    }


def payment(work: Work, asked: Record) -> Record:
    """Of what is asked, the rest as usual: all that is owed on the invoice, by bank, today, under a new TransactionID."""
    billed = records.get(work, INVOICE, asked["InvoiceID"])
    order = records.get(work, SALES_ORDER, billed["SalesOrderID"])
    return {
        "CustomerID": order["CustomerID"],
        "PaymentDate": work.at[:10],
        "Method": "bank",
        "TransactionID": f"bank-{uuid.uuid4().hex[:12]}",
        "Amount": billed["Balance"],
        "Currency": order["Currency"],
    } | {name: value for name, value in asked.items() if value is not None}


def left(ordered: Iterable[Record], earlier: Iterable[Record]) -> dict[int, Decimal]:
    """By LineNo, what no earlier invoice has."""
    rest = {line["LineNo"]: Decimal(line["Quantity"]) for line in ordered}
    for each in earlier:
        for line in each["Lines"]:
            rest[line["LineNo"]] = rest.get(line["LineNo"], NOTHING) - Decimal(line["Quantity"])
    return {number: quantity for number, quantity in rest.items() if quantity > 0}


def freight_lines(order: Record) -> list[Record]:
    """The order's freight as the line that an invoice has for it; none for none."""
    amounts = {"UnitPrice": order["Freight"], "Tax": order["FreightTax"]}
    total = sum(map(Decimal, amounts.values()), NOTHING)
    number = max(line["LineNo"] for line in order["Lines"]) + 1
    line = {"LineNo": number, "SKU": FREIGHT, "Quantity": "1", "LineTotal": checks.money(total)} | amounts
    return [line] if total else []


def drafted(lines: Iterable[Record], wanted: Quantities, freight: list[Record]) -> Record:
    """The document of these quantities and the freight, with sums that agree."""
    parts = [portion(line, wanted[line["LineNo"]]) for line in lines if line["LineNo"] in wanted] + freight
    taxes, totals = ([Decimal(line[name]) for line in parts] for name in ("Tax", "LineTotal"))
    return {
        "Lines": parts,
        "TaxTotal": checks.money(sum(taxes, NOTHING)),
        "Total": checks.money(cents(sum(totals, NOTHING))),
    }


def portion(line: Record, quantity: Decimal) -> Record:
    """The line for a part of its quantity, its amounts in proportion."""
    own = {name: line[name] for name in INVOICE_LINE.fields} | {"Quantity": checks.plain_number(quantity)}
    ordered = Decimal(line["Quantity"])
    if quantity == ordered:
        return own
    return own | {name: checks.money(cents(Decimal(line[name]) * quantity / ordered)) for name in SCALED}
