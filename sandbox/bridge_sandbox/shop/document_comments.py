"""Comments on shipments, invoices and credit memos: with the document, or later; sent again they are added again."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pymysql

from bridge_sandbox.shop.documents import Document, grouped, shown
from bridge_sandbox.shop.errors import MagentoError, no_such_entity, required
from bridge_sandbox.shop.session import Row, Session


@dataclass(frozen=True)
class Commented:
    """A kind of documents, and the table of the comments on them."""

    noun: str
    table: str

    @property
    def comments(self) -> str:
        """The comments' table."""
        return f"{self.table}_comment"


SHIPMENT = Commented("shipment", "sales_shipment")
INVOICE = Commented("invoice", "sales_invoice")
CREDIT_MEMO = Commented("creditmemo", "sales_creditmemo")


def insert_comment(session: Session, table: str, parent_id: int, body: Document) -> None:
    """The comment of a body that makes a document, if it has one; `appendComment` and `notify` only decide who reads it."""
    comment = body.get("comment")
    if not comment or not comment.get("comment"):
        return
    session.insert(
        table,
        {
            "parent_id": parent_id,
            "comment": comment["comment"],
            "is_visible_on_front": comment.get("is_visible_on_front") or 0,
            "is_customer_notified": int(bool(body.get("notify") and body.get("appendComment"))),
        },
    )


def add_comment_to(what: Commented, session: Session, body: Document, parent_id: int | None = None) -> Document:
    """The new comment as it was sent, with its id; `parent_id` is the path's, the body's wins."""
    entity = body.get("entity")
    if not isinstance(entity, dict):
        raise required("entity")
    try:
        row: Row = {
            "parent_id": int(entity.get("parent_id") or parent_id or 0),
            "comment": entity.get("comment"),
            "is_customer_notified": entity.get("is_customer_notified"),
            "is_visible_on_front": entity.get("is_visible_on_front") or 0,
        }
        comment_id = session.insert(what.comments, row)
    except (pymysql.err.IntegrityError, TypeError, ValueError) as error:
        raise MagentoError(400, f"Could not save the {what.noun} comment.") from error
    return {**row, "entity_id": comment_id}


def list_comments_of(what: Commented, session: Session, parent_id: int) -> Document:
    """All on one document, oldest first; raises the 404."""
    if not session.select(f"SELECT entity_id FROM #{what.table} WHERE entity_id = %s", (parent_id,)):
        raise no_such_entity()
    rows = comments_on(what, session, [parent_id])[parent_id]
    parent = {"field": "parent_id", "value": str(parent_id), "condition_type": "eq"}
    return {
        "items": [shown(row) for row in rows],
        "search_criteria": {"filter_groups": [{"filters": [parent]}]},
        "total_count": len(rows),
    }


def comments_on(what: Commented, session: Session, parent_ids: list[int]) -> Any:
    """The comments by the document that they are on."""
    sql = f"SELECT * FROM #{what.comments} WHERE parent_id IN %s ORDER BY entity_id"
    return grouped(session.select(sql, (tuple(parent_ids),)), "parent_id")


COMMENT_ADDERS = {each.noun: partial(add_comment_to, each) for each in (SHIPMENT, INVOICE, CREDIT_MEMO)}
COMMENT_LISTS = {each.noun: partial(list_comments_of, each) for each in (SHIPMENT, INVOICE, CREDIT_MEMO)}
