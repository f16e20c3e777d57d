"""What a buyer can put into the cart: the catalogue's goods, and simple products that were added over REST."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bridge_sandbox.catalogue import BY_SKU, Product
from bridge_sandbox.shop.session import Row, Session


@dataclass(frozen=True)
class Goods:
    """The products on sale and their ids, both by SKU."""

    products: Mapping[str, Product]
    ids: Mapping[str, int]

    def by_id(self, product_id: int) -> Product | None:
        """The product of an order's row."""
        return next((self.products[sku] for sku, each in self.ids.items() if each == product_id), None)


def read_goods(session: Session) -> Goods:
    """All that the shop sells now; what a simple product costs is what the database says."""
    rows = {row["sku"]: row for row in session.rows("goods")}
    return Goods(
        {sku: product_of(row) for sku, row in rows.items()}, {sku: row["entity_id"] for sku, row in rows.items()}
    )


def product_of(row: Row) -> Product:
    """A simple or virtual product from its row; a composite one is known from the catalogue."""
    if row["type_id"] not in ("simple", "virtual"):
        return BY_SKU[row["sku"]]
    kind: Literal["simple", "virtual"] = "virtual" if row["type_id"] == "virtual" else "simple"
    return Product(row["sku"], row["name"], kind, row["price"] or Decimal(0), row["weight"] or Decimal(0))
