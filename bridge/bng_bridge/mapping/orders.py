"""A Magento order to a BNG sales order, with the lines an accountant would write.

Amounts are carried, never recomputed: Magento's row cents do not follow from price and rate, yet their sums equal the
header. What is left between the lines and the grand total becomes one explicit rounding line, within a tolerance.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bng_bridge.mapping import payments
from bng_bridge.mapping.addresses import address
from bng_bridge.mapping.money import amount, cents, quantity, text
from bng_bridge.mapping.sold_rows import net, sold_rows
from bridge_common.errors import MappingError

STATUS = {"new": 10, "pending_payment": 10, "payment_review": 10, "processing": 20, "holded": 30}
"""By state. `complete` and `closed` follow from shipments and invoices, which BNG knows itself: never sent. `canceled` is a
step of its own."""

ROUNDING_SKU = "ROUNDING"


def sales_order(
    order: dict[str, Any], *, external_id: str, customer_id: str, time_zone: str, transaction_id: str
) -> dict[str, Any]:
    """The owned fields of a BNG sales order; `transaction_id` is that of an online payment, or ''.

    Raises MappingError when amounts do not add up within the tolerance.
    """
    _check_base_total(order)
    lines = item_lines(order)
    lines += _rounding_line(order, lines)
    body: dict[str, Any] = {
        "ExternalID": external_id,
        "CustomerID": customer_id,
        "OrderDate": order_date(order, time_zone),
        "Currency": order["order_currency_code"],
        "BillingAddress": address(order.get("billing_address")),
        "ShippingAddress": address(_shipping_address(order) or order.get("billing_address")),
        "ShipVia": order.get("shipping_description") or "",
        "Lines": [{"LineNo": number, **line} for number, line in enumerate(lines, 1)],
        "Freight": text(_freight(order)),
        "FreightTax": text(_freight_tax(order)),
        "DiscountTotal": text(abs(amount(order, "discount_amount"))),
        "TaxTotal": text(cents(amount(order, "tax_amount"))),
        "Total": text(_total(order)),
        "PaymentDescription": f"{payments.method(order)} {transaction_id}".strip(),
    }
    status = STATUS.get(order["state"])
    return body if status is None else {**body, "OrderStatus": status}


def item_lines(order: dict[str, Any]) -> list[dict[str, Any]]:
    """One line per thing that is sold or picked."""
    return [_line(row["item"], sku=row["sku"], external=row["external_id"]) for row in sold_rows(order)]


def order_date(order: dict[str, Any], time_zone: str) -> str:
    """The store's own calendar day: 03:15 UTC is the day before in Chicago."""
    created_at = datetime.fromisoformat(order["created_at"]).replace(tzinfo=UTC)
    return created_at.astimezone(ZoneInfo(time_zone)).date().isoformat()


def parent_id(order: dict[str, Any]) -> str | None:
    """The order that this one replaces: an edited order is a cancelled one and a new one with `-1`."""
    found = order.get("relation_parent_id")
    return str(found) if found else None


def fingerprint(order: dict[str, Any]) -> str:
    """Facts of an order that never change; a restored shop gives the same id to another one."""
    return f"{order['increment_id']} {order['created_at']} {order.get('protect_code', '')}"


def _line(item: dict[str, Any], *, sku: str, external: str) -> dict[str, Any]:
    return {
        "ExternalLineID": external,
        "SKU": sku,
        "Description": item.get("name") or "",
        "Quantity": quantity(amount(item, "qty_ordered")),
        "UnitPrice": text(amount(item, "price")),
        "Discount": text(amount(item, "discount_amount")),
        "Tax": text(amount(item, "tax_amount")),
        "LineTotal": text(cents(_gross(item))),
    }


def _gross(item: dict[str, Any]) -> Decimal:
    compensation = amount(item, "discount_tax_compensation_amount")
    return net(item) - amount(item, "discount_amount") + amount(item, "tax_amount") + compensation


def _freight(order: dict[str, Any]) -> Decimal:
    compensation = amount(order, "shipping_discount_tax_compensation_amount")
    return cents(amount(order, "shipping_amount") - amount(order, "shipping_discount_amount") + compensation)


def _freight_tax(order: dict[str, Any]) -> Decimal:
    return cents(amount(order, "shipping_tax_amount"))


def _total(order: dict[str, Any]) -> Decimal:
    return cents(amount(order, "grand_total"))


def _rounding_line(order: dict[str, Any], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rest = _total(order) - _freight(order) - _freight_tax(order) - sum(Decimal(line["LineTotal"]) for line in lines)
    if rest == 0:
        return []
    tolerance = Decimal("0.01") * (len(lines) + 1)
    if abs(rest) > tolerance:
        raise MappingError(
            f"order {order['increment_id']}: lines and freight differ from the grand total by {rest}, "
            f"more than the tolerance of {tolerance}", problem="totals-differ",
            hint="An amount of another module (gift card, store credit, fee) is not mapped yet: enter the order in BNG by "
            "hand, then bridgectl dlq discard {event} --reason TEXT; or bridgectl dlq edit {event}.",
        )  # fmt: skip
    zero = text(Decimal(0))
    return [
        {
            "ExternalLineID": "rounding", "SKU": ROUNDING_SKU, "Description": "Rounding", "Quantity": "1",
            "UnitPrice": text(rest), "Discount": zero, "Tax": zero, "LineTotal": text(rest),
        }
    ]  # fmt: skip


def _check_base_total(order: dict[str, Any]) -> None:
    if amount(order, "grand_total") > 0 and amount(order, "base_grand_total") == 0:
        raise MappingError(
            f"order {order['increment_id']} has a grand total of {order['grand_total']} and a base total of 0",
            hint="The currency rate was missing at checkout. Correct the order in the shop, then "
            "bridgectl dlq retry {event}.",
            problem="no-base-total",
        )


def _shipping_address(order: dict[str, Any]) -> dict[str, Any] | None:
    assignments = (order.get("extension_attributes") or {}).get("shipping_assignments") or []
    for assignment in assignments:
        found = (assignment.get("shipping") or {}).get("address")
        if found:
            return dict(found)
    return None
