"""Amounts as Magento writes them into sentences."""

from decimal import Decimal

from bridge_sandbox.shop.totals import cents

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF"}


def money(amount: Decimal, currency: str) -> str:
    """Such as €11.50; the sentences are English wherever the shop is."""
    return f"{SIGNS.get(currency, currency)}{cents(amount):,.2f}"
