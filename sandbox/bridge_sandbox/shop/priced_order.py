"""A cart with its prices, in the store's currency and in its base currency, each rounded by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox.shop.cart import COUPONS, NO_COUPON, Cart, Extra
from bridge_sandbox.shop.directory import NO_TAX, tax_rule
from bridge_sandbox.shop.lines import ZERO, OrderRow
from bridge_sandbox.shop.money import cents
from bridge_sandbox.shop.session import Row
from bridge_sandbox.shop.totals import Pricing, Totals, price_order


@dataclass(frozen=True)
class PricedOrder:
    """The order to be placed; `rows` and `base_rows` are the same ones in the same order."""

    cart: Cart
    rows: list[OrderRow]
    totals: Totals
    base_rows: list[OrderRow]
    base_totals: Totals

    @property
    def grand_total(self) -> Decimal:
        """What the buyer pays, with what other modules add or take off."""
        return self.totals.grand_total + self._others(self.cart.store.rate)

    @property
    def base_grand_total(self) -> Decimal:
        """The same in base currency."""
        return self.base_totals.grand_total + self._others(Decimal(1))

    @property
    def is_virtual(self) -> bool:
        """Whether there is nothing to ship."""
        return all(row.is_virtual for row in self.rows)

    @property
    def payment(self) -> str:
        """Where nothing is to be paid Magento takes no other method."""
        return self.cart.payment if self.grand_total else "free"

    def _others(self, rate: Decimal) -> Decimal:
        return sum((cents(each.effect * rate) for each in self.cart.extras), ZERO)


def price_cart(cart: Cart) -> PricedOrder:
    """What the cart costs at its store, for its address and with its coupon."""
    rule = NO_TAX if cart.is_tax_free else tax_rule(cart.address.country_id, cart.address.region_id)
    coupon = COUPONS.get(cart.coupon or "", NO_COUPON)

    def priced(rate: Decimal) -> tuple[list[OrderRow], Totals]:
        return price_order(
            list(cart.lines),
            Pricing(
                tax_percent=rule.percent,
                discount_percent=coupon.percent,
                discounts_freight=coupon.discounts_freight,
                rate=rate,
                has_gross_prices=cart.store.has_gross_prices,
                taxes_freight=cart.store.taxes_freight,
            ),
        )

    return PricedOrder(cart, *priced(cart.store.rate), *priced(Decimal(1)))


def in_both(amounts: Callable[..., Row], own: object, base: object) -> Row:
    """The amounts of one thing, and those of its counterpart in base currency as `base_` amounts."""
    return amounts(own) | {f"base_{name}": amount for name, amount in amounts(base).items()}


def extra_row(extra: Extra, rate: Decimal) -> Row:
    """What a module keeps of its amount."""
    has_amount = extra.amount is not None
    return {
        "name": extra.name,
        "amount": cents(extra.amount * rate) if extra.amount is not None else None,
        "base_amount": extra.amount if has_amount else None,
        "in_header": int(extra.is_in_header),
        "document": extra.document,
    }
