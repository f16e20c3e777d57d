"""Promising stock to the lines of an order, and how far each line has come.

An order holds stock per line from its creation to its shipment or cancellation. Lines whose SKU has no stock
in their warehouse (the parent of a bundle, a rounding line) take no part.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox.bng import inventory
from bridge_sandbox.bng.checks import plain_number
from bridge_sandbox.bng.entities import CANCELLED
from bridge_sandbox.bng.inventory import NOTHING
from bridge_sandbox.bng.problems import invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work


@dataclass(frozen=True)
class Progress:
    """One line: the inventory item it draws on, what is promised to it and what has left."""

    item_id: str | None = None
    allocated: Decimal = NOTHING
    shipped: Decimal = NOTHING


def allocate(work: Work, order: Record) -> str | None:
    """Promise stock to the order as it now stands, first giving back what it held; returns its AllocationStatus.

    Raises Problem if lines were changed that have been shipped. A cancelled order holds nothing: None.
    """
    held = read_progress(work, order["SalesOrderID"])
    refuse_change_of_shipped(order, held)
    moves: defaultdict[str, Decimal] = defaultdict(Decimal)
    for progress in held.values():
        if progress.item_id is not None:
            moves[progress.item_id] -= progress.allocated
    reached, wanted = {}, {}
    for line in order["Lines"]:
        item = inventory.find(work, line["SKU"], line["Warehouse"])
        before = held.get(line["LineNo"], Progress())
        wanted[line["LineNo"]] = open_quantity(order, line, before)
        reached[line["LineNo"]] = promise(item, wanted[line["LineNo"]], before.shipped, moves)
    for item_id, difference in moves.items():
        if difference:
            inventory.change(work, item_id, allocated=difference)
    write_progress(work, order["SalesOrderID"], reached)
    return None if order["OrderStatus"] == CANCELLED else summarise(wanted, reached)


def open_quantity(order: Record, line: Record, progress: Progress) -> Decimal:
    """How much of the line is still to be shipped."""
    if order["OrderStatus"] == CANCELLED:
        return NOTHING
    return max(NOTHING, Decimal(line["Quantity"]) - progress.shipped)


def promise(item: Record | None, wanted: Decimal, shipped: Decimal, moves: defaultdict[str, Decimal]) -> Progress:
    """The line with as much as there is, which is added to `moves` of its item."""
    if item is None:
        return Progress(None, NOTHING, shipped)
    item_id = item["InventoryItemID"]
    got = max(NOTHING, min(wanted, inventory.available(item) - moves[item_id]))
    moves[item_id] += got
    return Progress(item_id, got, shipped)


def summarise(wanted: Mapping[int, Decimal], reached: Mapping[int, Progress]) -> str:
    """allocated: all that wants stock has it; backordered: none of it; partial: some."""
    stocked = {number: progress for number, progress in reached.items() if progress.item_id is not None}
    if all(progress.allocated >= wanted[number] for number, progress in stocked.items()):
        return "allocated"
    return "partial" if any(progress.allocated for progress in stocked.values()) else "backordered"


def refuse_change_of_shipped(order: Record, held: Mapping[int, Progress]) -> None:
    """Raise Problem if a line of which something has left is gone or shorter than that."""
    ordered = {line["LineNo"]: Decimal(line["Quantity"]) for line in order["Lines"]}
    errors = [
        ("/Lines", f"{plain_number(progress.shipped)} of line {number} have been shipped")
        for number, progress in held.items()
        if ordered.get(number, NOTHING) < progress.shipped
    ]
    if errors:
        raise invalid(errors)


def read_progress(work: Work, sales_order_id: str) -> dict[int, Progress]:
    """By LineNo; empty for an order that is being created."""
    rows: Iterable[tuple[int, str | None, str, str]] = work.db.execute(
        "SELECT line_no, item_id, allocated, shipped FROM line_progress WHERE sales_order_id = ?",
        (sales_order_id,),
    )
    return {line_no: Progress(item, Decimal(held), Decimal(gone)) for line_no, item, held, gone in rows}


def write_progress(work: Work, sales_order_id: str, reached: Mapping[int, Progress]) -> None:
    """Replace what was known of the order's lines."""
    work.db.execute("DELETE FROM line_progress WHERE sales_order_id = ?", (sales_order_id,))
    work.db.executemany(
        "INSERT INTO line_progress (sales_order_id, line_no, item_id, allocated, shipped) VALUES (?, ?, ?, ?, ?)",
        [
            (sales_order_id, number, each.item_id, plain_number(each.allocated), plain_number(each.shipped))
            for number, each in reached.items()
        ],
    )
