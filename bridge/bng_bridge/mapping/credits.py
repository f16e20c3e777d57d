"""What an order was paid with beside its payment method: gift cards, store credit, reward points.

They lower the grand total, and no row shows them. Adobe Commerce has them in the order's extension attributes, modules for
Magento Open Source there or in the header; a shop without such a module has none of the fields, and nothing changes.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bng_bridge.mapping.money import amount

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`line` is its ExternalLineID at BNG, `fields` the names that its amount has, the usual one first."""

    line: str
    sku: str
    name: str
    fields: tuple[str, ...]


KINDS = (
    Kind("gift-card", "GIFT-CARD", "Gift card", ("gift_cards_amount", "gift_card_amount")),
    Kind("store-credit", "STORE-CREDIT", "Store credit", ("customer_balance_amount", "store_credit_amount")),
    Kind("reward-points", "REWARD-POINTS", "Reward points", ("reward_currency_amount",)),
)


def credits_of(order: dict[str, Any]) -> list[Row]:
    """One for each kind that was used: `external_id`, `sku`, `name` and `amount`, above 0 in the order's currency.

    Raises MappingError for what is no amount.
    """
    found = [(kind, _amount(order, kind)) for kind in KINDS]
    return [
        {"external_id": kind.line, "sku": kind.sku, "name": kind.name, "amount": used} for kind, used in found if used
    ]


def _amount(order: dict[str, Any], kind: Kind) -> Decimal:
    """From one place only: a module may show it in both. Some write it as what is taken off, below 0."""
    places = (order.get("extension_attributes") or {}, order)
    amounts = (amount(place, field) for place in places for field in kind.fields)
    return abs(next((each for each in amounts if each), Decimal(0)))
