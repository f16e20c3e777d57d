"""So many of one row of an order in an invoice or a credit memo, and what of the row's money goes with them.

Pure. The last portion of a row takes all that is left of each amount, so that the portions of a row add up to it
whatever was rounded before. A dummy comes along with its quantity and its price, and no money.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import MagentoError, required
from bridge_sandbox.shop.money import cents
from bridge_sandbox.shop.order_items import ZERO
from bridge_sandbox.shop.session import Row
from bridge_sandbox.shop.stock import merged

PREFIXES = ("", "base_")
"""Of the column names: the order's currency, and the shop's own."""
CUT_NAMES = {
    "base_shipping_discount_tax_compensation_amount": "base_shipping_discount_tax_compensation_amnt",
}
"""Magento has cut this one to a length that its databases once had."""


@dataclass(frozen=True)
class Portion:
    """`quantity` of the `open_quantity` of a row."""

    item: Row
    quantity: Decimal
    open_quantity: Decimal
    is_dummy: bool = False

    @property
    def is_last(self) -> bool:
        """Whether nothing of the row is left afterwards."""
        return self.quantity == self.open_quantity

    def share(self, whole: Decimal | None, done: Decimal | None) -> Decimal:
        """What these pieces take of an amount, of which a part is done already."""
        left = (whole or ZERO) - (done or ZERO)
        if self.is_last:
            return left
        return cents(left / self.open_quantity * self.quantity) if self.open_quantity else ZERO

    def share_of_ordered(self, amount: Decimal) -> Decimal:
        """What these pieces take of an amount for all that was ordered."""
        return cents(amount / self.item["qty_ordered"] * self.quantity)

    def goods_row(self) -> Row:
        """The columns that say what it is, as both documents have them."""
        names = ("product_id", "sku", "name", "price", "base_price", "price_incl_tax", "base_price_incl_tax")
        return {
            "order_item_id": self.item["item_id"],
            "qty": self.quantity,
            **{name: self.item[name] for name in names},
        }


def read_wanted(body: Document) -> dict[int, Decimal]:
    """Quantity by order item id; a row named twice counts twice. Raises the 400 for an item without an id."""
    try:
        return merged((int(item["order_item_id"]), Decimal(str(item["qty"]))) for item in body.get("items") or [])
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise required("order_item_id") from error


def whole_pieces(item: Row, quantity: Decimal) -> Decimal:
    """The quantity as PHP reads it: cut to whole pieces where the product is not sold in parts, never below zero."""
    if not item["is_qty_decimal"]:
        quantity = quantity.quantize(Decimal(1), ROUND_DOWN)
    return max(quantity, ZERO)


def refuse_too_many(portion: Portion, verb: str) -> None:
    """Raise Magento's 400 for more than is open; `verb` is what is to be done."""
    if portion.quantity > portion.open_quantity and not portion.is_dummy:
        message = f'We found an invalid quantity to {verb} item "%1".'
        raise MagentoError(400, message, [portion.item["name"]])


def in_currencies(amounts: Callable[[str], Row]) -> Row:
    """The amounts of both currencies under their columns' names; `amounts` gets the prefix of the columns to read."""
    found = {f"{prefix}{name}": value for prefix in PREFIXES for name, value in amounts(prefix).items()}
    return {CUT_NAMES.get(name, name): value for name, value in found.items()}


def column(prefix: str, name: str) -> str:
    """A column's name in one of the currencies."""
    return CUT_NAMES.get(prefix + name, prefix + name)


def summed(rows: Iterable[Row], name: str) -> Decimal:
    """The sum of a column, nulls left out."""
    return sum((row[name] for row in rows if row.get(name) is not None), ZERO)


def raised(row: Row, changes: dict[str, Any]) -> Row:
    """The row's columns, each raised by an amount; a null counts as nothing."""
    return {name: (row.get(name) or ZERO) + amount for name, amount in changes.items()}
