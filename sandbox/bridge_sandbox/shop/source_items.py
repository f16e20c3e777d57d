"""Source items: GET and POST /V1/inventory/source-items, salable quantities.

A write sets absolute values. Equal ones change no row, an unknown SKU makes a row that belongs to no product,
an unknown source fails the whole call.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pymysql

from bridge_sandbox.shop.database import is_lost
from bridge_sandbox.shop.documents import Document, shown
from bridge_sandbox.shop.errors import COULD_NOT_SAVE_SOURCE_ITEM, MagentoError, no_such_field_value, required
from bridge_sandbox.shop.json_numbers import number
from bridge_sandbox.shop.session import Session
from bridge_sandbox.shop.stock import salable_quantity


def source_item_documents(session: Session, ids: Sequence[int]) -> list[Document]:
    """The source items in the order of their ids' search."""
    if not ids:
        return []
    found = {row["source_item_id"]: row for row in session.rows("source_items", ids)}
    return [shown(found[each], frozenset({"source_item_id"})) for each in ids if each in found]


def save_source_items(session: Session, body: Document) -> int:
    """How many rows changed; the answer to the caller is an empty list in any case."""
    items = body.get("sourceItems")
    if not isinstance(items, list):
        raise required("sourceItems")
    wanted = sorted((read_source_item(item) for item in items), key=lambda each: (each[0], each[1]))
    try:
        with session.transaction():
            for source_code, _, _, _ in wanted:
                if not session.value("has_source", source_code):
                    raise MagentoError(400, COULD_NOT_SAVE_SOURCE_ITEM)
            return sum(save_source_item(session, *each) for each in wanted)
    except pymysql.err.DatabaseError as error:
        if is_lost(error):
            raise
        raise MagentoError(400, COULD_NOT_SAVE_SOURCE_ITEM) from error


def read_source_item(item: Any) -> tuple[str, str, Decimal, int]:
    """(source, sku, quantity, status); raises 400 for what is missing."""
    try:
        quantity = Decimal(str(item.get("quantity", 0)))
        return str(item["source_code"]), str(item["sku"]), quantity, int(item.get("status", 1))
    except (AttributeError, KeyError, ValueError, InvalidOperation) as error:
        raise MagentoError(400, COULD_NOT_SAVE_SOURCE_ITEM) from error


def save_source_item(session: Session, source_code: str, sku: str, quantity: Decimal, status: int) -> int:
    """1 when a row changed or was added."""
    return int(session.execute("set_source_item", source_code, sku, quantity, status) > 0)


def get_salable_quantity(session: Session, sku: str, stock_id: int) -> int | float:
    """What can be sold of a SKU in the only stock there is."""
    if stock_id != 1:
        raise no_such_field_value("stock_id", stock_id)
    return number(salable_quantity(session, sku))
