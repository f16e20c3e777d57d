"""Shipping: stock leaves the house, the order moves on, a shipment record says so. All in one transaction.

Service lines (a product of type `service`, such as a rounding difference) are never shipped and never waited for.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bridge_sandbox.bng import inventory, lines, records, references, sales_orders, webhooks
from bridge_sandbox.bng.allocation import Progress, read_progress, write_progress
from bridge_sandbox.bng.checks import plain_number
from bridge_sandbox.bng.entities import CANCELLED, COMPLETE, PROCESSING, PRODUCT, SALES_ORDER, SHIPMENT
from bridge_sandbox.bng.problems import INSUFFICIENT_STOCK, Problem, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

SERVICE = "service"


def create(work: Work, own: Record) -> Record:
    """The shipment of the given lines, of all that is open if none are given; raises Problem if it cannot be."""
    order = find_order(work, own)
    progress = read_progress(work, order["SalesOrderID"])
    still_open = open_quantities(work, order, progress)
    quantities = lines.requested(own["Lines"], still_open)
    write_progress(work, order["SalesOrderID"], take_out(work, progress, quantities))
    saved = records.create(work, SHIPMENT, describe(work, order, own, quantities))
    webhooks.announce(work, "shipment_created", saved)
    move_on(work, order, all_gone=quantities == still_open)
    return saved


def find_order(work: Work, own: Record) -> Record:
    """The order to ship; raises Problem if it is unknown or cancelled."""
    references.check(work, own, "SalesOrderID", SALES_ORDER)
    order = records.get(work, SALES_ORDER, own["SalesOrderID"])
    if order["OrderStatus"] == CANCELLED:
        raise invalid([("/SalesOrderID", f"{order['SalesOrderID']} is cancelled")])
    return order


def open_quantities(work: Work, order: Record, progress: Mapping[int, Progress]) -> dict[int, Decimal]:
    """By LineNo, what is ordered and not shipped; lines with nothing open are left out."""
    goods = [line for line in order["Lines"] if not is_service(work, line["SKU"])]
    rest = {line["LineNo"]: Decimal(line["Quantity"]) - progress[line["LineNo"]].shipped for line in goods}
    return {number: quantity for number, quantity in rest.items() if quantity > 0}


def is_service(work: Work, sku: str) -> bool:
    """Whether the product cannot be put in a box."""
    product = records.find_sku(work, PRODUCT, sku)
    return product is not None and product["ProductType"] == SERVICE


def take_out(work: Work, progress: Mapping[int, Progress], quantities: Mapping[int, Decimal]) -> dict[int, Progress]:
    """The lines' progress after the quantities left the warehouse, their promised stock first."""
    reached = dict(progress)
    for number, quantity in quantities.items():
        line = progress[number]
        promised = min(line.allocated, quantity)
        if line.item_id is not None:
            take_from_stock(work, number, line.item_id, quantity, promised)
        reached[number] = replace(line, allocated=line.allocated - promised, shipped=line.shipped + quantity)
    return reached


def take_from_stock(work: Work, number: int, item_id: str, quantity: Decimal, promised: Decimal) -> None:
    """Lower the stock; raises Problem if goods would go that are not there or promised to another order."""
    item = inventory.change(work, item_id, on_hand=-quantity, allocated=-promised)
    if Decimal(item["QuantityOnHand"]) < 0 or (quantity > promised and inventory.available(item) < 0):
        raise Problem(INSUFFICIENT_STOCK, f"not enough {item['SKU']} in {item['Warehouse']} for line {number}")


def describe(work: Work, order: Record, own: Record, quantities: Mapping[int, Decimal]) -> Record:
    """The shipment's own fields, with one line per order line shipped."""
    lines = [
        {"LineNo": line["LineNo"], "SKU": line["SKU"], "Quantity": plain_number(quantities[line["LineNo"]])}
        for line in order["Lines"]
        if line["LineNo"] in quantities
    ]
    warehouse = next(line["Warehouse"] for line in order["Lines"] if line["LineNo"] in quantities)
    return own | {
        "ShipDate": own["ShipDate"] or work.at[:10],
        "TrackingNumbers": list(own["TrackingNumbers"]),
        "Lines": lines,
        "Warehouse": own["Warehouse"] or warehouse,
    }


def move_on(work: Work, order: Record, *, all_gone: bool) -> None:
    """The order becomes complete, or at least processing."""
    status = COMPLETE if all_gone else PROCESSING
    if order["OrderStatus"] != status:
        sales_orders.set_status(work, order, status)
