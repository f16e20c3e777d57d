"""Invoicing an order: POST /V1/order/:id/invoice, in one transaction, and paying an invoice that is open.

The order's row is locked first: of three full invoices at once one wins, the others read that nothing is left. A
partial invoice that is sent again is made again. Over REST an invoice is always paid, with money moved where the
method is an online one and `capture` was asked for; only a clerk can leave one open.
"""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, cast

from bridge_sandbox.shop import stock
from bridge_sandbox.shop.cart import ONLINE_METHODS
from bridge_sandbox.shop.document_comments import insert_comment
from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import COULD_NOT_INVOICE, MagentoError, no_such_entity
from bridge_sandbox.shop.invoice_plan import invoice_row, invoice_totals, plan_invoice
from bridge_sandbox.shop.money import cents, money
from bridge_sandbox.shop.order_items import ZERO, OrderItems, stock_sku
from bridge_sandbox.shop.orders import NO_HOLD_STATES, add_history, items_of, lock_order, save_order
from bridge_sandbox.shop.portions import Portion, in_currencies, raised, read_wanted
from bridge_sandbox.shop.sequences import next_number
from bridge_sandbox.shop.session import Row, Session
from bridge_sandbox.shop.transactions import insert_transaction

Capture = Literal["online", "offline", "later"]
CAPTURES = ("online", "offline", "later")
OPEN, PAID = 1, 2
TOTALS = {
    "subtotal_invoiced": "subtotal",
    "tax_invoiced": "tax_amount",
    "discount_invoiced": "discount_amount",
    "discount_tax_compensation_invoiced": "discount_tax_compensation_amount",
    "shipping_invoiced": "shipping_amount",
    "total_invoiced": "grand_total",
}
ROW_TOTALS = {
    "row_invoiced": "row_total",
    "tax_invoiced": "tax_amount",
    "discount_invoiced": "discount_amount",
    "discount_tax_compensation_invoiced": "discount_tax_compensation_amount",
}
OF_THE_ORDER = (
    "store_id",
    "billing_address_id",
    "shipping_address_id",
    "base_to_global_rate",
    "base_to_order_rate",
    "store_to_base_rate",
    "store_to_order_rate",
    "base_currency_code",
    "global_currency_code",
    "order_currency_code",
    "store_currency_code",
    "discount_description",
)


def post_invoice(session: Session, order_id: int, body: Document) -> str:
    """The new invoice's id, a string as in Magento's answer."""
    return str(invoice_order(session, order_id, body, "online" if body.get("capture") else "offline"))


def invoice_as_clerk(session: Session, order_id: int, body: Document) -> int:
    """The id of an invoice made in the admin; raises 400 for a capture that there is not."""
    capture = body.get("capture", "offline")
    if capture not in CAPTURES:
        raise MagentoError(400, "The capture case is online, offline or later.")
    return invoice_order(session, order_id, body, cast(Capture, capture))


def invoice_order(session: Session, order_id: int, body: Document, capture: Capture) -> int:
    """The id of an invoice over the items named, or all that is open; raises 400 where it cannot be made."""
    wanted = read_wanted(body)
    with session.transaction():
        order = lock_order(session, order_id)
        items = items_of(session, order_id)
        portions = plan_invoice(items, wanted)
        refuse_invoice(order, items, portions)
        invoice_id, totals = insert_invoice(session, order, portions, body)
        deduct_virtual(session, order, items, portions)
        session.execute("insert_invoice_grid", invoice_id)
        session.update("sales_order", "entity_id", order_id, invoiced_order(order, totals, items_of(session, order_id)))
        if capture != "later":
            pay_locked(session, order_id, invoice_id, totals, capture)
        save_order(session, order_id)
        if body.get("notify"):
            session.update("sales_invoice", "entity_id", invoice_id, {"email_sent": 1, "send_email": 1})
    return invoice_id


def refuse_invoice(order: Row, items: OrderItems, portions: Sequence[Portion]) -> None:
    """Raise what keeps this order from being invoiced, in Magento's lines."""
    reasons = []
    if not portions:
        reasons.append("The invoice can't be created without products. Add products and try again.")
    if order["state"] in NO_HOLD_STATES:
        reasons.append(f"An invoice cannot be created when an order has a status of {order['status']}")
    elif not items.can_invoice():
        reasons.append("The order does not allow an invoice to be created.")
    if reasons:
        raise MagentoError(400, "\n".join(["Invoice Document Validation Error(s):", *reasons]))


def insert_invoice(session: Session, order: Row, portions: Sequence[Portion], body: Document) -> tuple[int, Row]:
    """The open invoice's id and its money, with its rows and its comment; the rows of the order know of it."""
    rows = [invoice_row(each) for each in portions]
    totals = invoice_totals(order, rows, is_first=not order["shipping_invoiced"])
    invoice_id = session.insert(
        "sales_invoice",
        {
            "order_id": order["entity_id"],
            "increment_id": next_number(session, "invoice", order["store_id"]),
            "state": OPEN,
            "total_qty": sum((each.quantity for each in portions if not each.is_dummy), ZERO),
            **{name: order[name] for name in OF_THE_ORDER},
            **totals,
        },
    )
    for portion, row in zip(portions, rows, strict=True):
        session.insert("sales_invoice_item", {"parent_id": invoice_id, **row})
        session.update("sales_order_item", "item_id", portion.item["item_id"], invoiced_item(portion, row))
    insert_comment(session, "sales_invoice_comment", invoice_id, body)
    return invoice_id, totals


def invoiced_item(portion: Portion, row: Row) -> Row:
    """What changes in a row of the order."""
    amounts = in_currencies(lambda prefix: {name: row.get(prefix + of) or ZERO for name, of in ROW_TOTALS.items()})
    return {"weee_tax_applied": "[]", **raised(portion.item, {"qty_invoiced": portion.quantity, **amounts})}


def invoiced_order(order: Row, totals: Row, items: OrderItems) -> Row:
    """What changes in the order: its sums, and its state by what is left to ship and to invoice."""
    amounts = in_currencies(lambda prefix: {name: totals[prefix + of] for name, of in TOTALS.items()})
    state = "processing" if items.can_ship() or items.can_invoice() else "complete"
    return {"state": state, "status": state, "base_total_invoiced_cost": ZERO, **raised(order, amounts)}


def deduct_virtual(session: Session, order: Row, items: OrderItems, portions: Sequence[Portion]) -> None:
    """Nobody ships virtual goods: they leave the shelf with their invoice."""
    goods = stock.merged(
        (stock_sku(each.item), each.quantity)
        for each in portions
        if each.item["is_virtual"] and not items.children(each.item)
    )
    try:
        stock.deduct(session, goods)
    except stock.NotEnoughStock as error:
        raise MagentoError(400, COULD_NOT_INVOICE) from error
    stock.reserve(session, goods, "invoice_created", order["increment_id"], order["entity_id"])


def capture_invoice(session: Session, invoice_id: int) -> bool:
    """POST /V1/invoices/:id/capture: an open invoice is paid; False, and nothing done, for one that is not open."""
    order_id = session.value("order_of_invoice", invoice_id)
    if order_id is None:
        raise no_such_entity()
    with session.transaction():
        lock_order(session, order_id)
        invoice = session.rows("invoices", [invoice_id])[0]
        if invoice["state"] != OPEN:
            return False
        pay_locked(session, order_id, invoice_id, invoice, "online")
        save_order(session, order_id)
    return True


def pay_locked(session: Session, order_id: int, invoice_id: int, totals: Mapping[str, Decimal], how: Capture) -> None:
    """The invoice's money is here; of an online method, asked to capture it, a transaction at its provider says so."""
    order = lock_order(session, order_id)
    payment = session.rows("order_payments", [order_id])[0]
    paid = in_currencies(lambda prefix: {"total_paid": totals[prefix + "grand_total"]})
    changes = raised(order, paid)
    due = in_currencies(
        lambda prefix: {"total_due": max(cents(order[prefix + "grand_total"] - changes[prefix + "total_paid"]), ZERO)}
    )
    session.update("sales_order", "entity_id", order_id, changes | due)
    session.update("sales_order_payment", "entity_id", payment["entity_id"], paid_payment(payment, totals))
    transaction_id = None
    if how == "online" and payment["method"] in ONLINE_METHODS:
        transaction_id = capture_online(session, order, payment, totals)
    columns = {"state": PAID, "can_void_flag": 0, "transaction_id": transaction_id}
    session.update("sales_invoice", "entity_id", invoice_id, columns)
    session.execute("refresh_invoice_grid", invoice_id)


def paid_payment(payment: Row, totals: Mapping[str, Decimal]) -> Row:
    """What changes in the payment."""
    return raised(
        payment,
        in_currencies(
            lambda prefix: {
                "shipping_captured": totals[prefix + "shipping_amount"],
                "amount_paid": totals[prefix + "grand_total"],
            }
        ),
    )


def capture_online(session: Session, order: Row, payment: Row, totals: Mapping[str, Decimal]) -> str:
    """The provider's id for the money that it took."""
    txn_id = f"txn-{secrets.token_hex(6)}"
    insert_transaction(session, payment, txn_id, "capture")
    session.update("sales_order_payment", "entity_id", payment["entity_id"], {"last_trans_id": txn_id})
    amount = money(totals["base_grand_total"], order["base_currency_code"])
    text = f'Captured amount of {amount} online. Transaction ID: "{txn_id}"'
    add_history(session, order["entity_id"], {"comment": text, "status": order["status"], "entity_name": "invoice"})
    return txn_id
