"""What all documents with lines are held to: numbers differ, sums agree to the cent, no more is done than is open."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

from bridge_sandbox.bng.checks import plain_number
from bridge_sandbox.bng.problems import FieldProblem, invalid
from bridge_sandbox.bng.records import Record

CENT = Decimal("0.01")
NOTHING = Decimal(0)
Quantities = Mapping[int, Decimal]
"""By LineNo."""


def check(document: Record) -> None:
    """Raise Problem unless line numbers differ and Total is the sum of the parts."""
    refuse([*repeated_line_numbers(document), *wrong_total(document)])


def check_numbers(document: Record) -> None:
    """Raise Problem if two lines have one number."""
    refuse(repeated_line_numbers(document))


def requested(chosen: Iterable[Record], still_open: Quantities) -> dict[int, Decimal]:
    """By LineNo, what is to be done of these lines, of all that is open if none are given.

    Raises Problem if it is nothing or more than is open.
    """
    asked = list(chosen)
    if not asked:
        refuse([] if still_open else [("/Lines", "nothing is open")])
        return dict(still_open)
    quantities: dict[int, Decimal] = {}
    for line in asked:
        quantities[line["LineNo"]] = quantities.get(line["LineNo"], NOTHING) + Decimal(line["Quantity"])
    refuse(
        [
            (f"/Lines/{index}/Quantity", f"{plain_number(still_open.get(line['LineNo'], NOTHING))} are open")
            for index, line in enumerate(asked)
            if not 0 < quantities[line["LineNo"]] <= still_open.get(line["LineNo"], NOTHING)
        ]
    )
    return quantities


def refuse(errors: list[FieldProblem]) -> None:
    """Raise Problem if there are any."""
    if errors:
        raise invalid(errors)


def repeated_line_numbers(document: Record) -> list[FieldProblem]:
    """An error for each line whose number an earlier line has."""
    numbers = [line["LineNo"] for line in document["Lines"]]
    return [
        (f"/Lines/{index}/LineNo", f"{number} is used twice")
        for index, number in enumerate(numbers)
        if number in numbers[:index]
    ]


def wrong_total(document: Record) -> list[FieldProblem]:
    """An error if Total is not the sum of the lines (net after discount, with tax) and an order's freight with its tax."""
    freight = [document.get(name, "0") for name in ("Freight", "FreightTax")]
    parts = [*(line["LineTotal"] for line in document["Lines"]), *freight]
    expected, total = cents(sum(map(Decimal, parts), NOTHING)), cents(Decimal(document["Total"]))
    return [] if expected == total else [("/Total", f"is {total}, but the sum is {expected}")]


def cents(amount: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)
