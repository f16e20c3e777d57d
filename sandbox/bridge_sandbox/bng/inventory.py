"""Stock: how much of each SKU lies in each warehouse, and how much of it is promised to orders.

Sequence rises by one with each change of a SKU in a warehouse, so that a reader can order what it hears.
"""

from decimal import Decimal

from bridge_sandbox.bng import records, webhooks
from bridge_sandbox.bng.checks import plain_number
from bridge_sandbox.bng.entities import INVENTORY_ITEM
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

NOTHING = Decimal(0)


def open_item(work: Work, sku: str, warehouse: str, on_hand: Decimal) -> Record:
    """A new inventory item with its opening stock."""
    item = {
        "SKU": sku,
        "Warehouse": warehouse,
        "QuantityOnHand": plain_number(on_hand),
        "QuantityAllocated": "0",
        "QuantityAvailable": plain_number(on_hand),
        "ReorderPoint": "0",
        "Sequence": 1,
    }
    return records.create(work, INVENTORY_ITEM, item)


def find(work: Work, sku: str, warehouse: str) -> Record | None:
    """The inventory item, None for goods without stock there."""
    return records.find_sku(work, INVENTORY_ITEM, sku, warehouse)


def find_or_open(work: Work, sku: str, warehouse: str) -> Record:
    """The inventory item, a new one without stock if there was none."""
    return find(work, sku, warehouse) or open_item(work, sku, warehouse, NOTHING)


def available(item: Record) -> Decimal:
    """On hand less promised; negative after a count that found too little."""
    return Decimal(item["QuantityAvailable"])


def change(work: Work, item_id: str, *, on_hand: Decimal = NOTHING, allocated: Decimal = NOTHING) -> Record:
    """The item after both quantities moved by these differences; announced by webhook."""
    item = records.get(work, INVENTORY_ITEM, item_id)
    new_on_hand = Decimal(item["QuantityOnHand"]) + on_hand
    new_allocated = Decimal(item["QuantityAllocated"]) + allocated
    moved = {
        "QuantityOnHand": plain_number(new_on_hand),
        "QuantityAllocated": plain_number(new_allocated),
        "QuantityAvailable": plain_number(new_on_hand - new_allocated),
        "Sequence": item["Sequence"] + 1,
    }
    saved = records.save(work, INVENTORY_ITEM, item | moved)
    webhooks.announce(work, "inventory_updated", saved)
    return saved
