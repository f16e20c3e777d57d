"""What an order's document says of its tax: summed, and apart for each taxed row. The sandbox keeps no tax tables."""

from typing import Any

from bridge_sandbox.shop.directory import TaxRule
from bridge_sandbox.shop.json_numbers import number
from bridge_sandbox.shop.session import Row

Document = dict[str, Any]


def tax_details(order: Row, items: list[Row], rule: TaxRule) -> Document:
    """The tax summed for the order and apart for each taxed row. The sandbox keeps no tax tables of its own."""
    taxed = [row for row in items if is_taxed(row)]
    if not taxed:
        return {"applied_taxes": [], "item_applied_taxes": [], "taxes": []}
    applied = applied_tax(rule, order)
    of_rows = [
        {"type": "product", "item_id": row["item_id"], "applied_taxes": [applied_tax(rule, row)]} for row in taxed
    ]
    of_freight = [{"type": "shipping", "applied_taxes": [applied_tax(rule, order, "shipping_tax_amount")]}]
    return {
        "applied_taxes": [applied],
        "item_applied_taxes": of_rows + (of_freight if order["shipping_tax_amount"] else []),
        "taxes": [
            {
                "tax_id": order["entity_id"],
                "order_id": order["entity_id"],
                **applied,
                "base_real_amount": applied["base_amount"],
                "priority": 0,
                "position": 0,
                "process": 0,
            }
        ],
    }


def itemized_taxes(row: Row, rule: TaxRule) -> list[Document]:
    """The tax of one row, empty for rows without their own."""
    if not is_taxed(row):
        return []
    amount, base_amount = number(row["tax_amount"]), number(row["base_tax_amount"])
    return [
        {
            "tax_item_id": row["item_id"],
            "tax_id": row["order_id"],
            "item_id": row["item_id"],
            "tax_code": rule.code,
            "tax_percent": number(rule.percent),
            "amount": amount,
            "base_amount": base_amount,
            "real_amount": amount,
            "real_base_amount": base_amount,
            "taxable_item_type": "product",
        }
    ]


def is_taxed(row: Row) -> bool:
    """Whether the row has its own tax; the parent of a dynamic bundle, which repeats one, has no rate."""
    return bool(row["tax_percent"])


def applied_tax(rule: TaxRule, row: Row, name: str = "tax_amount") -> Document:
    """One rate and what it came to."""
    return {
        "code": rule.code,
        "title": rule.code,
        "percent": number(rule.percent),
        "amount": number(row[name]),
        "base_amount": number(row[f"base_{name}"]),
    }
