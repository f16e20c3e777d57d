"""What the books have of the documents of an order: the day of an entry, the invoice that a credit memo applies to."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.keys import posted_key
from bng_bridge.flows.running import Running

Document = dict[str, Any]


async def entry_day(running: Running, posting: str, day: str) -> str:
    """An entry is never posted anew: asked again, it has the day that it got, be its period closed or not."""
    source_id = f"{running.event.entity}-{running.event.entity_id}-{posting}"
    bound = bindings.get(running.read, posted_key("gl_entry", running.site, source_id))
    return day if bound is None else str(bound.facts.get("EntryDate") or day)


async def next_period(_: Running, day: str) -> str:
    return (date.fromisoformat(day).replace(day=1) + timedelta(days=32)).replace(day=1).isoformat()


async def bng_invoice(running: Running, id: str) -> Document | None:  # noqa: A002 # as flow files call it
    return await running.context.bng.get(f"invoices/{id}")


async def invoice_of(running: Running, creditmemo: Document) -> Document | None:
    """Once the memo is posted, the one that it was posted for. Raises what BNG raises."""
    posted = bindings.get(
        running.read, posted_key("credit_memo", running.site, f"creditmemo-{creditmemo['entity_id']}")
    )
    if posted is not None and posted.facts.get("AppliesToInvoiceID"):
        return await bng_invoice(running, str(posted.facts["AppliesToInvoiceID"]))
    if creditmemo.get("invoice_id"):
        named = posted_key("invoice", running.site, f"invoice-{creditmemo['invoice_id']}")
        bound = bindings.get(running.read, named)
        return None if bound is None else await bng_invoice(running, bound.target_id)
    assert running.bound is not None
    found = await running.context.bng.search("invoices", sales_order_id=running.bound.target_id)
    return invoice_with_enough_left(found, Decimal(str(creditmemo["grand_total"])))


def invoice_with_enough_left(found: list[Document], amount: Decimal) -> Document | None:
    """The oldest of an order's invoices of which so much is not credited yet; else the one with the most left."""
    left = {
        each["InvoiceID"]: Decimal(each["Total"])
        - sum(
            (Decimal(credit["Total"]) for credit in found if credit.get("AppliesToInvoiceID") == each["InvoiceID"]),
            Decimal(0),
        )
        for each in found
        if each["Type"] == "invoice"
    }
    invoices = sorted((each for each in found if each["InvoiceID"] in left), key=lambda each: str(each["CreatedAt"]))
    enough = [each for each in invoices if left[each["InvoiceID"]] >= amount]
    return next(iter(enough or sorted(invoices, key=lambda each: -left[each["InvoiceID"]])), None)
