"""The rules of sales orders: who, how much, which status, and the stock that an order holds."""

from decimal import ROUND_HALF_UP, Decimal

from bridge_sandbox.bng import records, webhooks
from bridge_sandbox.bng.allocation import allocate
from bridge_sandbox.bng.entities import CANCELLED, COMPLETE, CUSTOMER, SALES_ORDER
from bridge_sandbox.bng.problems import UNKNOWN_CUSTOMER, FieldProblem, Problem, invalid
from bridge_sandbox.bng.records import Record
from bridge_sandbox.bng.store import Work

CENT = Decimal("0.01")


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
    if not records.exists(work, CUSTOMER, order["CustomerID"]):
        error = ("/CustomerID", f"no Customer {order['CustomerID']}")
        raise Problem(UNKNOWN_CUSTOMER, error[1], (error,))
    errors = [*repeated_line_numbers(order), *wrong_total(order)]
    if errors:
        raise invalid(errors)


def repeated_line_numbers(order: Record) -> list[FieldProblem]:
    """An error for each line whose number an earlier line has."""
    numbers = [line["LineNo"] for line in order["Lines"]]
    return [
        (f"/Lines/{index}/LineNo", f"{number} is used twice")
        for index, number in enumerate(numbers)
        if number in numbers[:index]
    ]


def wrong_total(order: Record) -> list[FieldProblem]:
    """An error if Total is not the sum of the lines (net after discount, with tax), Freight and FreightTax."""
    parts = [*(line["LineTotal"] for line in order["Lines"]), order["Freight"], order["FreightTax"]]
    expected, total = cents(sum(map(Decimal, parts), Decimal(0))), cents(Decimal(order["Total"]))
    return [] if expected == total else [("/Total", f"is {total}, but the sum is {expected}")]


def refuse_transition(before: int, after: int) -> None:
    """Raise Problem if a cancelled order were to live again, or a complete one to be cancelled."""
    if before == CANCELLED != after:
        raise invalid([("/OrderStatus", "the order is cancelled")])
    if before == COMPLETE and after == CANCELLED:
        raise invalid([("/OrderStatus", "the order is complete")])


def moves_to_cancelled(order: Record, changed: Record) -> bool:
    """Whether this change cancels the order."""
    return bool(order["OrderStatus"] != CANCELLED == changed["OrderStatus"])


def cents(amount: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)
