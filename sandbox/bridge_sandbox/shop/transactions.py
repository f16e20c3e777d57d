"""Transactions at a payment provider: as the shop makes them, as the provider's module records them, as REST lists them."""

from collections.abc import Sequence
from typing import Any

from bridge_sandbox.shop.documents import Document, shown
from bridge_sandbox.shop.errors import no_such_entity
from bridge_sandbox.shop.orders import lock_order, save_order
from bridge_sandbox.shop.session import Row, Session


def insert_transaction(session: Session, payment: Row, txn_id: str, txn_type: str, parent: Row | None = None) -> int:
    """The new transaction's id; `parent` is the capture that a refund gives back."""
    row: Row = {
        "order_id": payment["parent_id"],
        "payment_id": payment["entity_id"],
        "txn_id": txn_id,
        "txn_type": txn_type,
    }
    if parent is not None:
        row |= {"parent_id": parent["transaction_id"], "parent_txn_id": parent["txn_id"]}
    return session.insert("sales_payment_transaction", row)


def record_transaction(
    session: Session, order_id: int, txn_id: str, txn_type: str = "capture", *, is_told_to_payment: bool = True
) -> int:
    """The new transaction's id. Some modules record it without telling the payment: then the order's document lacks it."""
    with session.transaction():
        lock_order(session, order_id)
        payment = session.rows("order_payments", [order_id])[0]
        transaction_id = insert_transaction(session, payment, txn_id, txn_type)
        if is_told_to_payment:
            session.update("sales_order_payment", "entity_id", payment["entity_id"], {"last_trans_id": txn_id})
        save_order(session, order_id)
    return transaction_id


def get_transaction(session: Session, transaction_id: int) -> Document:
    """One transaction; raises the 404."""
    found = transaction_documents(session, [transaction_id])
    if not found:
        raise no_such_entity()
    return found[0]


def transaction_documents(session: Session, transaction_ids: Sequence[Any]) -> list[Document]:
    """In the order of the ids; two fields are there even when they are null."""
    rows = session.rows("transactions", transaction_ids) if transaction_ids else []
    found = {row["transaction_id"]: row for row in rows}
    return [
        {"parent_txn_id": None, "additional_information": [], **shown(found[each]), "child_transactions": []}
        for each in transaction_ids
        if each in found
    ]
