"""Purchase orders: what was ordered from a vendor, and how much of it has come."""

from collections.abc import Iterable
from decimal import Decimal

from bridge_sandbox.bng import inventory, lines, records, references
from bridge_sandbox.bng.checks import plain_number
from bridge_sandbox.bng.entities import PURCHASE_ORDER, VENDOR
from bridge_sandbox.bng.lines import NOTHING, Quantities
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work


def create(work: Work, own: Record) -> Record:
    """A new order of which nothing has come; raises Problem if it breaks a rule."""
    check(work, own)
    return records.create(work, PURCHASE_ORDER, own | with_received(own, {}))


def update(work: Work, order: Record, changes: Record) -> Record:
    """The order with these fields replaced; raises Problem if it breaks a rule, or drops what has come."""
    received = received_of(order)
    changed = order | changes
    check(work, changed)
    refuse_less_than_received(changed, received)
    return records.save(work, PURCHASE_ORDER, changed | with_received(changed, received))


def receive(work: Work, order: Record, chosen: Iterable[Record]) -> Record:
    """The order after these lines [{LineNo, Quantity}] came, or all that is open; the stock rises, and that is announced.

    Raises Problem if more would come than is open.
    """
    rest = {line["LineNo"]: open_quantity(line) for line in order["Lines"]}
    arrived = lines.requested(chosen, {number: quantity for number, quantity in rest.items() if quantity})
    received = received_of(order)
    for line in order["Lines"]:
        if quantity := arrived.get(line["LineNo"]):
            put_away(work, line, quantity)
            received[line["LineNo"]] += quantity
    return records.save(work, PURCHASE_ORDER, order | with_received(order, received))


def put_away(work: Work, line: Record, quantity: Decimal) -> None:
    """Raise the stock of the line's SKU in its warehouse, which has it for the first time perhaps."""
    item = inventory.find_or_open(work, line["SKU"], line["Warehouse"])
    inventory.change(work, item["InventoryItemID"], on_hand=quantity)


def received_of(order: Record) -> dict[int, Decimal]:
    """By LineNo, what has come."""
    return {line["LineNo"]: Decimal(line["ReceivedQuantity"]) for line in order["Lines"]}


def with_received(order: Record, received: Quantities) -> Record:
    """Lines and Status after so much of each line has come."""
    marked = [
        line | {"ReceivedQuantity": plain_number(received.get(line["LineNo"], NOTHING))} for line in order["Lines"]
    ]
    return {"Lines": marked, "Status": status_of(marked)}


def status_of(marked: Iterable[Record]) -> str:
    """open: nothing has come; received: everything; partial: some."""
    rest = [open_quantity(line) for line in marked]
    if not any(rest):
        return "received"
    return "partial" if any(Decimal(line["ReceivedQuantity"]) for line in marked) else "open"


def open_quantity(line: Record) -> Decimal:
    """How much is still to come."""
    return Decimal(line["Quantity"]) - Decimal(line["ReceivedQuantity"])


def check(work: Work, order: Record) -> None:
    """Raise Problem unless the vendor is there and line numbers differ."""
    references.check(work, order, "VendorID", VENDOR)
    lines.check_numbers(order)


def refuse_less_than_received(order: Record, received: Quantities) -> None:
    """Raise Problem if a line of which something has come is gone or shorter than that."""
    ordered = {line["LineNo"]: Decimal(line["Quantity"]) for line in order["Lines"]}
    lines.refuse(
        [
            ("/Lines", f"{plain_number(quantity)} of line {number} have come")
            for number, quantity in received.items()
            if ordered.get(number, NOTHING) < quantity
        ]
    )
