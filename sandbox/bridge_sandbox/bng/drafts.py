"""Documents as BNG's people begin them: an invoice for an order, a credit for an invoice, a payment of what is owed."""

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

from bridge_sandbox.bng import checks, records
from bridge_sandbox.bng.entities import BILL, CREDIT, INVOICE, INVOICE_LINE, SALES_ORDER
from bridge_sandbox.bng.lines import NOTHING, Quantities, cents, requested
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

SCALED = ("Discount", "Tax", "LineTotal")


def invoice(work: Work, order: Record, chosen: Sequence[Record]) -> Record:
    """Of the chosen lines [{LineNo, Quantity}], else of all that was not invoiced yet; freight is on the first invoice.

    Raises Problem if less is left to invoice.
    """
    earlier = [
        each for each in records.matching(work, INVOICE, sales_order_id=order["SalesOrderID"]) if each["Type"] == BILL
    ]
    wanted = requested(chosen, left(order["Lines"], earlier))
    return drafted(order["Lines"], wanted, order if not earlier else {}) | {
        "Type": BILL,
        "SalesOrderID": order["SalesOrderID"],
        "InvoiceDate": work.at[:10],
    }


def credit(work: Work, billed: Record, chosen: Sequence[Record]) -> Record:
    """Of the chosen lines of an invoice, else of the whole of it with its freight."""
    wanted = requested(chosen, left(billed["Lines"], []))
    return drafted(billed["Lines"], wanted, {} if chosen else billed) | {
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


def drafted(lines: Iterable[Record], wanted: Quantities, freighted: Record) -> Record:
    """The document of these quantities, with the freight of `freighted`, and with sums that agree."""
    parts = [portion(line, wanted[line["LineNo"]]) for line in lines if line["LineNo"] in wanted]
    freight = {name: freighted.get(name, "0.00") for name in ("Freight", "FreightTax")}
    taxes = [*(line["Tax"] for line in parts), freight["FreightTax"]]
    total = sum(map(Decimal, [*(line["LineTotal"] for line in parts), *freight.values()]), NOTHING)
    return freight | {
        "Lines": parts,
        "TaxTotal": checks.money(sum(map(Decimal, taxes), NOTHING)),
        "Total": checks.money(cents(total)),
    }


def portion(line: Record, quantity: Decimal) -> Record:
    """The line for a part of its quantity, its amounts in proportion."""
    own = {name: line[name] for name in INVOICE_LINE.fields} | {"Quantity": checks.plain_number(quantity)}
    ordered = Decimal(line["Quantity"])
    if quantity == ordered:
        return own
    return own | {name: checks.money(cents(Decimal(line[name]) * quantity / ordered)) for name in SCALED}
