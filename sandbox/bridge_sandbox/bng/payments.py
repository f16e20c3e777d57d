"""Payments: what was captured, and as negative amounts what was refunded. Never changed, only added to."""

from decimal import Decimal

from bridge_sandbox.bng import invoices, records, references, webhooks
from bridge_sandbox.bng.entities import CUSTOMER, INVOICE, PAYMENT
from bridge_sandbox.bng.problems import invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work


def create(work: Work, own: Record) -> Record:
    """A new payment, which changes its invoice's Balance; raises Problem if it breaks a rule."""
    check(work, own)
    saved = records.create(work, PAYMENT, own)
    if own["InvoiceID"] is not None:
        invoices.lower(work, own["InvoiceID"], Decimal(own["Amount"]))
    webhooks.announce(work, "payment_posted", saved)
    return saved


def check(work: Work, own: Record) -> None:
    """Raise Problem unless what it names is there, it is of something, new, and refunds no more than was captured."""
    references.check(work, own, "CustomerID", CUSTOMER)
    references.check(work, own, "InvoiceID", INVOICE)
    if own["InvoiceID"] is not None:
        invoices.refuse_credit(work, own, "InvoiceID")
    if Decimal(own["Amount"]) == 0:
        raise invalid([("/Amount", "is zero")])
    refuse_repeated(work, own)
    refuse_refund_above_captures(work, own)


def refuse_repeated(work: Work, own: Record) -> None:
    """Raise Problem if the transaction was posted: once as a capture, once as a refund.

    A BNG that takes an ExternalID twice takes a transaction twice, too: it is the poorest one, which checks nothing.
    """
    if not work.store.unique_external_ids:
        return
    for other in records.matching(work, PAYMENT, transaction_id=own["TransactionID"]):
        if is_refund(other) == is_refund(own):
            raise invalid([("/TransactionID", f"is the TransactionID of {other['PaymentID']}")])


def refuse_refund_above_captures(work: Work, own: Record) -> None:
    """Raise Problem if more would be given back than was taken: on this invoice, or by this customer on none."""
    if not is_refund(own):
        return
    whose = {} if own["InvoiceID"] else {"customer_id": own["CustomerID"]}
    posted = records.matching(work, PAYMENT, invoice_id=own["InvoiceID"], **whose)
    captured = sum((Decimal(each["Amount"]) for each in posted), Decimal(0))
    if captured + Decimal(own["Amount"]) < 0:
        raise invalid([("/Amount", f"{captured} is left of what was captured")])


def is_refund(payment: Record) -> bool:
    """Whether money goes back."""
    return Decimal(payment["Amount"]) < 0
