"""Changes to an order as a whole: lock, save, hold, cancel, and the upsert without validation.

Every change takes the order's row first, so that two of them never wait for each other crosswise; the second
one sees what the first one did. Every save also writes the payment and the grid row, changed or not, which is
what makes triggers on those two tables see nearly everything.
"""

from decimal import Decimal
from typing import Any

from bridge_sandbox.shop import stock
from bridge_sandbox.shop.documents import Document, history_document, order_documents, storable
from bridge_sandbox.shop.errors import MagentoError, no_such_entity, required
from bridge_sandbox.shop.order_items import OrderItems
from bridge_sandbox.shop.session import Row, Session

FINAL_STATES = ("canceled", "complete", "closed")
NO_HOLD_STATES = (*FINAL_STATES, "payment_review", "holded")


def lock_order(session: Session, order_id: int) -> Row:
    """The order's row, ours until the transaction ends; raises the 404."""
    order = session.one("lock_order", order_id)
    if order is None:
        raise no_such_entity()
    return order


def items_of(session: Session, order_id: int) -> OrderItems:
    """The order's rows."""
    return OrderItems(session.rows("items_of_order", order_id))


def save_order(session: Session, order_id: int, changes: Row | None = None) -> None:
    """Write the changes, then payment and grid as Magento's order resource does."""
    if changes:
        session.update("sales_order", "entity_id", order_id, changes)
    session.execute("fire_payment", order_id)
    session.execute("refresh_order_grid", order_id)


def hold_order(session: Session, order_id: int) -> bool:
    """Put on hold; raises 400 where that is not possible."""
    with session.transaction():
        order = lock_order(session, order_id)
        if order["state"] in NO_HOLD_STATES:
            raise MagentoError(400, "A hold action is not available.")
        save_order(
            session,
            order_id,
            {
                "state": "holded",
                "status": "holded",
                "hold_before_state": order["state"],
                "hold_before_status": order["status"],
            },
        )
    return True


def unhold_order(session: Session, order_id: int) -> bool:
    """Back to the state before the hold; raises 400 for an order that is not on hold."""
    with session.transaction():
        order = lock_order(session, order_id)
        if order["state"] != "holded":
            raise MagentoError(400, "You cannot remove the hold.")
        save_order(
            session,
            order_id,
            {
                "state": order["hold_before_state"],
                "status": order["hold_before_status"],
                "hold_before_state": None,
                "hold_before_status": None,
            },
        )
    return True


def cancel_order(session: Session, order_id: int) -> bool:
    """Cancel what is neither shipped nor invoiced; False, and nothing done, where that is not possible.

    An order that was invoiced in part becomes `complete`, with an amount due that nobody will pay.
    """
    with session.transaction():
        order = lock_order(session, order_id)
        items = items_of(session, order_id)
        if order["state"] in NO_HOLD_STATES or not items.can_invoice():
            return False
        freed = stock.merged([pair for row in items.rows for pair in items.leaves(row, items.open_to_cancel(row))])
        stock.reserve(session, positive(freed), "order_canceled", order["increment_id"], order_id)
        state = "complete" if any(items.open_to_refund(row) for row in items.rows) else "canceled"
        session.execute("cancel_order", state, state, order_id)
        for row in items.rows:
            if (quantity := items.open_to_cancel(row)) > 0:
                session.execute("cancel_item", quantity, quantity, row["item_id"])
        save_order(session, order_id)
    return True


EDITABLE = (
    "status",
    "state",
    "ext_order_id",
    "ext_customer_id",
    "increment_id",
    "customer_note",
    "customer_email",
)


def upsert_order(session: Session, entity: Document) -> Document:
    """POST /V1/orders: writes what is sent without looking at it, and answers with what was sent.

    What is too long is cut silently in the database while the answer has it whole.
    """
    if not entity.get("entity_id"):
        raise MagentoError(400, "Please provide payment for the order.")
    order_id = int(entity["entity_id"])
    changes = {name: entity[name] for name in EDITABLE if name in entity}
    with session.transaction():
        if session.one("lock_order", order_id) is None:
            raise MagentoError(400, "Please provide payment for the order.")
        comments = [add_history(session, order_id, each) for each in entity.get("status_histories") or []]
        save_order(session, order_id, storable(changes))
    document = order_documents(session, [order_id])[0]
    for row in document["items"]:
        row.pop("extension_attributes", None)
    echoed = (
        "billing_address_id",
        "created_at",
        "entity_id",
        "updated_at",
        "items",
        "billing_address",
        "payment",
        "status_histories",
    )
    return {
        "base_grand_total": None,
        "base_total_due": 0,
        "customer_email": None,
        "grand_total": None,
        "total_due": 0,
        **{name: document[name] for name in echoed},
        **changes,
        **({"status_histories": comments} if comments else {}),
    }


def add_history(session: Session, order_id: int, comment: Document) -> Document:
    """A comment row as sent; the answer lacks the time that the database gave it."""
    row: dict[str, Any] = {
        "parent_id": order_id,
        "comment": comment.get("comment"),
        "status": comment.get("status"),
        "is_customer_notified": comment.get("is_customer_notified"),
        "is_visible_on_front": comment.get("is_visible_on_front") or 0,
        "entity_name": comment.get("entity_name"),
    }
    return {**history_document(row), "entity_id": session.insert("sales_order_status_history", row)}


def order_status(session: Session, order_id: int) -> str:
    """GET /V1/orders/:id/statuses."""
    status = session.value("order_status", order_id)
    if status is None:
        raise no_such_entity()
    return str(status)


def edit_address(session: Session, order_id: int, changes: Row) -> Document:
    """Change the shipping address as a clerk does: only that table's trigger sees it."""
    address = session.one("shipping_address", order_id)
    if address is None:
        raise no_such_entity()
    allowed = session.columns("sales_order_address") - {"entity_id", "parent_id", "address_type"}
    unknown = changes.keys() - allowed
    if unknown or not changes:
        raise required("a column of sales_order_address")
    if isinstance(changes.get("street"), list):
        changes = {**changes, "street": "\n".join(changes["street"])}
    session.update("sales_order_address", "entity_id", address["entity_id"], changes)
    return address | changes


def positive(quantities: dict[str, Decimal]) -> dict[str, Decimal]:
    """What is more than nothing."""
    return {sku: quantity for sku, quantity in quantities.items() if quantity > 0}
