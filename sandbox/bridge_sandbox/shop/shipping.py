"""Shipping an order: POST /V1/order/:id/ship, in one transaction, and tracks added later.

The order's row is locked first: of three full shipments at once one wins, the others read that nothing is left.
A partial shipment that is sent again is made again. The first one moves the order to `processing`; later ones
do not touch the order's row, so its `updated_at` stays.
"""

from decimal import Decimal

import pymysql

from bridge_sandbox.catalogue import SOURCE_CODE
from bridge_sandbox.shop import stock
from bridge_sandbox.shop.database import is_lost
from bridge_sandbox.shop.document_comments import insert_comment
from bridge_sandbox.shop.documents import Document, shown, storable
from bridge_sandbox.shop.errors import COULD_NOT_SAVE_TRACK, COULD_NOT_SHIP, MagentoError, required
from bridge_sandbox.shop.order_items import OrderItems
from bridge_sandbox.shop.orders import items_of, lock_order, save_order
from bridge_sandbox.shop.portions import read_wanted
from bridge_sandbox.shop.sequences import next_number
from bridge_sandbox.shop.session import Row, Session
from bridge_sandbox.shop.shipment_plan import PlannedRow, goods_taken, plan_shipment
from bridge_sandbox.shop.stock import merged

BLOCKED_STATES = ("payment_review", "holded", "canceled")


def ship_order(session: Session, order_id: int, body: Document) -> str:
    """The new shipment's id, a string as in Magento's answer."""
    wanted = read_wanted(body)
    with session.transaction():
        order = lock_order(session, order_id)
        items = items_of(session, order_id)
        planned = plan_shipment(items, wanted)
        refuse_shipment(order, items, planned)
        try:
            shipment_id = insert_shipment(session, order, items, planned, body)
            register(session, order, planned)
        except (stock.NotEnoughStock, pymysql.err.DatabaseError) as error:
            if isinstance(error, pymysql.err.DatabaseError) and is_lost(error):
                raise
            raise MagentoError(400, COULD_NOT_SHIP) from error
        if body.get("notify"):
            session.update("sales_shipment", "entity_id", shipment_id, {"email_sent": 1, "send_email": 1})
    session.execute("refresh_shipment_grid", shipment_id)
    return str(shipment_id)


def refuse_shipment(order: Row, items: OrderItems, planned: list[PlannedRow]) -> None:
    """Raise what keeps this shipment from being made, in Magento's lines."""
    reasons = []
    if order["state"] in BLOCKED_STATES:
        reasons.append(f"A shipment cannot be created when an order has a status of {order['status']}")
    elif not items.can_ship():
        reasons.append("The order does not allow a shipment to be created.")
    if not planned:
        reasons.append("You can't create a shipment without products.")
    if reasons:
        raise MagentoError(400, "\n".join(["Shipment Document Validation Error(s):", *reasons]))


def insert_shipment(session: Session, order: Row, items: OrderItems, planned: list[PlannedRow], body: Document) -> int:
    """The shipment with its rows, tracks and comment; the goods leave the shelf and their reservation."""
    order_id = order["entity_id"]
    rows = [each for each in planned if not each.is_silent]
    shipment_id = session.insert(
        "sales_shipment",
        {
            "increment_id": next_number(session, "shipment", order["store_id"]),
            "store_id": order["store_id"],
            "order_id": order_id,
            "customer_id": order["customer_id"],
            "total_qty": sum((each.quantity for each in rows), Decimal(0)),
            "shipping_address_id": order["shipping_address_id"],
            "billing_address_id": order["billing_address_id"],
            "packages": "[]",
        },
    )
    taken = merged(goods_taken(items, planned))
    stock.deduct(session, taken)
    stock.reserve(session, taken, "shipment_created", order["increment_id"], order_id)
    for each in rows:
        session.insert("sales_shipment_item", {"parent_id": shipment_id, **shipment_row(each)})
    for track in body.get("tracks") or []:
        insert_track(session, shipment_id, order_id, track)
    insert_comment(session, "sales_shipment_comment", shipment_id, body)
    session.execute("insert_shipment_grid", shipment_id)
    session.insert("inventory_shipment_source", {"shipment_id": shipment_id, "source_code": SOURCE_CODE})
    return shipment_id


def shipment_row(planned: PlannedRow) -> Row:
    """A shipment's row: what the order's row says, and how many."""
    item = planned.item
    return {
        "order_item_id": item["item_id"],
        "product_id": item["product_id"],
        "sku": item["sku"],
        "name": item["name"],
        "price": item["price"],
        "weight": item["weight"],
        "qty": planned.quantity,
    }


def insert_track(session: Session, shipment_id: int, order_id: int, track: Document) -> int:
    """One parcel's number."""
    return session.insert(
        "sales_shipment_track", {"parent_id": shipment_id, "order_id": order_id, **storable(track_fields(track))}
    )


def track_fields(track: Document) -> Row:
    """Those of the fields that the caller named."""
    names = ("track_number", "title", "carrier_code", "weight", "qty", "description")
    return {name: track[name] for name in names if name in track}


def register(session: Session, order: Row, planned: list[PlannedRow]) -> None:
    """Raise the quantities, and move the order on where its state changes."""
    order_id = order["entity_id"]
    for each in planned:
        if each.quantity > 0:
            session.execute("raise_qty_shipped", each.quantity, each.item["item_id"])
    state = next_state(order, items_of(session, order_id))
    is_moved = state != order["state"]
    save_order(session, order_id, {"state": state, "status": state} if is_moved else None)


def next_state(order: Row, items: OrderItems) -> str:
    """`processing` after the first shipment, `complete` when all is shipped and invoiced."""
    state = "processing" if order["state"] == "new" else str(order["state"])
    if state == "processing" and not items.can_ship() and not items.can_invoice():
        return "complete"
    return state


def add_track(session: Session, body: Document) -> Document:
    """POST /V1/shipment/track: the new track with the texts as sent; sent again it is added again."""
    entity = body.get("entity")
    if not isinstance(entity, dict):
        raise required("entity")
    try:
        track_id = insert_track(session, int(entity["parent_id"]), int(entity["order_id"]), entity)
    except (pymysql.err.IntegrityError, KeyError, ValueError) as error:
        raise MagentoError(400, COULD_NOT_SAVE_TRACK) from error
    row = session.one("track", track_id)
    assert row is not None
    return dict.fromkeys(("weight", "qty", "description")) | shown(row) | track_fields(entity)
