"""What takes more than an expression: the rows of Magento's orders, and what else they were paid with."""

from typing import Any

from bng_bridge.mapping import sold_rows as rows
from bng_bridge.mapping.credits import credits_of
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.functions.registry import function
from bng_bridge.mapping.magento_shapes import default_shape
from bng_bridge.mapping.shapes import NUMBER, TEXT, Shape, list_of
from bridge_common.errors import MappingError


def _sold_rows(_: Any) -> Shape:
    row = Shape("object", "a row of sold_rows()")
    row.fields.update(item=default_shape("order_item"), sku=TEXT, external_id=TEXT)
    row.fields.update(dict.fromkeys(("quantity", "price", "net", "discount", "tax", "total"), NUMBER))
    return list_of(row)


@function(shape=_sold_rows)
def sold_rows(order: dict[str, Any], bundles: str = rows.AS_PRICED) -> list[Any]:
    """A row for each thing that is sold or picked: `item`, `sku`, `external_id` (its item ids), and what was paid for it:
    `quantity`, `price` of one, `net`, `discount`, `tax`, `total`.

    A configurable is one row. Of a bundle `bundles` says which: parent, children, both, or as-priced: a fixed one and its
    parts, of a dynamic one its parts.
    """
    if bundles not in rows.BUNDLES:
        raise Fault(f"sold_rows() knows no rule {bundles} for bundles", hint=f"There are {', '.join(rows.BUNDLES)}.")
    try:
        return rows.sold_rows(order, bundles)
    except MappingError as error:
        raise Fault(error.message, hint=error.hint) from error
    except (KeyError, TypeError, ArithmeticError) as error:
        raise Fault(f"sold_rows() finds no complete items in the order: {error}") from error


def _credits(_: Any) -> Shape:
    return list_of(
        Shape("object", "a row of credits()", {"external_id": TEXT, "sku": TEXT, "name": TEXT, "amount": NUMBER})
    )


@function(name="credits", shape=_credits)
def credited(order: dict[str, Any]) -> list[Any]:
    """What lowers the grand total and is no discount: a row each for gift cards, store credit and reward points, with
    `external_id`, `sku`, `name` and `amount`. Empty where the shop has no such fields.
    """
    try:
        return credits_of(order)
    except MappingError as error:
        raise Fault(error.message, hint=error.hint) from error
