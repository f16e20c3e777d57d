"""The goods that both sandboxes know: the shop sells them, BNG keeps them in stock.

Only simple products have stock, and in the shop virtual ones. A configurable sells one of its variants; a bundle sells its
components, with the money on the bundle (`fixed`) or on the components (`dynamic`); a group only offers its components.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

WAREHOUSE = "MAIN"
SOURCE_CODE = "default"
OPENING_STOCK = Decimal(100_000)


@dataclass(frozen=True)
class Component:
    sku: str
    quantity: Decimal


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    kind: Literal["simple", "virtual", "configurable", "bundle", "grouped"]
    price: Decimal = Decimal(0)
    weight: Decimal = Decimal(1)
    variants: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    price_type: Literal["fixed", "dynamic"] = "fixed"
    ship_separately: bool = False
    opening_stock: Decimal = field(default=OPENING_STOCK)


PRODUCTS: tuple[Product, ...] = (
    Product("MUG-WHITE", "Mug, white", "simple", Decimal("9.99")),
    Product("LAMP/DESK 1", "Desk lamp", "simple", Decimal("104.95"), Decimal("2.4")),
    Product("NUT+M4", "Nut M4", "simple", Decimal("0.333"), Decimal("0.01")),
    Product("POT 12CM", "Flower pot, 12 cm", "simple", Decimal("17.55"), Decimal("0.8")),
    Product("TEE-S", "T-shirt S", "simple", Decimal("24.95"), Decimal("0.5")),
    Product("TEE-L", "T-shirt L", "simple", Decimal("26.95"), Decimal("0.5")),
    Product("TEE", "T-shirt", "configurable", variants=("TEE-S", "TEE-L")),
    Product(
        "SET-FIXED",
        "Breakfast set",
        "bundle",
        Decimal("96.55"),
        components=(Component("MUG-WHITE", Decimal(2)), Component("POT 12CM", Decimal(1))),
    ),
    Product(
        "SET-DYN",
        "Workbench set",
        "bundle",
        price_type="dynamic",
        components=(
            Component("MUG-WHITE", Decimal(2)),
            Component("LAMP/DESK 1", Decimal(1)),
            Component("NUT+M4", Decimal(7)),
        ),
        ship_separately=True,
    ),
    Product("WARRANTY-2Y", "Warranty, two years", "virtual", Decimal("19.90"), Decimal(0)),
    Product(
        "GARDEN",
        "Garden set",
        "grouped",
        components=(Component("POT 12CM", Decimal(2)), Component("NUT+M4", Decimal(10))),
    ),
)

BY_SKU = {product.sku: product for product in PRODUCTS}
STOCKED = tuple(product for product in PRODUCTS if product.kind == "simple")
