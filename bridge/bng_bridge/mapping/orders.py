"""A Magento order to a BNG sales order, with the lines an accountant would write.

Amounts are carried, never recomputed: Magento's row cents do not follow from price and rate, yet their sums equal the
header. What is left between the lines and the grand total becomes one explicit rounding line, within a tolerance.
"""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bng_bridge.mapping.addresses import address
from bng_bridge.mapping.money import amount, cents, quantity, text
from bridge_common.errors import MappingError

STATUS = {"new": 10, "pending_payment": 10, "payment_review": 10, "processing": 20, "holded": 30}
"""By state. `complete` and `closed` follow from shipments and invoices, which BNG knows itself: never sent. `canceled` is a
step of its own."""

ROUNDING_SKU = "ROUNDING"


def sales_order(
    order: dict[str, Any], *, external_id: str, customer_id: str, time_zone: str, payment: str
) -> dict[str, Any]:
    """The owned fields of a BNG sales order; `payment` describes how it was paid.

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
        "PaymentDescription": payment,
    }
    status = STATUS.get(order["state"])
    return body if status is None else {**body, "OrderStatus": status}


def item_lines(order: dict[str, Any]) -> list[dict[str, Any]]:
    """One line per thing that is sold or picked, keyed by order item ids, never by SKU.

    Configurable: one line, money and item of the parent, both ids kept. Fixed bundle: the money on the bundle's line, its
    components at 0 for picking. Dynamic bundle: the components carry the money, the parent only repeats their sum and is
    left out.
    """
    items = order["items"]
    children = defaultdict(list)
    for item in items:
        if item.get("parent_item_id"):
            children[item["parent_item_id"]].append(item)
    lines = []
    for item in items:
        if item.get("parent_item_id"):
            continue
        lines += _lines_of(item, children[item["item_id"]])
    return lines


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


def _lines_of(item: dict[str, Any], children: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if item["product_type"] == "bundle" and children:
        if all(_net(child) == 0 for child in children):
            return [_line(item), *(_line(child, external=_ids(item, child)) for child in children)]
        return [_line(child, external=_ids(item, child)) for child in children]
    if children:
        return [_line(item, sku=children[0]["sku"], external=_ids(item, children[0]))]
    return [_line(item)]


def _line(item: dict[str, Any], *, sku: str | None = None, external: str | None = None) -> dict[str, Any]:
    return {
        "ExternalLineID": external or str(item["item_id"]),
        "SKU": sku or item["sku"],
        "Description": item.get("name") or "",
        "Quantity": quantity(amount(item, "qty_ordered")),
        "UnitPrice": text(amount(item, "price")),
        "Discount": text(amount(item, "discount_amount")),
        "Tax": text(amount(item, "tax_amount")),
        "LineTotal": text(cents(_gross(item))),
    }


def _ids(parent: dict[str, Any], child: dict[str, Any]) -> str:
    return f"{parent['item_id']}/{child['item_id']}"


def _net(item: dict[str, Any]) -> Decimal:
    """Before discount. REST's row_total is after it and never below 0; the discount is added back from its own field."""
    return amount(item, "price") * amount(item, "qty_ordered")


def _gross(item: dict[str, Any]) -> Decimal:
    compensation = amount(item, "discount_tax_compensation_amount")
    return _net(item) - amount(item, "discount_amount") + amount(item, "tax_amount") + compensation


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
