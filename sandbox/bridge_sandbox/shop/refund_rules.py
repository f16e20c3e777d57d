"""What keeps a credit memo from being made, in Magento's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bridge_sandbox.shop.cart import ONLINE_METHODS
from bridge_sandbox.shop.errors import MagentoError
from bridge_sandbox.shop.invoicing import PAID
from bridge_sandbox.shop.json_numbers import number
from bridge_sandbox.shop.money import cents
from bridge_sandbox.shop.order_items import ZERO, OrderItems
from bridge_sandbox.shop.portions import Portion
from bridge_sandbox.shop.refund_plan import Terms
from bridge_sandbox.shop.session import Row, Session

NO_REFUND_STATES = ("payment_review", "holded", "canceled", "closed")


@dataclass(frozen=True)
class Refund:
    """A credit memo that can be made; `invoice` is that which it is about, `is_online` whether the provider is to pay."""

    order: Row
    items: OrderItems
    portions: Sequence[Portion]
    rows: Sequence[Row]
    totals: Row
    terms: Terms
    invoice: Row | None = None
    is_online: bool = False


def refuse(refund: Refund, reasons: Sequence[str]) -> None:
    """Raise what keeps this credit memo from being made, in Magento's lines."""
    if reasons:
        raise MagentoError(400, "\n".join(["Creditmemo Document Validation Error(s):", *dict.fromkeys(reasons)]))


def refuse_order(order: Row, items: OrderItems) -> list[str]:
    """Why nothing of this order can be given back."""
    reasons = []
    if order["state"] in NO_REFUND_STATES:
        reasons.append(f"A creditmemo can not be created when an order has a status of {order['status']}")
    elif not any(items.open_to_refund(row) or items.is_invoice_dummy(row) for row in items.rows):
        reasons.append("The order does not allow a creditmemo to be created.")
    if not money_left(order):
        reasons.append("We can't create creditmemo for the order.")
    return reasons


def refuse_credit_memo(refund: Refund) -> list[str]:
    """What is wrong with the credit memo itself."""
    order, reasons = refund.order, []
    has_freight_left = cents(order["shipping_amount"]) != (order["shipping_refunded"] or ZERO)
    if refund.totals["grand_total"] <= 0:
        reasons.append("The credit memo's total must be positive.")
    elif not refund.portions and not has_freight_left:
        reasons.append("You can't create a creditmemo without products.")
    paid, refunded = order["base_total_paid"] or ZERO, order["base_total_refunded"] or ZERO
    if cents(refunded + refund.totals["base_grand_total"]) > cents(paid):
        reasons.append(f"The most money available to refund is {number(paid - refunded)}.")
    return reasons


def refuse_by_invoice(session: Session, refund: Refund) -> list[str]:
    """Only what was paid by a method that can pay back is refunded through its invoice, online or not."""
    invoice = refund.invoice or {}
    payment = session.rows("order_payments", [refund.order["entity_id"]])[0]
    is_all_back = (invoice["base_total_refunded"] or ZERO) >= invoice["base_grand_total"]
    if payment["method"] not in ONLINE_METHODS or invoice["state"] != PAID or is_all_back:
        return ["We can't create creditmemo for the invoice."]
    return []


def money_left(order: Row) -> Decimal:
    """What was paid and not given back."""
    return cents(order["total_paid"] or ZERO) - (order["total_refunded"] or ZERO)
