"""Giving money back: POST /V1/order/:id/refund offline, POST /V1/invoice/:id/refund on demand at the provider.

One transaction, the order's row first. Offline means that the shop only writes down what somebody did elsewhere;
online means that the provider pays: a transaction of the type `refund` says so, and nothing else does. A partial refund
that is sent again is made again.
"""

import secrets
from collections.abc import Mapping
from decimal import Decimal

from bridge_sandbox.shop import stock
from bridge_sandbox.shop.document_comments import insert_comment
from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import COULD_NOT_REFUND, MagentoError, no_such_entity, required
from bridge_sandbox.shop.invoicing import OF_THE_ORDER
from bridge_sandbox.shop.money import cents, money
from bridge_sandbox.shop.order_items import ZERO, OrderItems
from bridge_sandbox.shop.orders import add_history, items_of, lock_order, save_order
from bridge_sandbox.shop.portions import Portion, in_currencies, raised, read_wanted
from bridge_sandbox.shop.refund_plan import is_rest, plan_refund, read_terms, refund_row, refund_totals
from bridge_sandbox.shop.refund_rules import (
    Refund,
    money_left,
    refuse,
    refuse_by_invoice,
    refuse_credit_memo,
    refuse_order,
)
from bridge_sandbox.shop.returns import put_back
from bridge_sandbox.shop.sales_documents import CREDIT_MEMOS
from bridge_sandbox.shop.sequences import next_number
from bridge_sandbox.shop.session import Row, Session
from bridge_sandbox.shop.transactions import insert_transaction

REFUNDED = 2
TOTALS = {
    "subtotal_refunded": "subtotal",
    "tax_refunded": "tax_amount",
    "discount_refunded": "discount_amount",
    "discount_tax_compensation_refunded": "discount_tax_compensation_amount",
    "shipping_refunded": "shipping_amount",
    "shipping_tax_refunded": "shipping_tax_amount",
    "adjustment_positive": "adjustment_positive",
    "adjustment_negative": "adjustment_negative",
    "total_refunded": "grand_total",
}
ROW_TOTALS = {
    "amount_refunded": "row_total",
    "tax_refunded": "tax_amount",
    "discount_refunded": "discount_amount",
    "discount_tax_compensation_refunded": "discount_tax_compensation_amount",
}


def refund_order(session: Session, order_id: int, body: Document) -> str:
    """The new credit memo's id, a string as in Magento's answer; the money went back by other ways."""
    wanted, terms = read_wanted(body), read_terms(body)
    with session.transaction():
        order = lock_order(session, order_id)
        items = items_of(session, order_id)
        portions = plan_refund(items, wanted)
        rows = [refund_row(each) for each in portions]
        refund = Refund(
            order, items, portions, rows, refund_totals(order, rows, terms, is_rest=is_rest(items, portions)), terms
        )
        refuse(refund, [*refuse_order(order, items), *refuse_credit_memo(refund)])
        return str(insert_refund(session, refund, body))


def refund_invoice(session: Session, invoice_id: int, body: Document) -> str:
    """The same for what one invoice covers; with `isOnline` the provider pays, where it had been paid."""
    wanted, terms = read_wanted(body), read_terms(body)
    order_id = session.value("order_of_invoice", invoice_id)
    if order_id is None:
        raise no_such_entity()
    with session.transaction():
        order = lock_order(session, order_id)
        items = items_of(session, order_id)
        invoice = session.rows("invoices", [invoice_id])[0]
        portions = plan_refund(items, wanted, refundable_of_invoice(session, invoice_id))
        rows = [refund_row(each) for each in portions]
        totals = refund_totals(order, rows, terms, invoice["base_shipping_amount"], is_rest=is_rest(items, portions))
        refund = Refund(order, items, portions, rows, totals, terms, invoice, bool(body.get("isOnline")))
        reasons = [*refuse_order(order, items), *refuse_credit_memo(refund), *refuse_by_invoice(session, refund)]
        refuse(refund, reasons)
        return str(insert_refund(session, refund, body))


def refund_as_clerk(session: Session, order_id: int, body: Document) -> str:
    """The id of a credit memo made in the admin: offline on the order, or with `online` on its last paid invoice."""
    if not body.get("online"):
        return refund_order(session, order_id, body)
    invoice_id = body.get("invoice_id") or session.value("last_paid_invoice", order_id)
    return refund_invoice(session, int(invoice_id or 0), body | {"isOnline": True})


def refundable_of_invoice(session: Session, invoice_id: int) -> dict[int, Decimal]:
    """By order item: how many of the invoice's are not given back through it."""
    rows = session.rows("refundable_of_invoice", invoice_id, invoice_id)
    return {row["order_item_id"]: row["quantity"] for row in rows}


def insert_refund(session: Session, refund: Refund, body: Document) -> int:
    """The credit memo's id; order, rows, payment, provider and stock know of it."""
    order_id = refund.order["entity_id"]
    for portion, row in zip(refund.portions, refund.rows, strict=True):
        session.update("sales_order_item", "item_id", portion.item["item_id"], refunded_item(portion, row))
    changes = refunded_order(refund, items_of(session, order_id))
    session.update(
        "sales_order", "entity_id", order_id, changes | {"customer_note_notify": int(bool(body.get("notify")))}
    )
    transaction_id = pay_back(session, refund, changes["status"])
    save_order(session, order_id)
    memo_id = insert_credit_memo(session, refund, transaction_id)
    try:
        put_back(session, refund.order, refund.items, refund.portions, refund.terms.returned)
    except stock.NotEnoughStock as error:
        raise MagentoError(400, COULD_NOT_REFUND) from error
    insert_comment(session, "sales_creditmemo_comment", memo_id, body)
    session.execute("insert_credit_memo_grid", memo_id)
    if refund.invoice is not None:
        given_back = raised(refund.invoice, {"base_total_refunded": refund.totals["base_grand_total"]})
        session.update(
            "sales_invoice", "entity_id", refund.invoice["entity_id"], given_back | {"is_used_for_refund": 1}
        )
    return memo_id


def refunded_item(portion: Portion, row: Row) -> Row:
    """What changes in a row of the order."""
    amounts = in_currencies(lambda prefix: {name: row.get(prefix + of) or ZERO for name, of in ROW_TOTALS.items()})
    return raised(portion.item, {"qty_refunded": portion.quantity, **amounts})


def refunded_order(refund: Refund, items: OrderItems) -> Row:
    """What changes in the order: its sums, and its state by what is left to ship, to invoice and to give back."""
    where = "total_online_refunded" if refund.is_online else "total_offline_refunded"
    names = {**TOTALS, where: "grand_total"}
    amounts = in_currencies(lambda prefix: {name: refund.totals[prefix + of] or ZERO for name, of in names.items()})
    changes = raised(refund.order, amounts)
    changes |= {name: cents(changes[name]) for name in ("total_refunded", "base_total_refunded")}
    state = str(refund.order["state"])
    if not items.can_ship() and not items.can_invoice():
        state = "complete" if money_left(refund.order | changes) or not refund.order["base_grand_total"] else "closed"
    return {"state": state, "status": state if state != refund.order["state"] else refund.order["status"], **changes}


def pay_back(session: Session, refund: Refund, status: str) -> str | None:
    """The payment is told, and online the provider pays: its id for that. Raises the 400 where it never took the money."""
    order, totals = refund.order, refund.totals
    payment = session.rows("order_payments", [order["entity_id"]])[0]
    amounts = in_currencies(
        lambda prefix: {
            "amount_refunded": totals[prefix + "grand_total"],
            "shipping_refunded": totals[prefix + "shipping_amount"],
        }
    )
    if refund.is_online:
        amounts["base_amount_refunded_online"] = totals["base_grand_total"]
    session.update("sales_order_payment", "entity_id", payment["entity_id"], raised(payment, amounts))
    text = f"We refunded {money(totals['base_grand_total'], order['base_currency_code'])}"
    transaction_id = pay_back_online(session, refund.invoice, payment) if refund.is_online else None
    text += f' online. Transaction ID: "{transaction_id}"' if transaction_id else " offline."
    add_refund_history(session, order["entity_id"], text, status)
    return transaction_id


def pay_back_online(session: Session, invoice: Row | None, payment: Row) -> str:
    """The provider's id for the money that it gave back of what it had taken for this invoice."""
    captured = session.one("transaction_of", payment["entity_id"], invoice and invoice["transaction_id"])
    if captured is None:
        raise MagentoError(400, COULD_NOT_REFUND)
    txn_id = f"{captured['txn_id']}-refund-{secrets.token_hex(3)}"
    insert_transaction(session, payment, txn_id, "refund", captured)
    session.update("sales_order_payment", "entity_id", payment["entity_id"], {"last_trans_id": txn_id})
    return txn_id


def add_refund_history(session: Session, order_id: int, text: str, status: str) -> None:
    """The order's history says what was given back, to nobody but the clerks."""
    add_history(
        session,
        order_id,
        {"comment": text, "status": status, "entity_name": "creditmemo", "is_customer_notified": 0},
    )


def insert_credit_memo(session: Session, refund: Refund, transaction_id: str | None) -> int:
    """The document with its rows."""
    order = refund.order
    memo_id = session.insert(
        "sales_creditmemo",
        {
            "order_id": order["entity_id"],
            "increment_id": next_number(session, "creditmemo", order["store_id"]),
            "state": REFUNDED,
            "invoice_id": refund.invoice and refund.invoice["entity_id"],
            "transaction_id": transaction_id,
            **{name: order[name] for name in OF_THE_ORDER},
            **refund.totals,
        },
    )
    for row in refund.rows:
        session.insert("sales_creditmemo_item", {"parent_id": memo_id, **row})
    return memo_id


def refund_bare(session: Session, body: Document) -> Document:
    """POST /V1/creditmemo/refund, not to be used: a credit memo as sent, without the totals that nobody computes.

    Only the quantities of the order's rows are raised; the order is not saved, its state stays, no money is counted.
    """
    sent = body.get("creditmemo")
    if not isinstance(sent, dict) or not sent.get("order_id"):
        raise required("creditmemo")
    wanted: Mapping[int, Decimal] = read_wanted(sent)
    order_id = int(sent["order_id"])
    with session.transaction():
        order = lock_order(session, order_id)
        portions = [each for each in plan_refund(items_of(session, order_id), wanted) if each.item["item_id"] in wanted]
        drawn = next_number(session, "creditmemo", order["store_id"])
        header: Row = {"order_id": order_id, "increment_id": drawn, "state": REFUNDED}
        memo_id = session.insert("sales_creditmemo", header)
        for portion in portions:
            item_id = portion.item["item_id"]
            row: Row = {"parent_id": memo_id, "order_item_id": item_id, "qty": portion.quantity}
            session.insert("sales_creditmemo_item", row)
            session.update("sales_order_item", "item_id", item_id, refunded_item(portion, {}))
        payment = session.rows("order_payments", [order_id])[0]
        nothing = raised(payment, {"base_amount_refunded": ZERO})
        session.update("sales_order_payment", "entity_id", payment["entity_id"], nothing)
        text = f"We refunded {money(ZERO, order['base_currency_code'])} offline."
        add_refund_history(session, order_id, text, order["status"])
    return CREDIT_MEMOS.by_id(session, memo_id)
