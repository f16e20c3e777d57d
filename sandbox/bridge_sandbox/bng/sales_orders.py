"""The rules of sales orders: who, how much, which status, and the stock that an order holds."""

from bridge_sandbox.bng import lines, records, references, webhooks
from bridge_sandbox.bng.allocation import allocate
from bridge_sandbox.bng.entities import CANCELLED, COMPLETE, CUSTOMER, SALES_ORDER
from bridge_sandbox.bng.problems import invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work


def create(work: Work, own: Record) -> Record:
    """A new order with its stock allocated; raises Problem if it breaks a rule."""
    check(work, own)
    order_id = records.next_id(work, SALES_ORDER)
    status = allocate(work, own | {"SalesOrderID": order_id})
    return records.create(work, SALES_ORDER, own | {"AllocationStatus": status}, order_id)


def update(work: Work, order: Record, changes: Record) -> Record:
    """The order with these fields replaced, and re-allocated if its lines are among them or it is cancelled."""
    changed = order | changes
    check(work, changed)
    refuse_transition(order["OrderStatus"], changed["OrderStatus"])
    if "Lines" in changes or moves_to_cancelled(order, changed):
        changed["AllocationStatus"] = allocate(work, changed)
    return save(work, order, changed)


def cancel(work: Work, order: Record) -> Record:
    """The order cancelled and its stock given back; one that is cancelled already stays as it is."""
    return order if order["OrderStatus"] == CANCELLED else set_status(work, order, CANCELLED)


def set_status(work: Work, order: Record, status: int) -> Record:
    """The order in this status."""
    return update(work, order, {"OrderStatus": status})


def save(work: Work, order: Record, changed: Record) -> Record:
    """Store the changed order and announce a new status."""
    saved = records.save(work, SALES_ORDER, changed)
    if saved["OrderStatus"] != order["OrderStatus"]:
        webhooks.announce(work, "order_status_changed", saved)
    return saved


def check(work: Work, order: Record) -> None:
    """Raise Problem unless the customer is known, line numbers differ and the sums agree to the cent."""
    references.check(work, order, "CustomerID", CUSTOMER)
    lines.check(order)


def refuse_transition(before: int, after: int) -> None:
    """Raise Problem if a cancelled order were to live again, or a complete one to be cancelled."""
    if before == CANCELLED != after:
        raise invalid([("/OrderStatus", "the order is cancelled")])
    if before == COMPLETE and after == CANCELLED:
        raise invalid([("/OrderStatus", "the order is complete")])


def moves_to_cancelled(order: Record, changed: Record) -> bool:
    """Whether this change cancels the order."""
    return bool(order["OrderStatus"] != CANCELLED == changed["OrderStatus"])
