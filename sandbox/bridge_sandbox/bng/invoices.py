"""Invoices and credit memos, and what is still owed on an invoice.

Balance is Total less what was paid and credited, plus what was refunded: below zero the customer is owed it. A credit memo
is applied to its invoice at once, so that nothing of its own is open.
"""

from decimal import Decimal

from bridge_sandbox.bng import checks, lines, records, references, webhooks
from bridge_sandbox.bng.entities import CREDIT, INVOICE, SALES_ORDER
from bridge_sandbox.bng.problems import invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work


def create(work: Work, own: Record) -> Record:
    """A new invoice, or a credit memo that lowers its invoice's Balance; raises Problem if it breaks a rule."""
    check(work, own)
    is_credit = own["Type"] == CREDIT
    balance = Decimal(0) if is_credit else Decimal(own["Total"])
    kept = {"Balance": checks.money(balance), "Status": "applied" if is_credit else status_of(own, balance)}
    saved = records.create(work, INVOICE, own | kept)
    if is_credit:
        lower(work, own["AppliesToInvoiceID"], Decimal(own["Total"]))
    webhooks.announce(work, "invoice_created", saved)
    return saved


def lower(work: Work, invoice_id: str, amount: Decimal) -> Record:
    """The invoice with so much less owed on it; a negative amount is owed again."""
    invoice = records.get(work, INVOICE, invoice_id)
    balance = Decimal(invoice["Balance"]) - amount
    kept = {"Balance": checks.money(balance), "Status": status_of(invoice, balance)}
    return records.save(work, INVOICE, invoice | kept)


def status_of(invoice: Record, balance: Decimal) -> str:
    """By what is still owed."""
    if balance > 0:
        return "open" if balance >= Decimal(invoice["Total"]) else "partial"
    return "paid" if balance == 0 else "overpaid"


def check(work: Work, own: Record) -> None:
    """Raise Problem unless order and applied invoice are there and the sums agree to the cent."""
    references.check(work, own, "SalesOrderID", SALES_ORDER)
    check_application(work, own)
    lines.check(own)
    if Decimal(own["Total"]) < 0:
        raise invalid([("/Total", "is negative")])


def check_application(work: Work, own: Record) -> None:
    """Raise Problem unless a credit memo, and nothing else, names an invoice of the same order."""
    applied = own["AppliesToInvoiceID"]
    if (own["Type"] == CREDIT) != (applied is not None):
        raise invalid([("/AppliesToInvoiceID", "a credit needs it" if applied is None else "is for a credit only")])
    if applied is None:
        return
    references.check(work, own, "AppliesToInvoiceID", INVOICE)
    refuse_credit(work, own, "AppliesToInvoiceID")
    order_id = records.get(work, INVOICE, applied)["SalesOrderID"]
    if order_id != own["SalesOrderID"]:
        raise invalid([("/AppliesToInvoiceID", f"{applied} is of {order_id}")])


def refuse_credit(work: Work, record: Record, field: str) -> None:
    """Raise Problem if the invoice that the field names is a credit memo."""
    if records.get(work, INVOICE, record[field])["Type"] == CREDIT:
        raise invalid([(f"/{field}", f"{record[field]} is a credit: name the invoice that it applies to")])
