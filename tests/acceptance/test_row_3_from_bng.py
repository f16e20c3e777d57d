"""Row 3, what BNG makes: it invoices and credits an order, the shop shows one of each, and BNG is told of neither."""

import json
from decimal import Decimal

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import found_value, wait_for_sales_order

pytestmark = pytest.mark.acceptance
_OUTBOX = Plan(poll_interval_s=1.0)
PLANS = {
    "outbox": _OUTBOX,
    "rest-direct": Plan(poll_interval_s=1.0, hosted=_OUTBOX.sites, direct=_OUTBOX.sites),
}


def test_bng_s_invoice_and_credit_are_one_each_in_the_shop_and_nothing_comes_back(stage: Stage) -> None:
    switch_all_on(stage)
    order = stage.shop.checkout("mixed")
    sales_order = wait_for_sales_order(stage, order)
    stage.shop.fault("cut_after", method="POST", path="/(invoice|refund)$", count=2)
    invoice = stage.bng.invoice(sales_order["ExternalID"])
    stage.bng.pay(invoice["InvoiceID"])
    shown = wait_for_document(stage, order, "invoices")
    assert Decimal(shown["grand_total"]) == Decimal(invoice["Total"]) == Decimal(order["grand_total"])

    credit = stage.bng.credit(invoice["InvoiceID"])
    shown = wait_for_document(stage, order, "credit_memos")
    assert Decimal(shown["grand_total"]) == Decimal(credit["Total"])

    # Whatever looks for the shop's changes has seen the credit memo when it has seen a later order.
    wait_for_sales_order(stage, stage.shop.checkout("simple"))
    wait_until("nothing to be under way", stage.is_idle, timeout_s=20)
    for kind in ("invoices", "credit_memos"):
        assert len(documents(stage, order, kind)) == 1
    assert {each["InvoiceID"] for each in stage.bng.book()["invoices"]} == {invoice["InvoiceID"], credit["InvoiceID"]}


def switch_all_on(stage: Stage) -> None:
    """The flows that tell BNG of the shop's own documents, too: a bridge that took BNG's for these would say so."""
    for each in json.loads(stage.bridgectl("flow", "list", "--json")):
        if each["state"] == "off":
            stage.bridgectl("flow", "on", each["flow"], "--site", stage.site)


def documents(stage: Stage, order: JsonObject, kind: str) -> list[JsonObject]:
    return [each for each in stage.shop.book()[kind] if each["order_id"] == order["order_id"]]


def wait_for_document(stage: Stage, order: JsonObject, kind: str) -> JsonObject:
    found = wait_until(f"{kind} of order {order['order_id']}", lambda: documents(stage, order, kind), timeout_s=30)
    return found_value(found[0] if found else None)
