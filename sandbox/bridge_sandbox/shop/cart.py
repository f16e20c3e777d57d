"""What a checkout is asked for: goods, buyer, address and coupon, from the admin server's request."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.catalogue import BY_SKU, Product
from bridge_sandbox.shop.addresses import Address, read_address
from bridge_sandbox.shop.errors import MagentoError
from bridge_sandbox.shop.lines import CartLine, Option
from bridge_sandbox.shop.stores import Store


@dataclass(frozen=True)
class Coupon:
    """Percent off the goods, and off the freight or not."""

    percent: Decimal
    discounts_freight: bool = False


NO_COUPON = Coupon(Decimal(0))
COUPONS = {
    "TEN": Coupon(Decimal(10)),
    "TEN-ALL": Coupon(Decimal(10), discounts_freight=True),
    "GRATIS": Coupon(Decimal(100), discounts_freight=True),
}
PAYMENT_METHODS = {
    "checkmo": "Check / Money order",
    "card": "Credit Card",
    "free": "No Payment Information Required",
}
"""Method to title. A card leaves a transaction at its provider; `free` is for what costs nothing."""

ONLINE_METHODS = frozenset({"card"})
"""Those whose money the shop itself can take and give back."""

DEFAULT_SECOND_UPDATE_DELAY_S = 2.0


@dataclass(frozen=True)
class Replaced:
    """The order that this one takes the place of; its number and `edit` make the new one's number."""

    order_id: int
    increment_id: str
    original_increment_id: str
    edit: int

    @property
    def next_increment_id(self) -> str:
        """Such as 000000074-1."""
        return f"{self.original_increment_id}-{self.edit}"


@dataclass(frozen=True)
class Extra:
    """What another module puts into an order: an amount in base currency, as it shows it, or a document of its own.

    Shown among the extension attributes, or in the header itself, as `name` and `base_name`.
    """

    name: str
    amount: Decimal | None = None
    takes_off: bool = False
    is_in_header: bool = False
    document: str | None = None

    @property
    def effect(self) -> Decimal:
        """What it adds to the grand total."""
        amount = self.amount or Decimal(0)
        return -amount if self.takes_off else amount


@dataclass(frozen=True)
class Cart:
    """One checkout to be done; without a customer it is a guest's. `is_tax_free` is for a buyer who is exempt."""

    lines: tuple[CartLine, ...]
    address: Address
    store: Store
    customer_id: int | None = None
    guest_email: str | None = None
    coupon: str | None = None
    hold_s: float = 0.0
    second_update_delay_s: float = DEFAULT_SECOND_UPDATE_DELAY_S
    is_tax_free: bool = False
    payment: str = "checkmo"
    replaced: Replaced | None = None
    extras: tuple[Extra, ...] = ()


ASKED = frozenset({
    "kind", "lines", "address", "store", "customer_id", "guest_email", "coupon", "hold_s", "second_update_delay_s",
    "tax_free", "payment", "extras",
})  # fmt: skip


def read_cart(body: dict[str, Any], products: Mapping[str, Product], stores: Mapping[str, Store]) -> Cart:
    """The cart of an admin request; raises `MagentoError` for unknown goods, kinds, coupons, stores and addresses, and for
    what no cart has: a test that asks for it would take it for done."""
    if unknown := sorted(body.keys() - ASKED):
        raise MagentoError(400, f"A cart has no {unknown[0]}.")
    kind = body.get("kind")
    coupon = body.get("coupon", "TEN" if kind == "discount" else None)
    if coupon is not None and coupon not in COUPONS:
        raise MagentoError(400, "The coupon code isn't valid. Verify the code and try again.")
    customer_id, payment = body.get("customer_id"), body.get("payment", "checkmo")
    if payment not in PAYMENT_METHODS:
        raise MagentoError(400, "The requested Payment Method is not available.")
    store = stores.get(str(body.get("store", "default")))
    if store is None:
        raise MagentoError(400, "The store that was requested wasn't found. Verify the store and try again.")
    return Cart(
        lines=tuple(read_lines(body, products)),
        address=read_address(body.get("address", "us" if kind == "us" else "de")),
        store=store,
        customer_id=None if customer_id is None else int(customer_id),
        guest_email=body.get("guest_email"),
        coupon=coupon,
        hold_s=float(body.get("hold_s") or 0),
        second_update_delay_s=float(body.get("second_update_delay_s", DEFAULT_SECOND_UPDATE_DELAY_S)),
        is_tax_free=bool(body.get("tax_free")),
        payment=payment,
        extras=tuple(read_extra(each) for each in body.get("extras") or []),
    )


def read_extra(wanted: dict[str, Any]) -> Extra:
    """{"name", "amount"?, "takes_off"?, "in_header"?, "value"?}, `value` being what the module shows of its own."""
    try:
        return Extra(
            name=str(wanted["name"]),
            amount=Decimal(str(wanted["amount"])) if "amount" in wanted else None,
            takes_off=bool(wanted.get("takes_off")),
            is_in_header=bool(wanted.get("in_header")),
            document=json.dumps(wanted["value"]) if "value" in wanted else None,
        )
    except (KeyError, InvalidOperation) as error:
        raise MagentoError(400, "An extra needs a name, and an amount or a value.") from error


def read_lines(body: dict[str, Any], products: Mapping[str, Product]) -> list[CartLine]:
    """The lines named, or those that stand for the kind."""
    if body.get("lines"):
        return [each for line in body["lines"] for each in read_line(line, products)]
    kind = body.get("kind", "simple")
    if kind not in KINDS:
        raise MagentoError(400, "Unknown kind of order: %kind", {"kind": kind})
    return KINDS[kind]()


def read_line(line: dict[str, Any], products: Mapping[str, Product]) -> list[CartLine]:
    """A line {"sku", "qty", "variant"?, "options"?}; a configurable without a variant takes its first.

    Options are [{"title", "value", "price"?, "sku"?}]. Of a group its components go into the cart, a line for each.
    """
    product = products.get(str(line.get("sku")))
    variant = products.get(str(line["variant"])) if line.get("variant") else None
    try:
        quantity = Decimal(str(line.get("qty", 1)))
    except InvalidOperation:
        quantity = Decimal(0)
    if product is None or quantity <= 0 or (variant and variant.sku not in product.variants):
        raise MagentoError(400, "Product that you are trying to add is not available.")
    if product.kind == "grouped":
        return grouped_lines(product, quantity)
    return [CartLine(product, quantity, variant, tuple(read_option(each) for each in line.get("options") or []))]


def grouped_lines(group: Product, quantity: Decimal) -> list[CartLine]:
    """A line for each component, which knows what it was offered in."""
    return [CartLine(BY_SKU[each.sku], each.quantity * quantity, group=group) for each in group.components]


def read_option(wanted: dict[str, Any]) -> Option:
    """What the buyer had written on the product."""
    price = Decimal(str(wanted.get("price") or 0))
    return Option(str(wanted["title"]), str(wanted["value"]), price, str(wanted.get("sku") or ""))


def line(sku: str, quantity: int, variant: str | None = None) -> CartLine:
    """A line of goods that surely exist."""
    return CartLine(BY_SKU[sku], Decimal(quantity), BY_SKU[variant] if variant else None)


KINDS: dict[str, Callable[[], list[CartLine]]] = {
    "simple": lambda: [line("MUG-WHITE", 2)],
    "configurable": lambda: [line("TEE", 1, "TEE-S"), line("TEE", 3, "TEE-L")],
    "bundle_fixed": lambda: [line("SET-FIXED", 2)],
    "bundle_dynamic": lambda: [line("SET-DYN", 3)],
    "discount": lambda: [line("LAMP/DESK 1", 1)],
    "us": lambda: [line("LAMP/DESK 1", 1), line("MUG-WHITE", 3)],
    "mixed": lambda: [
        line("MUG-WHITE", 1),
        line("TEE", 2, "TEE-L"),
        line("SET-DYN", 1),
        line("SET-FIXED", 1),
        line("NUT+M4", 10),
    ],
    "virtual": lambda: [line("WARRANTY-2Y", 1)],
    "part_virtual": lambda: [line("LAMP/DESK 1", 1), line("WARRANTY-2Y", 1)],
    "grouped": lambda: grouped_lines(BY_SKU["GARDEN"], Decimal(1)),
    "options": lambda: [
        CartLine(BY_SKU["MUG-WHITE"], Decimal(2), options=(Option("Engraving", "Ida", Decimal("2.50"), "ENG"),)),
        line("MUG-WHITE", 1),
    ],
    "twice": lambda: [line("LAMP/DESK 1", 1), line("LAMP/DESK 1", 2)],
    "decimal": lambda: [CartLine(BY_SKU["POT 12CM"], Decimal("1.275"))],
}
