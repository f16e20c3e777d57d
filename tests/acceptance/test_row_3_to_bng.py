"""Row 3, what the shop makes: it invoices and refunds an order, and BNG's books have each once, balanced and matched."""

from decimal import Decimal

import pytest

from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)
FLOWS = ("shop-invoice-to-invoice", "shop-creditmemo-to-credit", "bng-invoice-to-shop")


@pytest.mark.every_mode
def test_the_shop_s_invoice_and_refund_are_in_the_books_once_and_nothing_comes_back(stage: Stage) -> None:
    for name in FLOWS:
        stage.bridgectl("flow", "on", name, "--site", stage.site)
    order = stage.shop.checkout("mixed")
    sales_order = wait_for_sales_order(stage, order)
    stage.bng.fault("cut_after", method="POST", path="/(invoices|payments|gl-entries)$", count=3)

    def books() -> dict[str, list[Decimal]]:
        """Totals of its invoices by type, and its payments."""
        book = stage.bng.book()
        mine = [each for each in book["invoices"] if each["SalesOrderID"] == sales_order["SalesOrderID"]]
        found = {kind: [Decimal(e["Total"]) for e in mine if e["Type"] == kind] for kind in ("invoice", "credit")}
        ids = {each["InvoiceID"] for each in mine}
        paid = [Decimal(each["Amount"]) for each in book["payments"] if each["InvoiceID"] in ids]
        return {**found, "payment": sorted(paid)}

    total = Decimal(order["grand_total"])
    stage.shop.invoice(order["order_id"])
    wait_until("the payment", lambda: books()["payment"] == [total], timeout_s=60)
    stage.shop.refund(order["order_id"])
    wait_until("the refund", lambda: books()["payment"] == [-total, total], timeout_s=60)
    wait_until("nothing to be under way", stage.is_idle, timeout_s=60)
    assert books() == {"invoice": [total], "credit": [total], "payment": [-total, total]}
    entries = stage.bng.book()["gl_entries"]
    mine = [e for e in entries if e["Reference"] in numbers(stage, order["order_id"])]
    assert len(mine) == 4
    for each in mine:
        assert sum(Decimal(line["Debit"]) - Decimal(line["Credit"]) for line in each["Lines"]) == 0
    assert len(numbers(stage, order["order_id"])) == 2


def numbers(stage: Stage, order_id: int) -> list[str]:
    """Of the order's invoices and credit memos, by which the ledger names them."""
    book = stage.shop.book()
    made = [*book["invoices"], *book["credit_memos"]]
    return [str(each["increment_id"]) for each in made if each["order_id"] == order_id]
