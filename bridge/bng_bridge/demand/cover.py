"""Which demand is covered, and by what. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

NOTHING = Decimal(0)
VERDICTS = ("short", "expected", "covered")
"""From bad to good."""
Place = tuple[str, str]
"""(SKU, warehouse)"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one open sales order still wants."""

    sales_order_id: str
    place: Place
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Incoming:
    """What is still to come of a purchase order's line. `expected_on` is a day, `YYYY-MM-DD`; '' where none is said."""

    purchase_order_id: str
    place: Place
    quantity: Decimal
    expected_on: str = ""


@dataclass(frozen=True, slots=True)
class Covered:
    """Of one SKU in one warehouse. `incoming` is in the order in which it is expected. `short` is what nothing covers.

    `verdict`: `covered` by what is on hand, `expected` where purchase orders cover the rest, `short`. `expected_on` is the
    day on which the last piece is there; '' for an unknown one, and where nothing has to come.
    """

    place: Place
    orders: int
    ordered: Decimal
    on_hand: Decimal
    incoming: tuple[Incoming, ...] = field(default=())

    @property
    def short(self) -> Decimal:
        return max(NOTHING, self.ordered - self.on_hand - _sum(self.incoming))

    @property
    def verdict(self) -> str:
        if self.short:
            return "short"
        return "expected" if self.ordered > self.on_hand else "covered"

    @property
    def expected_on(self) -> str:
        left = self.ordered - self.on_hand
        if left <= 0 or self.short:
            return ""
        for each in self.incoming:
            left -= each.quantity
            if left <= 0:
                return each.expected_on
        return ""


def covered(wanted: Iterable[Wanted], on_hand: Mapping[Place, Decimal], incoming: Iterable[Incoming]) -> list[Covered]:
    """What is wanted, by SKU and warehouse: the short first, then what is expected."""
    coming = _by_place(incoming)
    found = [
        Covered(
            place, len({each.sales_order_id for each in parts}), _sum(parts), on_hand.get(place, NOTHING),
            tuple(sorted(coming.get(place, []), key=_when)),
        )
        for place, parts in _by_place(wanted).items()
    ]  # fmt: skip
    return sorted(found, key=lambda each: (VERDICTS.index(each.verdict), each.place))


Part = TypeVar("Part", Wanted, Incoming)


def _by_place(parts: Iterable[Part]) -> dict[Place, list[Part]]:
    found: dict[Place, list[Part]] = {}
    for each in parts:
        found.setdefault(each.place, []).append(each)
    return found


def _when(incoming: Incoming) -> tuple[bool, str, str]:
    """By day; those of which none is known come last."""
    return not incoming.expected_on, incoming.expected_on, incoming.purchase_order_id


def _sum(parts: Iterable[Wanted | Incoming]) -> Decimal:
    return sum((each.quantity for each in parts), NOTHING)
