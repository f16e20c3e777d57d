"""Invoices and credit memos as REST shows them: their rows hold `row_total` before discount, unlike an order's."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge_sandbox.shop.document_comments import CREDIT_MEMO, INVOICE, Commented, comments_on
from bridge_sandbox.shop.documents import Document, grouped, shown
from bridge_sandbox.shop.errors import no_such_entity
from bridge_sandbox.shop.session import Session

HIDDEN = frozenset({"send_email", "customer_note", "customer_note_notify"})


@dataclass(frozen=True)
class SalesDocument:
    """A kind of documents; `empty` fields of their rows are there even when they are null."""

    what: Commented
    empty: tuple[str, ...] = ()

    def documents(self, session: Session, ids: Sequence[int]) -> list[Document]:
        """Those that exist, in the order of the ids."""
        if not ids:
            return []
        table, found = self.what.table, tuple(ids)
        headers = session.select(f"SELECT * FROM #{table} WHERE entity_id IN %s", (found,))
        found_by_id = {row["entity_id"]: row for row in headers}
        rows = session.select(f"SELECT * FROM #{table}_item WHERE parent_id IN %s ORDER BY entity_id", (found,))
        items = grouped(rows, "parent_id")
        comments = comments_on(self.what, session, list(ids))
        return [
            {
                **shown(found_by_id[each], HIDDEN),
                "items": [dict.fromkeys(self.empty) | shown(row) for row in items[each]],
                "comments": [shown(row) for row in comments[each]],
            }
            for each in ids
            if each in found_by_id
        ]

    def by_id(self, session: Session, document_id: int) -> Document:
        """One of them; raises the 404."""
        found = self.documents(session, [document_id])
        if not found:
            raise no_such_entity()
        return found[0]


INVOICES = SalesDocument(INVOICE)
CREDIT_MEMOS = SalesDocument(CREDIT_MEMO, empty=("base_cost", "base_price"))
