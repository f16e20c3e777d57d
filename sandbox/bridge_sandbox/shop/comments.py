"""Comments on an order: list and add. A repeated one is added again."""

from typing import Any

from bridge_sandbox.shop.documents import Document, history_document
from bridge_sandbox.shop.errors import MagentoError, no_such_entity, required
from bridge_sandbox.shop.orders import add_history, lock_order, save_order
from bridge_sandbox.shop.session import Session

KNOWN_FIELDS = frozenset(
    {
        "comment",
        "status",
        "is_customer_notified",
        "is_visible_on_front",
        "parent_id",
        "entity_name",
        "entity_id",
        "created_at",
        "extension_attributes",
    }
)
INT_FIELDS = ("is_customer_notified", "is_visible_on_front")
NOT_IN_HISTORY = 'Unable to add comment: The status "%1" is not part of the order\n                 status history.'


def add_comment(session: Session, order_id: int, body: Document) -> bool:
    """POST /V1/orders/:id/comments. A status may only be the order's current one (2.4.7)."""
    comment = read_comment(body)
    with session.transaction():
        order = lock_order(session, order_id)
        status = comment.get("status") or order["status"]
        if status != order["status"]:
            raise MagentoError(400, NOT_IN_HISTORY, [status])
        # The order is saved for its comment's sake, without a change of its own: `updated_at` stays.
        save_order(session, order_id)
        add_history(session, order_id, {**comment, "status": status})
    return True


def read_comment(body: Document) -> Document:
    """The comment sent; raises 400 for fields and types that Magento refuses."""
    comment = body.get("statusHistory")
    if not isinstance(comment, dict):
        raise required("statusHistory")
    for name in comment:
        if name not in KNOWN_FIELDS:
            camel = "".join(part.capitalize() for part in name.split("_"))
            raise MagentoError(
                400, '"%fieldName" is not supported. Correct the field name and try again.', {"fieldName": camel}
            )
    for name in INT_FIELDS:
        refuse_no_int(name, comment.get(name))
    return comment


def refuse_no_int(name: str, value: Any) -> None:
    """Raise for a text where a number belongs."""
    if isinstance(value, str) and not value.lstrip("-").isdigit():
        raise MagentoError(
            400,
            f'Error occurred during "{name}" processing. The "{value}" value\'s type is invalid. '
            'The "int" type was expected. Verify and try again.',
        )


def list_comments(session: Session, order_id: int) -> Document:
    """GET /V1/orders/:id/comments, oldest first."""
    if session.value("order_status", order_id) is None:
        raise no_such_entity()
    rows = sorted(session.rows("order_histories", [order_id]), key=lambda row: int(row["entity_id"]))
    parent = {"field": "parent_id", "value": str(order_id), "condition_type": "eq"}
    return {
        "items": [history_document(row) for row in rows],
        "search_criteria": {"filter_groups": [{"filters": [parent]}]},
        "total_count": len(rows),
    }
