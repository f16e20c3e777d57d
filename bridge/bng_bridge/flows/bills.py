"""What a BNG invoice or credit memo means to the shop's order: rows, quantities, and what is no row."""

from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.running import Running
from bng_bridge.mapping import bills, refunds

Document = dict[str, Any]


async def to_invoice(
    _: Running, invoice: Document, sales_order: Document, order: Document, freight_sku: str
) -> Document:
    """Which rows, and how many."""
    return {"items": bills.items_to_invoice(bills.billed(invoice, sales_order, order), order, freight_sku)}


async def to_refund(
    running: Running, credit: Document, sales_order: Document, order: Document, freight_sku: str
) -> Document:
    """Which rows, how many, how much of the freight, and what is given or kept beside."""
    applied = str(credit.get("AppliesToInvoiceID") or "")
    is_ours = bindings.by_target(running.read, "bng", "invoice", applied) is not None
    found = bills.billed(credit, sales_order, order, is_renumbered=is_ours)
    refund = refunds.to_refund(credit, found, order, freight_sku)
    return {"items": refund.items, "shipping_amount": refund.shipping_amount, "adjustment": refund.adjustment}
