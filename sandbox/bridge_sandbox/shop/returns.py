"""Where the goods of a credit memo go: back onto the shelf, or away from it though nobody shipped them.

The rules are those of Magento's inventory. Pieces that never left the shelf are given back first:
- returned to stock, they only lose their reservation; what the buyer had comes onto the shelf again;
- not returned, what the buyer had stays with the buyer; what was on the shelf leaves it, as if it had been shipped.
"""

from collections.abc import Sequence
from decimal import Decimal

from bridge_sandbox.shop import stock
from bridge_sandbox.shop.order_items import ZERO, OrderItems, stock_sku
from bridge_sandbox.shop.portions import Portion
from bridge_sandbox.shop.session import Row, Session


def put_back(
    session: Session, order: Row, items: OrderItems, portions: Sequence[Portion], returned: frozenset[int]
) -> None:
    """Move the goods inside the caller's transaction; `items` are as before the refund. Raises `NotEnoughStock`."""
    onto, off, released = [], [], []
    for portion in portions:
        if portion.is_dummy:
            continue
        for leaf, quantity in leaves_of(items, portion):
            on_shelf = min(quantity, still_on_shelf(items, portion.item, leaf))
            released.append((stock_sku(leaf), on_shelf))
            if {leaf["item_id"], leaf["parent_item_id"]} & returned:
                onto.append((stock_sku(leaf), quantity - on_shelf))
            else:
                off.append((stock_sku(leaf), on_shelf))
    stock.put_onto_shelf(session, some(onto))
    stock.deduct(session, some(off))
    stock.reserve(session, some(released), "creditmemo_created", order["increment_id"], order["entity_id"])


def leaves_of(items: OrderItems, portion: Portion) -> list[tuple[Row, Decimal]]:
    """The rows of goods in a portion, and how many of each: of a parent its children."""
    children = items.children(portion.item)
    if not children:
        return [(portion.item, portion.quantity)]
    return [(child, portion.quantity * items.per_parent(child)) for child in children]


def still_on_shelf(items: OrderItems, paying: Row, leaf: Row) -> Decimal:
    """How many of a leaf were invoiced, not given back and not shipped; virtual goods left with their invoice."""
    if leaf["is_virtual"]:
        return ZERO
    per_paying = Decimal(1) if leaf is paying else items.per_parent(leaf)
    parent = items.parent(leaf)
    if parent is not None and items.is_dummy(leaf):
        shipped = parent["qty_shipped"] * items.per_parent(leaf)
    else:
        shipped = leaf["qty_shipped"]
    return max(Decimal((paying["qty_invoiced"] - paying["qty_refunded"]) * per_paying - shipped), ZERO)


def some(pairs: Sequence[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """By SKU, what is more than nothing."""
    return {sku: quantity for sku, quantity in stock.merged(pairs).items() if quantity > 0}
