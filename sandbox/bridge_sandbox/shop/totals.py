"""What an order costs: rows and sums as Magento computes them, to the cent, in one currency.

Pure. The rules, each read off recorded orders:
- tax and coupon are rounded row by row, and what rounding gained or lost is carried into the next row, so the
  rows add up to the header and the same goods may cost a cent more in the next row;
- prices including tax are derived back from the row total;
- where the prices include the tax, so does the discount, and the tax that it saved stands apart as compensation:
  row total - discount + tax + compensation is what the row costs;
- the parent of a dynamic bundle repeats its children's sums, before discount for the net and after it for the tax.
"""

from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox.shop.lines import ZERO, CartLine, OrderRow, explode
from bridge_sandbox.shop.money import cents

SHIPPING_PER_PIECE = Decimal("5.00")


@dataclass(frozen=True)
class Pricing:
    """How rows become money: percents, the currency's rate, and what the store does about tax."""

    tax_percent: Decimal = ZERO
    discount_percent: Decimal = ZERO
    discounts_freight: bool = False
    rate: Decimal = Decimal(1)
    has_gross_prices: bool = False
    taxes_freight: bool = False


@dataclass(frozen=True)
class Totals:
    """The header's sums; `discount` is positive here, and the freight's own discount and tax are not in the rows' sums."""

    subtotal: Decimal
    subtotal_incl_tax: Decimal
    row_discount: Decimal
    row_tax: Decimal
    compensation: Decimal
    shipping: Decimal
    shipping_discount: Decimal
    shipping_tax: Decimal
    pieces: Decimal
    weight: Decimal
    item_count: int

    @property
    def discount(self) -> Decimal:
        """The freight's is in it."""
        return self.row_discount + self.shipping_discount

    @property
    def tax(self) -> Decimal:
        """The freight's is in it."""
        return self.row_tax + self.shipping_tax

    @property
    def grand_total(self) -> Decimal:
        """What the buyer pays, before what other modules add or take off."""
        return self.subtotal - self.discount + self.tax + self.compensation + self.shipping


def price_order(lines: list[CartLine], pricing: Pricing) -> tuple[list[OrderRow], Totals]:
    """The order's rows, parents before their children, and the header's sums."""
    rows = [row for line in lines for row in explode(line, pricing.rate)]
    with_money = [row for row in rows if row.has_money]
    apply_discount(with_money, pricing.discount_percent)
    if pricing.has_gross_prices:
        take_tax_out(with_money, pricing.tax_percent)
    else:
        apply_tax(with_money, pricing.tax_percent)
    for row in rows:
        if row.repeats_children:
            repeat_children(row)
    return rows, add_up(rows, with_money, pricing)


def apply_discount(rows: list[OrderRow], percent: Decimal) -> None:
    """A coupon in percent of each row."""
    carry = ZERO
    for row in rows:
        exact = row.row_total * percent / 100 + carry
        row.discount = cents(exact)
        carry = exact - row.discount


def apply_tax(rows: list[OrderRow], percent: Decimal) -> None:
    """Tax on what is left after the discount, and the prices with the tax on the whole."""
    carry = carry_before_discount = ZERO
    for row in rows:
        exact = (row.row_total - row.discount) * percent / 100 + carry
        before_discount = row.row_total * percent / 100 + carry_before_discount
        row.tax = cents(exact)
        row.tax_percent = percent
        row.row_total_incl_tax = row.row_total + cents(before_discount)
        row.price_incl_tax = cents(row.row_total_incl_tax / row.quantity)
        carry = exact - row.tax
        carry_before_discount = before_discount - cents(before_discount)


def take_tax_out(rows: list[OrderRow], percent: Decimal) -> None:
    """The same for prices that include the tax: until here price, row total and discount have it in them."""
    carry = carry_before_discount = ZERO
    for row in rows:
        gross = row.row_total
        before_discount = gross * percent / (100 + percent) + carry_before_discount
        exact = (gross - row.discount) * percent / (100 + percent) + carry
        row.tax = cents(exact)
        row.compensation = cents(before_discount) - row.tax
        row.tax_percent = percent
        row.row_total_incl_tax, row.price_incl_tax = gross, row.price
        row.row_total = gross - cents(before_discount)
        row.price = cents(row.row_total / row.quantity)
        carry = exact - row.tax
        carry_before_discount = before_discount - cents(before_discount)


def repeat_children(parent: OrderRow) -> None:
    """The sums of a dynamic bundle's children, which count in no total; its discount stays 0."""
    parent.row_total = sum((child.row_total for child in parent.children), ZERO)
    parent.row_total_incl_tax = sum((child.row_total_incl_tax or ZERO for child in parent.children), ZERO)
    parent.tax = sum((child.tax for child in parent.children), ZERO)
    parent.price = cents(parent.row_total / parent.quantity)
    parent.price_incl_tax = cents(parent.row_total_incl_tax / parent.quantity)


def add_up(rows: list[OrderRow], with_money: list[OrderRow], pricing: Pricing) -> Totals:
    """The header's sums; freight and pieces go by cart lines, the item count by rows without children."""
    top = [row for row in rows if row.parent is None]
    shipping = cents(SHIPPING_PER_PIECE * pricing.rate) * sum((row.quantity for row in top if not row.is_virtual), ZERO)
    shipping_discount = cents(shipping * pricing.discount_percent / 100) if pricing.discounts_freight else ZERO
    taxed = shipping - shipping_discount if pricing.taxes_freight else ZERO
    return Totals(
        subtotal=sum((row.row_total for row in with_money), ZERO),
        subtotal_incl_tax=sum((row.row_total_incl_tax or ZERO for row in with_money), ZERO),
        row_discount=sum((row.discount for row in with_money), ZERO),
        row_tax=sum((row.tax for row in with_money), ZERO),
        compensation=sum((row.compensation for row in with_money), ZERO),
        shipping=shipping,
        shipping_discount=shipping_discount,
        shipping_tax=cents(taxed * pricing.tax_percent / 100),
        pieces=sum((row.quantity for row in top), ZERO),
        weight=sum((row.weight * row.quantity for row in top), ZERO),
        item_count=sum(1 for row in rows if not row.children),
    )
