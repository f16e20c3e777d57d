"""Which rows of a Magento order are things that are sold or picked, and what was paid for each.

REST's row_total is not the database's: it is after discount and never below 0. So amounts are put together here, once, from
fields that mean what they say; mapping files carry them on.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import CENT, amount, cents

Item = dict[str, Any]
Row = dict[str, Any]

AS_PRICED = "as-priced"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Paid:
    """Of a row. `net` is price × quantity, without tax and before discount; `discount` without the tax in it."""

    net: Decimal = ZERO
    discount: Decimal = ZERO
    tax: Decimal = ZERO

    def __add__(self, other: "Paid") -> "Paid":
        return Paid(self.net + other.net, self.discount + other.discount, self.tax + other.tax)


def sold_rows(order: dict[str, Any], bundles: str = AS_PRICED) -> list[Row]:
    """Each with `item`, `sku`, `external_id`, `quantity`, `price` of one, `net`, `discount`, `tax` and `total`, by order
    item ids, never by SKU.

    Configurable: one row, money and item of the parent, both ids kept. `bundles` says what of a bundle is a row: `parent`,
    `children`, `both`, or `as-priced`: a fixed bundle and its components at 0, of a dynamic one the components alone, as its
    parent only repeats their sum. The money is where Magento has it, or moves to the rows that there are: to a parent as
    its components' sum, to components by their pieces, to the cent. Raises KeyError for another word.
    """
    rule = _BUNDLES[bundles]
    children: defaultdict[Any, list[Item]] = defaultdict(list)
    for item in order["items"]:
        if item.get("parent_item_id"):
            children[item["parent_item_id"]].append(item)
    top = [item for item in order["items"] if not item.get("parent_item_id")]
    return [row for item in top for row in _rows_of(item, children[item["item_id"]], rule)]


def _rows_of(item: Item, children: list[Item], rule: "Rule") -> list[Row]:
    if not children:
        return [_row(item)]
    if item["product_type"] == "bundle":
        return rule(item, children)
    return [_row(item, sku=children[0]["sku"], external_id=_ids(item, children[0]))]


# ── bundles ──


def _parent(item: Item, children: list[Item]) -> list[Row]:
    if _is_fixed(children):
        return [_row(item)]
    return [_row(item, sum(map(paid_for, children), Paid()))]


def _children(item: Item, children: list[Item]) -> list[Row]:
    if not _is_fixed(children):
        return [_component(item, child) for child in children]
    shares = _shared(paid_for(item), [amount(child, "qty_ordered") for child in children])
    return [_component(item, child, share) for child, share in zip(children, shares, strict=True)]


def _both(item: Item, children: list[Item]) -> list[Row]:
    parent = _row(item) if _is_fixed(children) else _row(item, Paid())
    return [parent, *(_component(item, child) for child in children)]


def _as_priced(item: Item, children: list[Item]) -> list[Row]:
    return _both(item, children) if _is_fixed(children) else _children(item, children)


Rule = Callable[[Item, list[Item]], list[Row]]
_BUNDLES: dict[str, Rule] = {AS_PRICED: _as_priced, "parent": _parent, "children": _children, "both": _both}
BUNDLES = tuple(_BUNDLES)


def _is_fixed(children: list[Item]) -> bool:
    """The money is on the parent; with a dynamic price the components have it, and the parent repeats their sum."""
    return all(net(child) == 0 for child in children)


def _component(item: Item, child: Item, paid: Paid | None = None) -> Row:
    return _row(child, paid, external_id=_ids(item, child))


def _shared(paid: Paid, pieces: list[Decimal]) -> list[Paid]:
    """By pieces; what is left of the cents goes to the last."""
    total = sum(pieces, ZERO) or Decimal(1)
    nets, discounts, taxes = (
        _shares(each, [count / total for count in pieces]) for each in (paid.net, paid.discount, paid.tax)
    )
    return [Paid(*each) for each in zip(nets, discounts, taxes, strict=True)]


def _shares(whole: Decimal, parts: list[Decimal]) -> list[Decimal]:
    found = [cents(whole * part) for part in parts[:-1]]
    return [*found, whole - sum(found, ZERO)]


# ── what was paid for a row ──


def _row(item: Item, paid: Paid | None = None, *, sku: str | None = None, external_id: str | None = None) -> Row:
    """`paid`: what is otherwise than the item says."""
    found, quantity = paid_for(item) if paid is None else paid, amount(item, "qty_ordered")
    return {
        "item": item, "sku": sku or item["sku"], "external_id": external_id or str(item["item_id"]), "quantity": quantity,
        "price": amount(item, "price") if paid is None else _each(found.net, quantity),
        "net": found.net, "discount": found.discount, "tax": found.tax,
        "total": cents(found.net - found.discount + found.tax),
    }  # fmt: skip


def _each(net: Decimal, quantity: Decimal) -> Decimal:
    return cents(net / quantity) if quantity else net


def paid_for(item: Item) -> Paid:
    """Where prices are with tax, a discount takes a part of the tax along, and Magento says how much that is."""
    hidden = amount(item, "discount_tax_compensation_amount")
    return Paid(net(item), amount(item, "discount_amount") - hidden, amount(item, "tax_amount"))


def net(item: Item) -> Decimal:
    """Before discount, as the database has it.

    Where prices are with tax, the price without it is rounded, and times a quantity it is some cents off. REST shows what
    was paid for the row, and its total after discount: with the other amounts put back these are exact. One is taken as far
    as rounding explains the difference; else it was cut at 0, or is before discount as in old versions.
    """
    quantity, price = amount(item, "qty_ordered"), amount(item, "price")
    product = price * quantity
    allowed = CENT / 2 * (abs(quantity) + 1)
    return next((each for each in _shown_nets(item) if abs(each - product) <= allowed), product)


def _shown_nets(item: Item) -> Iterator[Decimal]:
    discount = amount(item, "discount_amount")
    if item.get("row_total_incl_tax") is not None:
        hidden = amount(item, "discount_tax_compensation_amount")
        yield amount(item, "row_total_incl_tax") - amount(item, "tax_amount") - hidden + discount
    if shown := amount(item, "row_total"):
        yield shown + discount
        yield shown


def _ids(parent: Item, child: Item) -> str:
    return f"{parent['item_id']}/{child['item_id']}"
