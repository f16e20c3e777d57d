"""The old stock API: GET /V1/stockItems/:sku, PUT /V1/products/:sku/stockItems/:id.

The id in the path counts for nothing: the SKU says which item is meant. What is not sent stays as it is.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.catalogue import SOURCE_CODE
from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import MagentoError
from bridge_sandbox.shop.products import stock_item
from bridge_sandbox.shop.session import Row, Session


def get_stock_item(session: Session, sku: str) -> Document:
    """One item; raises 404 for an unknown SKU."""
    return stock_item(find_product(session, sku))


def put_stock_item(session: Session, sku: str, wanted: Document) -> tuple[int, int]:
    """The item's id, and how many rows changed; raises 404 for an unknown SKU."""
    product = find_product(session, sku)
    quantity, status = read_quantity(wanted.get("qty")), read_status(wanted.get("is_in_stock"))
    changed = session.execute(
        "set_stock_item", SOURCE_CODE, product["sku"], quantity or 0, 1 if status is None else status, quantity, status
    )
    return product["entity_id"], int(changed > 0)


def find_product(session: Session, sku: str) -> Row:
    """By its SKU; raises the 404 of this API."""
    product_id = session.value("product_id", sku)
    if product_id is None:
        raise MagentoError(404, 'The Product with the "%1" SKU doesn\'t exist.', [sku])
    return session.rows("products", [product_id])[0]


def read_quantity(quantity: Any) -> Decimal | None:
    """What was sent, if anything was."""
    try:
        return None if quantity is None else Decimal(str(quantity))
    except InvalidOperation as error:
        raise MagentoError(400, "The stock item was unable to be saved. Please try again.") from error


def read_status(is_in_stock: Any) -> int | None:
    """1 or 0, if anything was sent."""
    return None if is_in_stock is None else int(bool(is_in_stock))
