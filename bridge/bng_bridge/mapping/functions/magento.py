"""What takes more than an expression: the rows of Magento's orders."""

from typing import Any

from bng_bridge.mapping import sold_rows as rows
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.functions.registry import function
from bng_bridge.mapping.magento_shapes import default_shape
from bng_bridge.mapping.shapes import TEXT, Shape, list_of
from bridge_common.errors import MappingError


def _sold_rows(_: Any) -> Shape:
    row = Shape("object", "a row of sold_rows()")
    row.fields.update(item=default_shape("order_item"), sku=TEXT, external_id=TEXT)
    return list_of(row)


@function(shape=_sold_rows)
def sold_rows(order: dict[str, Any]) -> list[Any]:
    """A row for each thing that is sold or picked: `item`, `sku` and `external_id` (its item ids).

    A configurable is one row, a fixed bundle its own and one for each part, a dynamic bundle its parts.
    """
    try:
        return rows.sold_rows(order)
    except MappingError as error:
        raise Fault(error.message, hint=error.hint) from error
    except (KeyError, TypeError) as error:
        raise Fault(f"sold_rows() finds no complete items in the order: {error}") from error
