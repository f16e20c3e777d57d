"""The rows of a new order, written inside the checkout's one transaction."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge_sandbox.shop.cart import COUPONS, NO_COUPON, PAYMENT_METHODS, Replaced
from bridge_sandbox.shop.lines import ZERO, OrderRow
from bridge_sandbox.shop.money import cents
from bridge_sandbox.shop.options import stored_options
from bridge_sandbox.shop.priced_order import PricedOrder, extra_row, in_both
from bridge_sandbox.shop.session import Row, Session
from bridge_sandbox.shop.stores import Store
from bridge_sandbox.shop.totals import Totals

SHIPPING = {"shipping_method": "flatrate_flatrate", "shipping_description": "Flat Rate - Fixed"}


@dataclass(frozen=True)
class Buyer:
    """Who pays; a guest has no customer id and group 0."""

    email: str
    firstname: str
    lastname: str
    customer_id: int | None = None
    group_id: int = 0


def insert_order(session: Session, order: PricedOrder, buyer: Buyer, increment_id: str) -> int:
    """The order's row, and what other modules keep of it."""
    cart = order.cart
    order_id = session.insert(
        "sales_order",
        {
            "increment_id": increment_id,
            "state": "new",
            "status": "pending",
            "protect_code": secrets.token_hex(16),
            "is_virtual": int(order.is_virtual),
            "customer_id": buyer.customer_id,
            "customer_is_guest": int(buyer.customer_id is None),
            "customer_email": buyer.email,
            "customer_firstname": buyer.firstname,
            "customer_lastname": buyer.lastname,
            "customer_group_id": buyer.group_id,
            "customer_note_notify": 1,
            "total_qty_ordered": order.totals.pieces,
            "total_item_count": order.totals.item_count,
            "weight": order.totals.weight,
            "remote_ip": None if cart.replaced else "127.0.0.1",
            "quote_id": int(increment_id.replace("-", "")),
            **store_columns(cart.store),
            **in_both(header_amounts, order.totals, order.base_totals),
            "grand_total": order.grand_total,
            "base_grand_total": order.base_grand_total,
            "total_due": cents(order.grand_total),
            "base_total_due": cents(order.base_grand_total),
            "base_shipping_discount_tax_compensation_amnt": ZERO,
            "shipping_discount_tax_compensation_amount": ZERO,
            **({} if order.is_virtual else SHIPPING),
            **(coupon_columns(cart.coupon) if cart.coupon else {}),
            **(relation_to_parent(cart.replaced) if cart.replaced else {}),
        },
    )
    for extra in cart.extras:
        session.insert("sandbox_order_extra", {"order_id": order_id, **extra_row(extra, cart.store.rate)})
    return order_id


def store_columns(store: Store) -> Row:
    """Where it was bought, and what the currencies are worth there."""
    return {
        "store_id": store.store_id,
        "store_name": store.full_name,
        "base_to_global_rate": 1,
        "base_to_order_rate": store.rate,
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
        "base_currency_code": store.base_currency,
        "global_currency_code": store.base_currency,
        "order_currency_code": store.currency,
        "store_currency_code": store.currency,
    }


def coupon_columns(code: str) -> Row:
    """The one rule that all coupons belong to."""
    return {"applied_rule_ids": "1", "coupon_code": code, "discount_description": code}


def relation_to_parent(replaced: Replaced) -> Row:
    """What an order says of the one that it takes the place of."""
    return {
        "original_increment_id": replaced.original_increment_id,
        "relation_parent_id": str(replaced.order_id),
        "relation_parent_real_id": replaced.increment_id,
        "edit_increment": replaced.edit,
    }


def header_amounts(totals: Totals) -> Row:
    """The header's money but for the grand total; the discount is negative there, with the freight's in it."""
    return {
        "subtotal": totals.subtotal,
        "subtotal_incl_tax": totals.subtotal_incl_tax,
        "discount_amount": -totals.discount,
        "tax_amount": totals.tax,
        "shipping_amount": totals.shipping,
        "shipping_incl_tax": totals.shipping + totals.shipping_tax,
        "shipping_tax_amount": totals.shipping_tax,
        "shipping_discount_amount": totals.shipping_discount,
        "discount_tax_compensation_amount": totals.compensation,
    }


def insert_items(session: Session, order_id: int, order: PricedOrder, product_ids: Mapping[str, int]) -> None:
    """One row for each, so that a child knows its parent's id."""
    item_ids: dict[OrderRow, int] = {}
    percent = COUPONS.get(order.cart.coupon or "", NO_COUPON).percent
    for position, (row, base_row) in enumerate(zip(order.rows, order.base_rows, strict=True)):
        item_ids[row] = session.insert(
            "sales_order_item",
            {
                "order_id": order_id,
                "parent_item_id": item_ids[row.parent] if row.parent else None,
                "quote_item_id": order_id * 100 + position,
                "store_id": order.cart.store.store_id,
                "product_id": product_ids[row.product.sku],
                "product_type": row.kind,
                "product_options": stored_options(row),
                "sku": row.sku,
                "name": row.product.name,
                "is_virtual": int(row.is_virtual),
                "is_qty_decimal": int(row.quantity != int(row.quantity)),
                "weight": row.weight,
                "row_weight": ZERO if row.parent else row.weight * row.quantity,
                "qty_ordered": row.quantity,
                **in_both(row_amounts, row, base_row),
                "original_price": row.original_price,
                "base_original_price": None if is_empty(row) else base_row.original_price,
                "tax_percent": row.tax_percent,
                "discount_percent": percent if row.has_money else ZERO,
                "applied_rule_ids": "1" if row.discount else None,
            },
        )


def row_amounts(row: OrderRow) -> Row:
    """A row's money; a child that only says what to ship has zeros and gaps, a repeating parent gaps."""
    return {
        "price": row.price,
        "row_total": row.row_total,
        "tax_amount": row.tax,
        "discount_amount": row.discount,
        "price_incl_tax": row.price_incl_tax,
        "row_total_incl_tax": row.row_total_incl_tax,
        "discount_tax_compensation_amount": row.compensation if row.has_money else None,
    }


def is_empty(row: OrderRow) -> bool:
    """Whether a row only says what to ship."""
    return not row.has_money and not row.repeats_children


def insert_payment(session: Session, order_id: int, order: PricedOrder) -> None:
    """Nothing is paid yet, whatever the method."""
    title = json.dumps({"method_title": PAYMENT_METHODS[order.payment]}).replace("/", "\\/")
    session.insert(
        "sales_order_payment",
        {
            "parent_id": order_id,
            "method": order.payment,
            "additional_information": title,
            "amount_ordered": order.grand_total,
            "base_amount_ordered": order.base_grand_total,
            "shipping_amount": order.totals.shipping,
            "base_shipping_amount": order.base_totals.shipping,
        },
    )


def insert_addresses(session: Session, order_id: int, order: PricedOrder, buyer: Buyer) -> None:
    """Shipping first, then billing, then both ids into the order: its first update. Nothing to ship, no address for it."""
    fields: dict[str, Any] = {
        "parent_id": order_id,
        "customer_id": buyer.customer_id,
        "email": buyer.email,
        **vars(order.cart.address),
    }
    shipping_id = None
    if not order.is_virtual:
        shipping_id = session.insert("sales_order_address", {**fields, "address_type": "shipping"})
    billing_id = session.insert("sales_order_address", {**fields, "address_type": "billing"})
    session.update(
        "sales_order",
        "entity_id",
        order_id,
        {"shipping_address_id": shipping_id, "billing_address_id": billing_id},
    )
