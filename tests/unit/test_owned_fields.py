"""What of a product's owned fields the shop shows otherwise: Magento writes values back in its own way."""

from decimal import Decimal
from typing import Any

import pytest

from bng_bridge.magento.owned import differing, names


def attributes(**values: Any) -> dict[str, Any]:
    return {"custom_attributes": [{"attribute_code": code, "value": value} for code, value in values.items()]}


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Decimal("26.95"), Decimal("26.950000")),
        ("8.00", "8.000000"),
        (Decimal(8), "8"),
        (2, "2"),
        (True, "1"),
        ("2026-07-01", "2026-07-01 00:00:00"),
        ("", None),
        (None, ""),
        ("", []),
        ([1, 2], [2, 1]),
        (["12", "13"], "13,12"),
        ({"qty": 3}, {"qty": Decimal("3.0"), "is_in_stock": True}),
        ([{"category_id": "4", "position": 0}], [{"position": 0, "category_id": "4"}]),
    ],
)
def test_a_value_in_magentos_writing_is_the_same(wanted: Any, shown: Any) -> None:
    assert differing({"field": wanted}, {"field": shown}) == {}
    assert differing(attributes(field=wanted), attributes(field=shown)) == {}


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Decimal("26.95"), Decimal("26.94")),
        ("8.00", "8.010000"),
        ("007", "7"),
        ("2026-07-01", "2026-07-02 00:00:00"),
        ("", "19.950000"),
        ("text", ""),
        ([1, 2], [1]),
        ([1, 1], [1, 2]),
        ({"qty": 3}, {"qty": 4}),
        ("Mug", "mug"),
        ("Mug", {"label": "Mug"}),
    ],
)
def test_another_value_is_another(wanted: Any, shown: Any) -> None:
    assert differing({"field": wanted}, {"field": shown}) == {"field": wanted}
    assert differing(attributes(field=wanted), attributes(field=shown)) == attributes(field=wanted)


def test_only_what_differs_is_left_and_the_sku_is_no_part() -> None:
    body = {"sku": "TEE-L", "name": "T-shirt", "price": 9, **attributes(cost="8.00", vendor="ACME")}
    shown = {"sku": "tee-l", "name": "T-shirt", "price": 10, "visibility": 4, **attributes(cost="8.000000", color="7")}
    left = differing(body, shown)
    assert left == {"price": 9, **attributes(vendor="ACME")}
    assert names(left) == ["price", "custom_attributes.vendor"]


def test_the_first_day_that_magento_gives_a_special_price_is_no_difference() -> None:
    days = {"special_from_date": "2026-03-02 00:00:00", "special_to_date": "2026-03-09 00:00:00"}
    none = dict.fromkeys(days, "")
    assert differing(attributes(**none), attributes(special_price="9.00", **days)) == attributes(special_to_date="")
    ended = attributes(special_price="", **none)
    assert differing(ended, attributes(special_price="9.00", **days)) == ended
