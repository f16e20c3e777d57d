"""Shipment documents as REST shows them."""

from collections.abc import Sequence

from bridge_sandbox.shop.documents import Document, grouped, shown
from bridge_sandbox.shop.errors import no_such_entity
from bridge_sandbox.shop.session import Row, Session

HIDDEN = frozenset({"packages", "source_code", "send_email"})


def shipment_documents(session: Session, shipment_ids: Sequence[int]) -> list[Document]:
    """The documents of the shipments that exist, in the order of the ids."""
    if not shipment_ids:
        return []
    shipments = {row["entity_id"]: row for row in session.rows("shipments", shipment_ids)}
    items = grouped(session.rows("shipment_items", shipment_ids), "parent_id")
    tracks = grouped(session.rows("shipment_tracks", shipment_ids), "parent_id")
    comments = grouped(session.rows("shipment_comments", shipment_ids), "parent_id")
    return [
        {
            **shown(shipments[each], HIDDEN),
            "packages": [],
            "items": [shown(row) for row in items[each]],
            "tracks": [track_document(row) for row in tracks[each]],
            "comments": [shown(row) for row in comments[each]],
            "extension_attributes": {"source_code": shipments[each]["source_code"]},
        }
        for each in shipment_ids
        if each in shipments
    ]


def get_shipment(session: Session, shipment_id: int) -> Document:
    """One shipment; raises the 404."""
    found = shipment_documents(session, [shipment_id])
    if not found:
        raise no_such_entity()
    return found[0]


def track_document(row: Row) -> Document:
    """A parcel; what is not known of it is null."""
    return dict.fromkeys(("weight", "qty", "description")) | shown(row)
