"""What an order costs: rows and sums as Magento computes them, to the cent.

Pure. The rules, each read off recorded orders:
- a price is rounded to cents before it is multiplied, the unrounded one stays as `original_price`;
- tax and coupon are rounded row by row, and what rounding gained or lost is carried into the next row, so the
  rows add up to the header and the same goods may cost a cent more in the next row;
- prices including tax are derived back from the row total;
- of a configurable or a fixed bundle the parent has the money, of a dynamic bundle the children have it and
  the parent repeats the sum, before discount for the net and after it for the tax.
"""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from bridge_sandbox.catalogue import BY_SKU, Product

CENT = Decimal("0.01")
SHIPPING_PER_PIECE = Decimal("5.00")
ZERO = Decimal(0)


@dataclass(frozen=True)
class CartLine:
    """What a buyer put into the cart; `variant` is the SKU chosen of a configurable."""

    product: Product
    quantity: Decimal
    variant: Product | None = None


@dataclass(eq=False)
class OrderRow:
    """One row of sales_order_item: row_total before discount, amounts positive."""

    product: Product
    sku: str
    quantity: Decimal
    weight: Decimal
    parent: "OrderRow | None" = None
    children: "list[OrderRow]" = field(default_factory=list)
    has_money: bool = True
    original_price: Decimal = ZERO
    price: Decimal = ZERO
    row_total: Decimal = ZERO
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    tax_percent: Decimal | None = ZERO
    price_incl_tax: Decimal | None = None
    row_total_incl_tax: Decimal | None = None

    @property
    def repeats_children(self) -> bool:
        """Whether this is the parent of a dynamic bundle."""
        return self.product.kind == "bundle" and self.product.price_type == "dynamic"


@dataclass(frozen=True)
class Totals:
    """The header's sums; `discount` is positive here."""

    subtotal: Decimal
    subtotal_incl_tax: Decimal
    discount: Decimal
    tax: Decimal
    shipping: Decimal
    pieces: Decimal
    weight: Decimal
    item_count: int

    @property
    def grand_total(self) -> Decimal:
        """What the buyer pays."""
        return self.subtotal - self.discount + self.tax + self.shipping


def price_order(
    lines: list[CartLine], tax_percent: Decimal, discount_percent: Decimal
) -> tuple[list[OrderRow], Totals]:
    """The order's rows, parents before their children, and the header's sums."""
    rows = [row for line in lines for row in explode(line)]
    with_money = [row for row in rows if row.has_money]
    apply_discount(with_money, discount_percent)
    apply_tax(with_money, tax_percent)
    for row in rows:
        if row.repeats_children:
            repeat_children(row)
    return rows, add_up(rows, with_money)


def explode(line: CartLine) -> list[OrderRow]:
    """The rows of one cart line."""
    match line.product.kind:
        case "simple":
            return [money_row(line.product, line.quantity, line.product.price)]
        case "configurable":
            return explode_configurable(line)
        case "bundle":
            return explode_bundle(line)


def explode_configurable(line: CartLine) -> list[OrderRow]:
    """Parent and child, both under the variant's SKU."""
    variant = line.variant or BY_SKU[line.product.variants[0]]
    parent = money_row(line.product, line.quantity, variant.price, weight=variant.weight, sku=variant.sku)
    return [parent, empty_child(parent, variant, line.quantity)]


def explode_bundle(line: CartLine) -> list[OrderRow]:
    """Parent and one child for each component; the SKU of a dynamic one lists its components."""
    bundle = line.product
    components = [(BY_SKU[each.sku], each.quantity) for each in bundle.components]
    weight = sum((product.weight * quantity for product, quantity in components), ZERO)
    if bundle.price_type == "fixed":
        parent = money_row(bundle, line.quantity, bundle.price, weight=weight)
        return [
            parent,
            *(empty_child(parent, product, quantity * line.quantity) for product, quantity in components),
        ]
    sku = "-".join([bundle.sku, *(product.sku for product, _ in components)])
    parent = OrderRow(bundle, sku, line.quantity, weight, has_money=False, tax_percent=None)
    parent.original_price = sum((product.price * quantity for product, quantity in components), ZERO)
    children = [
        money_row(product, quantity * line.quantity, product.price, parent=parent) for product, quantity in components
    ]
    return [parent, *children]


def money_row(
    product: Product,
    quantity: Decimal,
    price: Decimal,
    *,
    weight: Decimal | None = None,
    sku: str | None = None,
    parent: OrderRow | None = None,
) -> OrderRow:
    """A row that is paid for."""
    row = OrderRow(product, sku or product.sku, quantity, product.weight if weight is None else weight, parent=parent)
    row.original_price = price
    row.price = cents(price)
    row.row_total = cents(row.price * quantity)
    if parent is not None:
        parent.children.append(row)
    return row


def empty_child(parent: OrderRow, product: Product, quantity: Decimal) -> OrderRow:
    """A row that only says what to ship."""
    row = OrderRow(product, product.sku, quantity, product.weight, parent=parent, has_money=False)
    parent.children.append(row)
    return row


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


def repeat_children(parent: OrderRow) -> None:
    """The sums of a dynamic bundle's children, which count in no total; its discount stays 0."""
    parent.row_total = sum((child.row_total for child in parent.children), ZERO)
    parent.row_total_incl_tax = sum((child.row_total_incl_tax or ZERO for child in parent.children), ZERO)
    parent.tax = sum((child.tax for child in parent.children), ZERO)
    parent.price = cents(parent.row_total / parent.quantity)
    parent.price_incl_tax = cents(parent.row_total_incl_tax / parent.quantity)


def add_up(rows: list[OrderRow], with_money: list[OrderRow]) -> Totals:
    """The header's sums; freight and pieces go by cart lines, the item count by rows without children."""
    top = [row for row in rows if row.parent is None]
    pieces = sum((row.quantity for row in top), ZERO)
    return Totals(
        subtotal=sum((row.row_total for row in with_money), ZERO),
        subtotal_incl_tax=sum((row.row_total_incl_tax or ZERO for row in with_money), ZERO),
        discount=sum((row.discount for row in with_money), ZERO),
        tax=sum((row.tax for row in with_money), ZERO),
        shipping=SHIPPING_PER_PIECE * pieces,
        pieces=pieces,
        weight=sum((row.weight * row.quantity for row in top), ZERO),
        item_count=sum(1 for row in rows if not row.children),
    )


def cents(amount: Decimal) -> Decimal:
    """Rounded half up, as PHP does."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def unit_quantity(row: OrderRow) -> Decimal:
    """How many of a bundle's child belong to one bundle."""
    return row.quantity / row.parent.quantity if row.parent else row.quantity
