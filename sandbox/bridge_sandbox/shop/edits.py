"""What the admin's "Edit" does to an order: a new one takes its place, then the old one is cancelled.

In Magento's order: the new order is placed in its own transactions, the old one learns of it, and only then the old
one is cancelled. For a moment both are open and both reserve goods.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from bridge_sandbox.catalogue import Product
from bridge_sandbox.shop.addresses import Address
from bridge_sandbox.shop.cart import Cart, Replaced, read_lines
from bridge_sandbox.shop.checkout import PlacedOrder
from bridge_sandbox.shop.errors import MagentoError, no_such_entity
from bridge_sandbox.shop.goods import Goods
from bridge_sandbox.shop.lines import CartLine
from bridge_sandbox.shop.orders import NO_HOLD_STATES, cancel_order, lock_order, save_order
from bridge_sandbox.shop.session import Row, Session
from bridge_sandbox.shop.stores import read_stores


def read_edit(session: Session, order_id: int, goods: Goods, changes: Mapping[str, Any]) -> Cart:
    """The cart of the order that is to replace this one: the same, or with other `lines`. Raises 404 and 400."""
    found = session.rows("orders", [order_id])
    if not found:
        raise no_such_entity()
    (order,) = found
    rows = session.rows("items_of_order", order_id)
    if order["state"] in NO_HOLD_STATES or any(row["qty_invoiced"] for row in rows):
        raise MagentoError(400, "This order cannot be edited.")
    cart = Cart(
        lines=tuple(line_of(row, goods) for row in rows if row["parent_item_id"] is None),
        address=address_of(session, order_id),
        store=next(each for each in read_stores(session).values() if each.store_id == order["store_id"]),
        customer_id=order["customer_id"],
        guest_email=None if order["customer_id"] else order["customer_email"],
        coupon=order["coupon_code"],
        is_tax_free=not any(row["tax_percent"] for row in rows),
        replaced=replaced_by_edit(order),
    )
    if "second_update_delay_s" in changes:
        cart = replace(cart, second_update_delay_s=float(changes["second_update_delay_s"]))
    return replace(cart, lines=tuple(read_lines(dict(changes), goods.products))) if changes.get("lines") else cart


def give_way(session: Session, order_id: int, child: PlacedOrder) -> None:
    """Link the old order to the new one, cancel it, and save the new one once more."""
    with session.transaction():
        lock_order(session, order_id)
        child_columns = {"relation_child_id": str(child.order_id), "relation_child_real_id": child.increment_id}
        save_order(session, order_id, child_columns)
    cancel_order(session, order_id)
    with session.transaction():
        lock_order(session, child.order_id)
        save_order(session, child.order_id)


def line_of(row: Row, goods: Goods) -> CartLine:
    """A line of the cart that this row came from."""
    product = goods.by_id(row["product_id"])
    if product is None:
        raise MagentoError(400, "Product that you are trying to add is not available.")
    variant: Product | None = goods.products[row["sku"]] if product.kind == "configurable" else None
    return CartLine(product, row["qty_ordered"], variant)


def address_of(session: Session, order_id: int) -> Address:
    """Where the order goes now."""
    row = session.one("shipping_address", order_id)
    assert row is not None
    return Address(**{field.name: row[field.name] for field in fields(Address)})


def replaced_by_edit(order: Row) -> Replaced:
    """The order's number, that of the first in its chain, and the new one's place in the chain."""
    return Replaced(
        order_id=order["entity_id"],
        increment_id=order["increment_id"],
        original_increment_id=order["original_increment_id"] or order["increment_id"],
        edit=(order["edit_increment"] or 0) + 1,
    )
