"""BNG's order status in the shop's words: what the shop is asked to do, and what the comment says."""

from typing import Any

STATUS = {"new": 10, "pending_payment": 10, "payment_review": 10, "processing": 20, "holded": 30}
"""What the shop means by a state, in BNG's words; what it tells BNG is the mapping file's."""

LABELS = {10: "pending", 20: "processing", 30: "on hold", 40: "complete", 50: "closed", 90: "cancelled"}
CODES = {10: "pending", 20: "processing", 30: "holded", 40: "complete", 50: "closed", 90: "canceled"}
"""Magento's own status codes; a shop's custom ones belong to a mapping."""

_STATE_OF = {"pending": "new", "processing": "processing", "holded": "holded", "complete": "complete", "closed": "closed",
             "canceled": "canceled"}  # fmt: skip
_ENDED = {"complete", "closed", "canceled"}


def reference(sales_order: dict[str, Any]) -> str:
    """The comment's text: it names the version, so that the same status a second time is another comment."""
    status = int(sales_order["OrderStatus"])
    label = LABELS.get(status, str(status))
    return f"BNG sales order {sales_order['SalesOrderID']} is {label} (version {sales_order['Version']})"


def is_known(order: dict[str, Any], status: int) -> bool:
    """The shop says the same already: it was the shop that told BNG."""
    if status == 90:
        return bool(order["state"] == "canceled")
    return STATUS.get(order["state"]) == status or order.get("status") == CODES.get(status)


def action(order: dict[str, Any], status: int) -> str | None:
    """`cancel`, `hold` or `unhold`, where the shop's order still allows it."""
    state = order["state"]
    if state in _ENDED:
        return None
    if status == 90:
        return "cancel"
    if status == 30 and state != "holded":
        return "hold"
    return "unhold" if status in (10, 20) and state == "holded" else None


def comment_status(order: dict[str, Any], status: int, magento_version: tuple[int, ...]) -> str | None:
    """The status a comment may carry, or None for a comment without one.

    Up to 2.4.6 Magento sets whatever it is given, so only a status of the order's own state is safe; 2.4.7 takes the current
    one alone; from 2.4.8 on any of the current state.
    """
    wanted = CODES.get(status)
    if wanted is None or _STATE_OF[wanted] != order["state"]:
        return None
    return wanted if wanted == order["status"] or magento_version[:3] != (2, 4, 7) else None
