"""What all documents with lines are held to: line numbers differ, and sums agree to the cent."""

from decimal import ROUND_HALF_UP, Decimal

from bridge_sandbox.bng.problems import FieldProblem, invalid
from bridge_sandbox.bng.records import Record

CENT = Decimal("0.01")


def check(document: Record) -> None:
    """Raise Problem unless line numbers differ and Total is the sum of the parts."""
    errors = [*repeated_line_numbers(document), *wrong_total(document)]
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
    """An error if Total is not the sum of the lines (net after discount, with tax), Freight and FreightTax."""
    parts = [*(line["LineTotal"] for line in document["Lines"]), document["Freight"], document["FreightTax"]]
    expected, total = cents(sum(map(Decimal, parts), Decimal(0))), cents(Decimal(document["Total"]))
    return [] if expected == total else [("/Total", f"is {total}, but the sum is {expected}")]


def cents(amount: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)
