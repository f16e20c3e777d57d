"""What a checkout is asked for: goods, buyer, address and coupon, from the admin server's request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.catalogue import BY_SKU, Product
from bridge_sandbox.shop.directory import REGIONS
from bridge_sandbox.shop.errors import MagentoError
from bridge_sandbox.shop.totals import CartLine

COUPONS = {"TEN": Decimal(10)}
"""Code to percent."""

PAYMENT_METHODS = {"checkmo": "Check / Money order", "card": "Credit Card"}
"""Method to title. A card leaves a transaction at its provider."""

ONLINE_METHODS = frozenset({"card"})
"""Those whose money the shop itself can take and give back."""

DEFAULT_SECOND_UPDATE_DELAY_S = 2.0


@dataclass(frozen=True)
class Address:
    firstname: str
    lastname: str
    street: str
    city: str
    postcode: str
    country_id: str
    region: str
    region_id: int
    telephone: str
    company: str | None = None


ADDRESSES = {
    "de": Address(
        "Jürgen",
        "Weiß-Grünewald",
        "Straße der Brüder Grimm 3\nSeitenflügel, 2. OG",
        "Köln",
        "50667",
        "DE",
        "Nordrhein-Westfalen",
        88,
        "+49 221 5550123",
    ),
    "us": Address(
        "Shannon",
        "O'Hara",
        '17 Hudson Pl\nApt "4B"',
        "New York",
        "10014-2201",
        "US",
        "New York",
        43,
        "212-555-0147",
    ),
}


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
class Cart:
    """One checkout to be done; without a customer it is a guest's. `is_tax_free` is for a buyer who is exempt."""

    lines: tuple[CartLine, ...]
    address: Address
    customer_id: int | None = None
    guest_email: str | None = None
    coupon: str | None = None
    hold_s: float = 0.0
    second_update_delay_s: float = DEFAULT_SECOND_UPDATE_DELAY_S
    is_tax_free: bool = False
    payment: str = "checkmo"
    replaced: Replaced | None = None


def read_cart(body: dict[str, Any], products: Mapping[str, Product]) -> Cart:
    """The cart of an admin request; raises `MagentoError` for unknown goods, kinds, coupons and addresses."""
    kind = body.get("kind")
    coupon = body.get("coupon", "TEN" if kind == "discount" else None)
    if coupon is not None and coupon not in COUPONS:
        raise MagentoError(400, "The coupon code isn't valid. Verify the code and try again.")
    customer_id, payment = body.get("customer_id"), body.get("payment", "checkmo")
    if payment not in PAYMENT_METHODS:
        raise MagentoError(400, "The requested Payment Method is not available.")
    return Cart(
        lines=tuple(read_lines(body, products)),
        address=read_address(body.get("address", "us" if kind == "us" else "de")),
        customer_id=None if customer_id is None else int(customer_id),
        guest_email=body.get("guest_email"),
        coupon=coupon,
        hold_s=float(body.get("hold_s") or 0),
        second_update_delay_s=float(body.get("second_update_delay_s", DEFAULT_SECOND_UPDATE_DELAY_S)),
        is_tax_free=bool(body.get("tax_free")),
        payment=payment,
    )


def read_address(wanted: Any) -> Address:
    """One of the two known by name, or one in Magento's own fields; raises `MagentoError` for anything else."""
    try:
        if isinstance(wanted, dict):
            known = {field.name: wanted[field.name] for field in fields(Address) if field.name in wanted}
            region = REGIONS[wanted["region_id"]].name
            return Address(**{"region": region, **known, "street": "\n".join(wanted["street"])})
        return ADDRESSES[wanted]
    except (KeyError, TypeError) as error:
        raise MagentoError(400, "The shipping address is missing. Set the address and try again.") from error


def read_lines(body: dict[str, Any], products: Mapping[str, Product]) -> list[CartLine]:
    """The lines named, or those that stand for the kind."""
    if body.get("lines"):
        return [read_line(line, products) for line in body["lines"]]
    kind = body.get("kind", "simple")
    if kind not in KINDS:
        raise MagentoError(400, "Unknown kind of order: %kind", {"kind": kind})
    return KINDS[kind]()


def read_line(line: dict[str, Any], products: Mapping[str, Product]) -> CartLine:
    """One line {"sku", "qty", "variant"?}; a configurable without a variant takes its first."""
    product = products.get(str(line.get("sku")))
    variant = products.get(str(line["variant"])) if line.get("variant") else None
    try:
        quantity = Decimal(str(line.get("qty", 1)))
    except InvalidOperation:
        quantity = Decimal(0)
    if product is None or quantity <= 0 or (variant and variant.sku not in product.variants):
        raise MagentoError(400, "Product that you are trying to add is not available.")
    return CartLine(product, quantity, variant)


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
}
