"""What was put into a cart, and the rows of an order that it becomes: one, or a parent with its children.

Pure. Of a configurable or a fixed bundle the parent has the money, of a dynamic bundle the children have it. A price is
rounded to cents before it is multiplied, the unrounded one stays as `original_price`; a quantity that is no whole number
leaves fractions of cents in the row.
"""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from bridge_sandbox.catalogue import BY_SKU, Product
from bridge_sandbox.shop.money import cents

SMALLEST = Decimal("0.0001")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Option:
    """What a buyer had written or chosen on a simple product."""

    title: str
    value: str
    price: Decimal = ZERO
    sku: str = ""


@dataclass(frozen=True)
class CartLine:
    """What a buyer put into the cart; `variant` is the one chosen of a configurable, `group` what it was offered in."""

    product: Product
    quantity: Decimal
    variant: Product | None = None
    options: tuple[Option, ...] = ()
    group: Product | None = None


@dataclass(eq=False)
class OrderRow:
    """One row of sales_order_item: row_total before discount, amounts positive."""

    product: Product
    sku: str
    quantity: Decimal
    weight: Decimal
    parent: "OrderRow | None" = None
    children: "list[OrderRow]" = field(default_factory=list)
    options: tuple[Option, ...] = ()
    group: Product | None = None
    has_money: bool = True
    original_price: Decimal = ZERO
    price: Decimal = ZERO
    row_total: Decimal = ZERO
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    compensation: Decimal = ZERO
    tax_percent: Decimal | None = ZERO
    price_incl_tax: Decimal | None = None
    row_total_incl_tax: Decimal | None = None

    @property
    def repeats_children(self) -> bool:
        """Whether this is the parent of a dynamic bundle."""
        return self.product.kind == "bundle" and self.product.price_type == "dynamic"

    @property
    def kind(self) -> str:
        """The row's product type: goods that were offered in a group are called after it."""
        return "grouped" if self.group else self.product.kind

    @property
    def is_virtual(self) -> bool:
        """Whether there is nothing to ship."""
        return self.product.kind == "virtual"


def explode(line: CartLine, rate: Decimal) -> list[OrderRow]:
    """The rows of one cart line."""
    match line.product.kind:
        case "simple" | "virtual":
            return [explode_simple(line, rate)]
        case "configurable":
            return explode_configurable(line, rate)
        case "bundle":
            return explode_bundle(line, rate)
        case "grouped":
            raise AssertionError("a group is taken apart when the cart is read")


def explode_simple(line: CartLine, rate: Decimal) -> OrderRow:
    """One row; the options raise its price and lengthen its SKU."""
    price = line.product.price + sum((each.price for each in line.options), ZERO)
    sku = "-".join([line.product.sku, *(each.sku for each in line.options if each.sku)])
    row = money_row(line.product, line.quantity, price * rate, sku=sku)
    row.options, row.group = line.options, line.group
    return row


def explode_configurable(line: CartLine, rate: Decimal) -> list[OrderRow]:
    """Parent and child, both under the variant's SKU."""
    variant = line.variant or BY_SKU[line.product.variants[0]]
    parent = money_row(line.product, line.quantity, variant.price * rate, weight=variant.weight, sku=variant.sku)
    return [parent, empty_child(parent, variant, line.quantity)]


def explode_bundle(line: CartLine, rate: Decimal) -> list[OrderRow]:
    """Parent and one child for each component; the SKU of a dynamic one lists its components."""
    bundle = line.product
    components = [(BY_SKU[each.sku], each.quantity) for each in bundle.components]
    weight = sum((product.weight * quantity for product, quantity in components), ZERO)
    if bundle.price_type == "fixed":
        parent = money_row(bundle, line.quantity, bundle.price * rate, weight=weight)
        return [
            parent,
            *(empty_child(parent, product, quantity * line.quantity) for product, quantity in components),
        ]
    sku = "-".join([bundle.sku, *(product.sku for product, _ in components)])
    parent = OrderRow(bundle, sku, line.quantity, weight, has_money=False, tax_percent=None)
    parent.original_price = sum((product.price * rate * quantity for product, quantity in components), ZERO)
    children = [
        money_row(product, quantity * line.quantity, product.price * rate, parent=parent)
        for product, quantity in components
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
    row.row_total = (row.price * quantity).quantize(SMALLEST, ROUND_HALF_UP)
    if parent is not None:
        parent.children.append(row)
    return row


def empty_child(parent: OrderRow, product: Product, quantity: Decimal) -> OrderRow:
    """A row that only says what to ship."""
    row = OrderRow(product, product.sku, quantity, product.weight, parent=parent, has_money=False)
    parent.children.append(row)
    return row


def unit_quantity(row: OrderRow) -> Decimal:
    """How many of a bundle's child belong to one bundle."""
    return row.quantity / row.parent.quantity if row.parent else row.quantity
