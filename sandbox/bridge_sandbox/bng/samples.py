"""Valid bodies to try the API with: a customer, and an order of a few lines."""

from decimal import Decimal
from typing import Any

Line = tuple[str, str, str]
"""SKU, Quantity and UnitPrice."""

ONE_MUG: Line = ("MUG-WHITE", "1", "9.99")


def customer(**changes: Any) -> dict[str, Any]:
    """A customer of a few fields, with those given instead or added."""
    return {"FirstName": "Ida", "LastName": "Brandt", "Email": "ida@example.com", "CreditLimit": "500.00"} | changes


def order(customer_id: str, *lines: Line, **changes: Any) -> dict[str, Any]:
    """An untaxed order of the lines given (one mug), with freight and a total that agrees."""
    described: list[dict[str, Any]] = [
        {
            "LineNo": number,
            "SKU": sku,
            "Quantity": quantity,
            "UnitPrice": price,
            "LineTotal": str(Decimal(quantity) * Decimal(price)),
        }
        for number, (sku, quantity, price) in enumerate(lines or (ONE_MUG,), 1)
    ]
    total = sum((Decimal(line["LineTotal"]) for line in described), Decimal("5.95"))
    return {
        "CustomerID": customer_id,
        "OrderDate": "2025-03-01",
        "Currency": "EUR",
        "Lines": described,
        "Freight": "5.00",
        "FreightTax": "0.95",
        "Total": str(total),
    } | changes
