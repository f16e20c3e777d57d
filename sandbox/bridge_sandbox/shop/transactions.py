"""Transactions at a payment provider: as the provider's module records them, and as REST lists them."""

from collections.abc import Sequence
from typing import Any

from bridge_sandbox.shop.documents import Document, shown
from bridge_sandbox.shop.orders import lock_order, save_order
from bridge_sandbox.shop.session import Session


def record_transaction(
    session: Session, order_id: int, txn_id: str, txn_type: str = "capture", *, is_told_to_payment: bool = True
) -> int:
    """The new transaction's id. Some modules record it without telling the payment: then the order's document lacks it."""
    with session.transaction():
        lock_order(session, order_id)
        payment = session.rows("order_payments", [order_id])[0]
        row = {"order_id": order_id, "payment_id": payment["entity_id"], "txn_id": txn_id, "txn_type": txn_type}
        transaction_id = session.insert("sales_payment_transaction", row)
        if is_told_to_payment:
            session.update("sales_order_payment", "entity_id", payment["entity_id"], {"last_trans_id": txn_id})
        save_order(session, order_id)
    return transaction_id


def transaction_documents(session: Session, transaction_ids: Sequence[Any]) -> list[Document]:
    """In the order of the ids; two fields are there even when they are null."""
    rows = session.rows("transactions", transaction_ids) if transaction_ids else []
    found = {row["transaction_id"]: row for row in rows}
    return [
        {"parent_txn_id": None, "additional_information": [], **shown(found[each]), "child_transactions": []}
        for each in transaction_ids
        if each in found
    ]
