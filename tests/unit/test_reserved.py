"""How many pieces of an order's row Magento still holds a reservation for."""

from decimal import Decimal
from typing import Any

import pytest

from bng_bridge.flows.reserved import open_quantity


def row(kind: str = "simple", **quantities: float) -> dict[str, Any]:
    return {"product_type": kind, **{f"qty_{name}": value for name, value in quantities.items()}}


@pytest.mark.parametrize(
    ("item", "parent", "left"),
    [
        (row(ordered=5), None, 5),
        (row(ordered=5, shipped=2, canceled=1, refunded=1), None, 1),
        (row(ordered=5, shipped=5, refunded=5), None, 0),
        (row("virtual", ordered=2, invoiced=2), None, 0),
        (row("virtual", ordered=2), None, 2),
        (row("configurable", ordered=5), None, 0),
        (row("bundle", ordered=5), None, 0),
        (row("grouped", ordered=5), None, 5),
        (row(ordered=3), row("configurable", ordered=3, shipped=1), 2),
        (row(ordered=3), row("configurable", ordered=3, canceled=3), 0),
        (row(ordered=4), row("bundle", ordered=2), 4),
        (row(ordered=4, shipped=2), row("bundle", ordered=2, shipped=1), 2),
        (row(ordered=4), row("bundle", ordered=2, canceled=1), 2),
        (row(ordered=4, shipped=1), row("bundle", ordered=2, shipped=1), 3),
    ],
)
def test_what_a_row_holds(item: dict[str, Any], parent: dict[str, Any] | None, left: int) -> None:
    assert open_quantity(item, parent) == Decimal(left)
