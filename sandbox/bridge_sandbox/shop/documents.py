"""Order documents as REST shows them, built for many orders with one query for each table.

What REST shows is not what the database holds: a row's `row_total` is after its discount here and before it
there, `row_total_incl_tax` likewise, columns that are null are left out, children carry their whole parent, and
all rows stand a second time under `shipping_assignments`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from bridge_sandbox.shop.directory import TaxRule, region_code, tax_rule
from bridge_sandbox.shop.json_numbers import number
from bridge_sandbox.shop.options import shown_option
from bridge_sandbox.shop.order_taxes import itemized_taxes, tax_details
from bridge_sandbox.shop.session import Row, Session

Document = dict[str, Any]

HIDDEN_ORDER_COLUMNS = frozenset({"shipping_address_id", "send_email", "shipping_method"})
HIDDEN_ITEM_COLUMNS = frozenset({"product_options", "row_total_incl_tax", "base_row_total_incl_tax"})
SHIPPING_TOTALS = (
    "base_shipping_amount",
    "base_shipping_canceled",
    "base_shipping_discount_amount",
    "base_shipping_discount_tax_compensation_amnt",
    "base_shipping_incl_tax",
    "base_shipping_invoiced",
    "base_shipping_refunded",
    "base_shipping_tax_amount",
    "base_shipping_tax_refunded",
    "shipping_amount",
    "shipping_canceled",
    "shipping_discount_amount",
    "shipping_discount_tax_compensation_amount",
    "shipping_incl_tax",
    "shipping_invoiced",
    "shipping_refunded",
    "shipping_tax_amount",
    "shipping_tax_refunded",
)


def order_documents(session: Session, order_ids: Sequence[int]) -> list[Document]:
    """The documents of the orders that exist, in the order of the ids."""
    if not order_ids:
        return []
    orders = {row["entity_id"]: row for row in session.rows("orders", order_ids)}
    items = grouped(session.rows("order_items", order_ids), "order_id")
    addresses = grouped(session.rows("order_addresses", order_ids), "parent_id")
    payments = grouped(session.rows("order_payments", order_ids), "parent_id")
    histories = grouped(session.rows("order_histories", order_ids), "parent_id")
    extras = grouped(session.rows("order_extras", order_ids), "order_id")
    return [
        with_extras(
            order_document(each, items[number], addresses[number], payments[number], histories[number]), extras[number]
        )
        for number in order_ids
        if (each := orders.get(number)) is not None
    ]


def order_document(
    order: Row, items: list[Row], addresses: list[Row], payments: list[Row], histories: list[Row]
) -> Document:
    """One order with everything that REST embeds."""
    by_type = {row["address_type"]: row for row in addresses}
    shipping_address = by_type.get("shipping", {})
    taxed_at = shipping_address or by_type.get("billing", {})
    rule = tax_rule(taxed_at.get("country_id"), taxed_at.get("region_id"))
    rows = item_documents(items, rule)
    return {
        **shown(order, HIDDEN_ORDER_COLUMNS),
        "items": rows,
        "billing_address": address_document(by_type.get("billing", {})),
        "payment": payment_document(payments[0]) if payments else None,
        "status_histories": [history_document(row) for row in histories],
        "extension_attributes": {
            "shipping_assignments": [
                {
                    "shipping": {
                        **shipping_document(order, shipping_address),
                        "total": shown({name: order.get(name) for name in SHIPPING_TOTALS}),
                    },
                    "items": rows,
                }
            ],
            "payment_additional_info": additional_info(payments),
            **tax_details(order, items, rule),
            "converting_from_quote": False,
            "additional_itemized_taxes": [],
        },
    }


def shipping_document(order: Row, address: Row) -> Document:
    """Where and how it goes; a virtual order goes nowhere."""
    return {"address": address_document(address), "method": order["shipping_method"]} if address else {}


def with_extras(document: Document, extras: list[Row]) -> Document:
    """The document with what other modules show in it."""
    for extra in extras:
        place = document if extra["in_header"] else document["extension_attributes"]
        if extra["document"] is not None:
            place[extra["name"]] = json.loads(extra["document"])
        else:
            amounts = {extra["name"]: extra["amount"], f"base_{extra['name']}": extra["base_amount"]}
            place.update(shown(amounts))
    return document


def order_item_documents(session: Session, item_ids: Sequence[int]) -> list[Document]:
    """Rows on their own, as GET /V1/orders/items lists them, in the order of the ids."""
    if not item_ids:
        return []
    found = {row["item_id"]: row for row in session.rows("single_order_items", item_ids)}
    return [item_document(found[each]) for each in item_ids if each in found]


def item_documents(items: list[Row], rule: TaxRule | None) -> list[Document]:
    """The rows of one order; without a tax rule they lack their extension attributes."""
    documents: dict[int, Document] = {}
    for row in items:
        document = item_document(row)
        if row["parent_item_id"] in documents:
            document["parent_item"] = documents[row["parent_item_id"]]
        if rule is not None:
            document["extension_attributes"] = {"itemized_taxes": itemized_taxes(row, rule)}
        documents[row["item_id"]] = document
    return list(documents.values())


def item_document(row: Row) -> Document:
    """A row with the totals that REST computes anew."""
    document = shown(row, HIDDEN_ITEM_COLUMNS)
    for base in ("", "base_"):
        net = max(row[f"{base}row_total"] - row[f"{base}discount_amount"], Decimal(0))
        document[f"{base}row_total"] = number(net)
        taxes = row[f"{base}tax_amount"] + (row[f"{base}discount_tax_compensation_amount"] or 0)
        gross = row[f"{base}row_total"] - row[f"{base}discount_amount"] + taxes
        document[f"{base}row_total_incl_tax"] = number(gross)
    if option := shown_option(row["product_options"]):
        document["product_option"] = option
    return document


def address_document(row: Row) -> Document:
    """An address; the street's lines are apart, the region's code is looked up."""
    document = shown(row, frozenset({"customer_id"}))
    if code := region_code(row.get("region_id")):
        document["region_code"] = code
    if row.get("street") is not None:
        document["street"] = row["street"].split("\n")
    return document


def payment_document(row: Row) -> Document:
    """The payment; two of its fields are there even when they are null."""
    information = json.loads(row["additional_information"] or "{}")
    return {
        "account_status": row["account_status"],
        **shown(row, frozenset({"additional_information", "cc_last_4"})),
        "additional_information": list(information.values()),
        "cc_last4": row["cc_last_4"],
    }


def history_document(row: Row) -> Document:
    """A comment; whether the customer was told is shown even when it was never said."""
    return {**shown(row), "is_customer_notified": row["is_customer_notified"]}


def additional_info(payments: list[Row]) -> list[Document]:
    """The payment's free fields as pairs."""
    if not payments:
        return []
    information = json.loads(payments[0]["additional_information"] or "{}")
    return [{"key": key, "value": value} for key, value in information.items()]


def shown(row: Row, hidden: frozenset[str] = frozenset()) -> Document:
    """The row's columns that are not null, as JSON values."""
    return {
        name: number(value) if isinstance(value, Decimal) else value
        for name, value in row.items()
        if value is not None and name not in hidden
    }


def storable(fields: Row) -> Row:
    """As the sales tables keep it: an empty text is null there, whatever the answer to the writer says."""
    return {name: None if value == "" else value for name, value in fields.items()}


def grouped(rows: Iterable[Row], key: str) -> defaultdict[Any, list[Row]]:
    """The rows by the value of a column, in their order."""
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups
