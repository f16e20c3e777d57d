"""Which demand is covered, and by what: on hand first, then purchase orders as they are expected."""

from decimal import Decimal

import pytest

from bng_bridge.demand.cover import Covered, Incoming, Wanted, covered

MUG = ("MUG", "MAIN")


def wanted(quantity: str, order: str = "SO-1") -> Wanted:
    return Wanted(order, MUG, Decimal(quantity))


def incoming(quantity: str, day: str = "", order: str = "PO-1") -> Incoming:
    return Incoming(order, MUG, Decimal(quantity), day)


def told(*parts: Incoming, ordered: str = "10", on_hand: str = "4") -> Covered:
    (found,) = covered([wanted(ordered)], {MUG: Decimal(on_hand)}, parts)
    return found


@pytest.mark.parametrize(
    ("on_hand", "parts", "verdict", "short", "expected_on"),
    [
        ("10", [], "covered", "0", ""),
        ("10", [incoming("5", "2026-03-09")], "covered", "0", ""),
        ("4", [], "short", "6", ""),
        ("4", [incoming("5", "2026-03-09")], "short", "1", ""),
        ("4", [incoming("6", "2026-03-09")], "expected", "0", "2026-03-09"),
        ("4", [incoming("9", "2026-04-01"), incoming("6", "2026-03-09")], "expected", "0", "2026-03-09"),
        ("4", [incoming("9", "2026-04-01"), incoming("5.5", "2026-03-09")], "expected", "0", "2026-04-01"),
        ("4", [incoming("6"), incoming("6", "2026-03-09")], "expected", "0", "2026-03-09"),
        ("4", [incoming("6")], "expected", "0", ""),
        ("-2", [incoming("6")], "short", "6", ""),
    ],
)
def test_what_covers_ten_pieces(
    on_hand: str, parts: list[Incoming], verdict: str, short: str, expected_on: str
) -> None:
    found = told(*parts, on_hand=on_hand)
    assert (found.verdict, found.short, found.expected_on) == (verdict, Decimal(short), expected_on)


def test_orders_are_counted_once_and_lines_of_one_add_up() -> None:
    (found,) = covered([wanted("1"), wanted("2"), wanted("4", "SO-2")], {}, [])
    assert (found.orders, found.ordered, found.on_hand) == (2, Decimal(7), Decimal(0))


def test_warehouses_are_apart_and_the_short_come_first() -> None:
    other = Wanted("SO-1", ("MUG", "OUTLET"), Decimal(1))
    lamp = Wanted("SO-1", ("LAMP", "MAIN"), Decimal(1))
    on_hand = {MUG: Decimal(5), ("LAMP", "MAIN"): Decimal(1)}
    found = covered([wanted("1"), other, lamp], on_hand, [incoming("3")])
    assert [(each.place, each.verdict) for each in found] == [
        (("MUG", "OUTLET"), "short"),
        (("LAMP", "MAIN"), "covered"),
        (MUG, "covered"),
    ]
