"""The rows of a new order, written inside the checkout's one transaction.

Amounts are the same in base currency: the sandbox sells in it.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge_sandbox.shop.cart import COUPONS, PAYMENT_METHODS, Cart, Replaced
from bridge_sandbox.shop.options import stored_options
from bridge_sandbox.shop.session import Row, Session
from bridge_sandbox.shop.totals import OrderRow, Totals

ZERO = Decimal(0)
STORE_ID = 1
STORE_NAME = "Main Website\nMain Website Store\nDefault Store View"
CURRENCY = "EUR"
SHIPPING_METHOD = "flatrate_flatrate"
SHIPPING_DESCRIPTION = "Flat Rate - Fixed"


@dataclass(frozen=True)
class Buyer:
    """Who pays; a guest has no customer id and group 0."""

    email: str
    firstname: str
    lastname: str
    customer_id: int | None = None
    group_id: int = 0


def insert_order(session: Session, cart: Cart, buyer: Buyer, totals: Totals, increment_id: str) -> int:
    """The order's row; amounts are the same in base currency."""
    coupon = {"applied_rule_ids": "1", "coupon_code": cart.coupon, "discount_description": cart.coupon}
    return session.insert(
        "sales_order",
        {
            "increment_id": increment_id,
            "state": "new",
            "status": "pending",
            "protect_code": secrets.token_hex(16),
            "shipping_method": SHIPPING_METHOD,
            "shipping_description": SHIPPING_DESCRIPTION,
            "is_virtual": 0,
            "store_id": STORE_ID,
            "store_name": STORE_NAME,
            "customer_id": buyer.customer_id,
            "customer_is_guest": int(buyer.customer_id is None),
            "customer_email": buyer.email,
            "customer_firstname": buyer.firstname,
            "customer_lastname": buyer.lastname,
            "customer_group_id": buyer.group_id,
            "customer_note_notify": 1,
            "total_qty_ordered": totals.pieces,
            "total_item_count": totals.item_count,
            "weight": totals.weight,
            "remote_ip": None if cart.replaced else "127.0.0.1",
            "quote_id": int(increment_id.replace("-", "")),
            "base_to_global_rate": 1,
            "base_to_order_rate": 1,
            "store_to_base_rate": 0,
            "store_to_order_rate": 0,
            "base_currency_code": CURRENCY,
            "global_currency_code": CURRENCY,
            "order_currency_code": CURRENCY,
            "store_currency_code": CURRENCY,
            **in_both_currencies(order_amounts(totals)),
            "base_shipping_discount_tax_compensation_amnt": ZERO,
            "shipping_discount_tax_compensation_amount": ZERO,
            **(coupon if cart.coupon else {}),
            **(relation_to_parent(cart.replaced) if cart.replaced else {}),
        },
    )


def relation_to_parent(replaced: Replaced) -> Row:
    """What an order says of the one that it takes the place of."""
    return {
        "original_increment_id": replaced.original_increment_id,
        "relation_parent_id": str(replaced.order_id),
        "relation_parent_real_id": replaced.increment_id,
        "edit_increment": replaced.edit,
    }


def order_amounts(totals: Totals) -> Row:
    """The header's money; the discount is negative there."""
    return {
        "grand_total": totals.grand_total,
        "total_due": totals.grand_total,
        "subtotal": totals.subtotal,
        "subtotal_incl_tax": totals.subtotal_incl_tax,
        "discount_amount": -totals.discount,
        "tax_amount": totals.tax,
        "shipping_amount": totals.shipping,
        "shipping_incl_tax": totals.shipping,
        "shipping_tax_amount": ZERO,
        "shipping_discount_amount": ZERO,
        "discount_tax_compensation_amount": ZERO,
    }


def insert_items(
    session: Session, order_id: int, rows: list[OrderRow], product_ids: Mapping[str, int], cart: Cart
) -> None:
    """One row for each, so that a child knows its parent's id."""
    item_ids: dict[OrderRow, int] = {}
    for position, row in enumerate(rows):
        item_ids[row] = session.insert(
            "sales_order_item",
            {
                "order_id": order_id,
                "parent_item_id": item_ids[row.parent] if row.parent else None,
                "quote_item_id": order_id * 100 + position,
                "store_id": STORE_ID,
                "product_id": product_ids[row.product.sku],
                "product_type": row.product.kind,
                "product_options": stored_options(row),
                "sku": row.sku,
                "name": row.product.name,
                "is_virtual": 0,
                "is_qty_decimal": 0,
                "weight": row.weight,
                "row_weight": ZERO if row.parent else row.weight * row.quantity,
                "qty_ordered": row.quantity,
                **item_amounts(row, Decimal(COUPONS.get(cart.coupon or "", ZERO))),
                "applied_rule_ids": "1" if row.discount else None,
            },
        )


def item_amounts(row: OrderRow, discount_percent: Decimal) -> Row:
    """A row's money; a child that only says what to ship has zeros and gaps, a repeating parent gaps."""
    empty = not row.has_money and not row.repeats_children
    return {
        **in_both_currencies(
            {
                "price": row.price,
                "row_total": row.row_total,
                "tax_amount": row.tax,
                "discount_amount": row.discount,
                "price_incl_tax": row.price_incl_tax,
                "row_total_incl_tax": row.row_total_incl_tax,
                "discount_tax_compensation_amount": ZERO if row.has_money else None,
            }
        ),
        "original_price": row.original_price,
        "base_original_price": None if empty else row.original_price,
        "tax_percent": row.tax_percent,
        "discount_percent": discount_percent if row.has_money else ZERO,
    }


def insert_payment(session: Session, order_id: int, cart: Cart, totals: Totals) -> None:
    """Nothing is paid yet, whatever the method."""
    amounts = {"amount_ordered": totals.grand_total, "shipping_amount": totals.shipping}
    session.insert(
        "sales_order_payment",
        {
            "parent_id": order_id,
            "method": cart.payment,
            "additional_information": json.dumps({"method_title": PAYMENT_METHODS[cart.payment]}).replace("/", "\\/"),
            **in_both_currencies(amounts),
        },
    )


def insert_addresses(session: Session, order_id: int, cart: Cart, buyer: Buyer) -> None:
    """Shipping first, then billing, then both ids into the order: its first update."""
    fields: dict[str, Any] = {
        "parent_id": order_id,
        "customer_id": buyer.customer_id,
        "email": buyer.email,
        **vars(cart.address),
    }
    shipping_id = session.insert("sales_order_address", {**fields, "address_type": "shipping"})
    billing_id = session.insert("sales_order_address", {**fields, "address_type": "billing"})
    session.update(
        "sales_order",
        "entity_id",
        order_id,
        {"shipping_address_id": shipping_id, "billing_address_id": billing_id},
    )


def in_both_currencies(amounts: Row) -> Row:
    """The amounts, and the same as `base_` amounts: the sandbox sells in its base currency."""
    return amounts | {f"base_{name}": amount for name, amount in amounts.items()}
