"""Placing an order, in the very transactions in which Magento commits it.

1. the increment id, drawn from its sequence;
2. the reservation of the goods, before any order exists;
3. the order: one transaction with the order, its items, payment and addresses, then the ids of the addresses
   written back, then the grid row;
4. some seconds later, apart: the note that the e-mail went out, which moves `updated_at`.

When a step fails - a foreign trigger is enough - the buyer reads an error, the number stays drawn, the
reservation is let go, and there is no order.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pymysql

from bridge_sandbox.shop import stock
from bridge_sandbox.shop.cart import Cart
from bridge_sandbox.shop.database import is_lost
from bridge_sandbox.shop.errors import MagentoError, no_such_field_value
from bridge_sandbox.shop.lines import OrderRow
from bridge_sandbox.shop.order_rows import (
    Buyer,
    insert_addresses,
    insert_items,
    insert_order,
    insert_payment,
)
from bridge_sandbox.shop.priced_order import price_cart
from bridge_sandbox.shop.sequences import next_number
from bridge_sandbox.shop.session import Session


@dataclass(frozen=True)
class PlacedOrder:
    """What the buyer sees, and when the commit had returned."""

    order_id: int
    increment_id: str
    grand_total: Decimal
    committed_at: datetime


def place_order(session: Session, cart: Cart, product_ids: Mapping[str, int]) -> PlacedOrder:
    """Steps 1 to 3; raises `MagentoError` when there is no order. Keeps its transaction open for `hold_s`."""
    buyer = find_buyer(session, cart)
    order = price_cart(cart)
    quantities = goods(order.rows)
    if not stock.are_salable(session, quantities):
        raise MagentoError(400, "Not all of your products are available in the requested quantity.")
    increment_id = new_increment_id(session, cart)
    append_reservation(session, quantities, increment_id)
    try:
        with session.transaction():
            # A change of the customer locks customer, then orders; the foreign key alone would do it the other way.
            session.rows("keep_customer", buyer.customer_id)
            order_id = insert_order(session, order, buyer, increment_id)
            insert_items(session, order_id, order, product_ids)
            insert_payment(session, order_id, order)
            insert_addresses(session, order_id, order, buyer)
            session.execute("insert_order_grid", order.payment, order_id)
            session.pause(cart.hold_s)
    except pymysql.err.DatabaseError as error:
        if is_lost(error):
            raise
        give_up(session, quantities, increment_id)
        raise MagentoError(400, "An error occurred on the server. Please try to place the order again.") from error
    return PlacedOrder(order_id, increment_id, order.grand_total, datetime.now(UTC))


def mark_email_sent(session: Session, order_id: int) -> None:
    """Step 4."""
    session.execute("mark_email_sent", order_id)


def new_increment_id(session: Session, cart: Cart) -> str:
    """Step 1; an edited order keeps its number and gets a suffix instead."""
    if cart.replaced is not None:
        return cart.replaced.next_increment_id
    return next_number(session, "order", cart.store.store_id)


def find_buyer(session: Session, cart: Cart) -> Buyer:
    """The customer, or a guest under the name in the address."""
    if cart.customer_id is None:
        email = cart.guest_email or f"guest.{secrets.token_hex(4)}@example.com"
        return Buyer(email, cart.address.firstname, cart.address.lastname)
    customer = session.one("customer", cart.customer_id)
    if customer is None:
        raise no_such_field_value("customerId", cart.customer_id)
    return Buyer(
        customer["email"],
        customer["firstname"],
        customer["lastname"],
        customer["entity_id"],
        customer["group_id"],
    )


def goods(rows: list[OrderRow]) -> dict[str, Decimal]:
    """The simple and virtual products to be taken from the shelf."""
    return stock.merged([(row.product.sku, row.quantity) for row in rows if not row.children])


def append_reservation(session: Session, quantities: Mapping[str, Decimal], increment_id: str) -> None:
    """Step 2."""
    try:
        stock.reserve(session, stock.negated(quantities), "order_placed", increment_id, None)
    except pymysql.err.DatabaseError as error:
        if is_lost(error):
            raise
        raise MagentoError(400, "Could not append Reservation") from error


def give_up(session: Session, quantities: Mapping[str, Decimal], increment_id: str) -> None:
    """Let the goods go; a shop that lost its database never gets here, they stay reserved."""
    stock.reserve(session, quantities, "order_place_failed", increment_id, None)
