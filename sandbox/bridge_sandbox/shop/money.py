"""Cents as PHP rounds them, and amounts as Magento writes them into sentences."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}


def cents(amount: Decimal) -> Decimal:
    """Rounded half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def money(amount: Decimal, currency: str) -> str:
    """Such as €11.50; the sentences are English wherever the shop is."""
    return f"{SIGNS.get(currency, currency)}{cents(amount):,.2f}"
