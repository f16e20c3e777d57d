"""What the demo's people choose."""

import random
from typing import Any

import pytest

from bridge_sandbox.trade import KINDS, choose_order, first_part


def test_every_kind_of_order_is_placed_in_turn() -> None:
    rng = random.Random(1)
    assert {choose_order(number, [7], rng)["kind"] for number in range(len(KINDS))} == set(KINDS)


def test_buyers_are_customers_or_guests() -> None:
    rng = random.Random(1)
    orders = [choose_order(number, [7], rng) for number in range(40)]
    assert all(("customer_id" in order) != ("guest_email" in order) for order in orders)
    assert 0 < sum("customer_id" in order for order in orders) < 40


def line(number: int, sku: str, quantity: str) -> dict[str, Any]:
    return {"LineNo": number, "SKU": sku, "Quantity": quantity}


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ([line(1, "MUG-WHITE", "3")], [{"LineNo": 1, "Quantity": "1"}]),
        ([line(1, "POT 12CM", "1"), line(2, "TEE-L", "1")], [{"LineNo": 1, "Quantity": "1"}]),
        ([line(1, "SET-FIXED", "2"), line(2, "MUG-WHITE", "4")], [{"LineNo": 2, "Quantity": "2"}]),
        ([line(1, "POT 12CM", "1")], None),
        ([line(1, "POT 12CM", "1"), line(2, "ROUNDING", "1")], None),
    ],
)
def test_a_first_part_leaves_something_to_ship(lines: list[Any], part: list[Any] | None) -> None:
    assert first_part({"Lines": lines}) == part
