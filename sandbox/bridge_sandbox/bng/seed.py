"""What a new BNG starts with: the catalogue as products and the opening stock of what has any."""

from bridge_sandbox.bng import inventory, records
from bridge_sandbox.bng.entities import PRODUCT
from bridge_sandbox.bng.fields import check_object
from bridge_sandbox.bng.shipments import SERVICE
from bridge_sandbox.bng.store import Store, Work
from bridge_sandbox.catalogue import PRODUCTS, STOCKED, WAREHOUSE, Product

ACTOR = "seed"
ROUNDING = {"SKU": "ROUNDING", "Name": "Rounding difference", "ProductType": SERVICE}
CREDITS = tuple(
    {"SKU": sku, "Name": name, "ProductType": SERVICE}
    for sku, name in (("GIFT-CARD", "Gift card"), ("STORE-CREDIT", "Store credit"), ("REWARD-POINTS", "Reward points"))
)
"""What a buyer had paid before; the lines of an order that say so are below 0."""


def seed(store: Store) -> None:
    """Fill an empty database; one that has products is left as it is."""
    with store.work(ACTOR) as work:
        if records.find_sku(work, PRODUCT, ROUNDING["SKU"]) is not None:
            return
        for service in (ROUNDING, *CREDITS):
            add_product(work, service)
        for product in PRODUCTS:
            add_product(work, described(product))
        for product in STOCKED:
            inventory.open_item(work, product.sku, WAREHOUSE, product.opening_stock)


def add_product(work: Work, fields: dict[str, str]) -> None:
    """Store it with its other fields at their defaults."""
    records.create(work, PRODUCT, check_object(PRODUCT.shape, fields))


def described(product: Product) -> dict[str, str]:
    """The product as BNG describes it."""
    return {
        "SKU": product.sku,
        "Name": product.name,
        "ProductType": SERVICE if product.kind == "virtual" else product.kind,
        "ListPrice": str(product.price),
        "Weight": str(product.weight),
    }
