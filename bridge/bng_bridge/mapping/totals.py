"""What a sales order's amounts have to be among each other before it is written, whatever mapping made them.

    LineTotal     = Quantity × UnitPrice − Discount + Tax     what was paid for the line: after discount, with tax
    Total         = Σ LineTotal + Freight + FreightTax        Freight after its own discount, without tax
    DiscountTotal = Σ Discount                                of the lines
    TaxTotal      = Σ Tax + FreightTax

so that lines + freight − discount + tax = total, to the cent. A unit price is rounded, so Quantity × UnitPrice may be off by
half a cent for each piece; nothing else may. Amounts that are left out are not looked at, but for the total.
"""

from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import CENT, amount, cents, text
from bridge_common.errors import MappingError

Body = dict[str, Any]

_ADDED = ("Lines", "Freight", "FreightTax", "Total")
_HINT = (
    "Nothing was written. Correct the order in the shop or its mapping file (bridgectl map test runs its cases), then "
    "bridgectl dlq retry {event}."
)


def check(body: Body) -> None:
    """Raises MappingError (`totals`) with the difference. A change of other fields alone is none of its business."""
    given = [name for name in _ADDED if name in body]
    if not given:
        return
    if not body.get("Lines") or body.get("Total") is None:
        raise _held(f"{given[0]} is written without Lines and Total: nobody can tell whether they add up", given[0])
    for number, line in enumerate(body["Lines"], 1):
        _check_line(line, number)
    freight, freight_tax = amount(body, "Freight"), amount(body, "FreightTax")
    _check("Total", body, _sum(body, "LineTotal") + freight + freight_tax, "lines and freight")
    _check("DiscountTotal", body, _sum(body, "Discount"), "the lines' discounts")
    _check("TaxTotal", body, _sum(body, "Tax") + freight_tax, "the taxes of lines and freight")


def _check_line(line: Body, number: int) -> None:
    if "UnitPrice" not in line:
        return
    quantity = amount(line, "Quantity")
    paid = quantity * amount(line, "UnitPrice") - amount(line, "Discount") + amount(line, "Tax")
    difference = amount(line, "LineTotal") - paid
    if abs(difference) > CENT / 2 * (abs(quantity) + 1):
        raise _held(
            f"line {number} ({line.get('SKU')}): LineTotal is {text(amount(line, 'LineTotal'))}, price, discount and tax "
            f"give {text(cents(paid))}, a difference of {text(cents(difference))}", "Lines/LineTotal",
        )  # fmt: skip


def _check(field: str, body: Body, expected: Decimal, what: str) -> None:
    if body.get(field) is None:
        return
    stated = amount(body, field)
    if cents(stated) != cents(expected):
        difference = text(cents(stated) - cents(expected))
        raise _held(
            f"{field} is {text(stated)}, {what} add up to {text(cents(expected))}, a difference of {difference}", field
        )


def _sum(body: Body, field: str) -> Decimal:
    return sum((amount(line, field) for line in body["Lines"]), Decimal(0))


def _held(message: str, field: str) -> MappingError:
    return MappingError(
        f"the sales order does not add up: {message}", problem="totals", pointer=f"/{field}", hint=_HINT
    )
