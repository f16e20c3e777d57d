"""Invoices and credit memos of the shop → BNG's books, over both sandboxes: each once, balanced, matched."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig

from bng_bridge import bindings, switches
from bng_bridge.flows.keys import posted_key
from bng_bridge.inbox import Hint
from bng_bridge.outcome import Outcome
from bridge_common.errors import Drift, NotReady

pytestmark = pytest.mark.integration
FLOWS = ("shop-invoice-to-invoice", "shop-creditmemo-to-credit")


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        for name in FLOWS:
            await rig.store.write(partial(switches.switch_on, site="shop1", flow=name, since=None, now=at(0)))
        yield rig


async def sell(rig: FlowRig, shop: ShopRig, kind: str = "simple", **options: Any) -> dict[str, Any]:
    order = await shop.checkout(kind, **options)
    await rig.order(order)
    return order


async def hints(rig: FlowRig, shop: ShopRig, order: dict[str, Any]) -> tuple[Hint, ...]:
    """What the order's next event has looked at."""
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    return (await rig.order(document)).hints


async def told(rig: FlowRig, shop: ShopRig, order: dict[str, Any]) -> list[Outcome]:
    """Of those that are news: a document is told of once in each state."""
    known = {row["event_key"] for row in rig.store.read.execute("SELECT event_key FROM inbox")}
    return [await rig.hint(each) for each in await hints(rig, shop, order) if each.event_key not in known]


async def invoice(shop: ShopRig, order: dict[str, Any], **options: Any) -> None:
    await shop.admin("POST", "/invoice", order_id=order["entity_id"], **options)


async def entries(rig: FlowRig) -> dict[str, dict[str, Any]]:
    """BNG's ledger entries by ExternalID, of which each balances."""
    found = {each["ExternalID"]: each for each in await rig.bng.records("gl_entries")}
    for each in found.values():
        assert sum(Decimal(line["Debit"]) - Decimal(line["Credit"]) for line in each["Lines"]) == 0
    return found


def amounts(records: list[dict[str, Any]], field: str) -> list[Decimal]:
    return [Decimal(str(each[field])) for each in records]


async def test_a_paid_invoice_is_an_invoice_a_payment_and_two_entries_and_nothing_is_open(
    rig: FlowRig, shop: ShopRig
) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order)
    (outcome,) = await told(rig, shop, order)
    total = Decimal(str(order["grand_total"]))
    (billed,), (paid,) = await rig.bng.records("invoices"), await rig.bng.records("payments")
    assert (outcome.state, *amounts([billed], "Total"), *amounts([billed], "Balance")) == ("done", total, Decimal(0))
    assert (Decimal(paid["Amount"]), paid["InvoiceID"]) == (total, billed["InvoiceID"])
    found = await entries(rig)
    assert [name.rpartition("-")[2] for name in sorted(found)] == ["capture", "invoice"]
    assert all(sum(amounts(each["Lines"], "Debit")) >= total for each in found.values())


async def test_the_same_invoice_told_of_again_posts_nothing(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order)
    (hint,) = await hints(rig, shop, order)
    for number in range(3):
        await rig.hint(replace(hint, event_key=f"again-{number}"))
    counts = [len(await rig.bng.records(each)) for each in ("invoices", "payments", "gl_entries")]
    assert counts == [1, 1, 2]


async def test_an_open_invoice_waits_for_its_payment(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order, capture="later")
    (outcome,) = await told(rig, shop, order)
    assert outcome.reason.endswith("is not paid yet")
    assert await rig.bng.records("payments") == []
    (billed,) = await rig.bng.records("invoices")
    assert Decimal(billed["Balance"]) == Decimal(billed["Total"])


async def test_an_invoice_in_two_parts_is_two_invoices_that_add_up(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    (row,) = [item for item in order["items"] if not item.get("parent_item_id")][:1]
    await invoice(shop, order, items=[{"order_item_id": row["item_id"], "qty": 1}])
    await told(rig, shop, order)
    await invoice(shop, order)
    await told(rig, shop, order)
    assert sum(amounts(await rig.bng.records("invoices"), "Total")) == Decimal(str(order["grand_total"]))
    assert len(await entries(rig)) == 4


async def test_a_full_refund_is_a_credit_and_money_back(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order)
    await told(rig, shop, order)
    await shop.admin("POST", "/refund", order_id=order["entity_id"])
    outcomes = await told(rig, shop, order)
    assert {each.state for each in outcomes} == {"done"}
    total = Decimal(str(order["grand_total"]))
    billed = {each["Type"]: each for each in await rig.bng.records("invoices")}
    assert billed["credit"]["AppliesToInvoiceID"] == billed["invoice"]["InvoiceID"]
    assert Decimal(billed["credit"]["Total"]) == total
    assert sorted(amounts(await rig.bng.records("payments"), "Amount")) == [-total, total]
    assert Decimal(billed["invoice"]["Balance"]) == 0
    assert len(await entries(rig)) == 4


async def test_a_credit_memo_waits_for_its_invoice(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order)
    await shop.admin("POST", "/refund", order_id=order["entity_id"])
    memo = [each for each in await hints(rig, shop, order) if each.entity == "creditmemo"]
    with pytest.raises(NotReady, match="is not at BNG yet"):
        await rig.hint(memo[0])


async def test_an_entry_of_a_closed_month_goes_into_the_next_and_says_so(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order)
    (hint,) = await hints(rig, shop, order)
    month = str((await shop.client.search("/V1/invoices", order_id=str(order["entity_id"])))[0]["created_at"])[:7]
    await rig.bng.admin("POST", "/periods", Period=month, Closed=True)
    await rig.hint(hint)
    found = await entries(rig)
    assert all(each["EntryDate"][:7] > month and each["EntryDate"].endswith("-01") for each in found.values())
    assert all(
        any("period is closed" in (line["Description"] or "") for line in each["Lines"]) for each in found.values()
    )
    # Opened again it stays where it is, and is no drift.
    await rig.bng.admin("POST", "/periods", Period=month, Closed=False)
    await rig.hint(replace(hint, event_key="again"))
    assert await entries(rig) == found


async def test_what_was_posted_and_should_be_otherwise_is_told_and_not_changed(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await invoice(shop, order)
    (hint,) = await hints(rig, shop, order)
    await rig.hint(hint)
    key = posted_key("invoice", "shop1", f"invoice-{hint.entity_id}")
    bound = bindings.get(rig.store.read, key)
    assert bound is not None
    await rig.store.write(lambda db: bindings.put(db, replace(bound, digest="another"), at(1)))
    with pytest.raises(Drift, match="should be otherwise by now, and is never changed"):
        await rig.hint(replace(hint, event_key="again"))


async def test_a_discount_on_freight_is_in_the_books_and_they_balance_without_rounding(
    rig: FlowRig, shop: ShopRig
) -> None:
    await shop.admin("POST", "/store", code="gross", gross_prices=True, taxed_freight=True)
    order = await sell(rig, shop, store="gross", coupon="TEN-ALL")
    await invoice(shop, order)
    (outcome,) = await told(rig, shop, order)
    (billed,) = await rig.bng.records("invoices")
    assert (outcome.state, *amounts([billed], "Total"), *amounts([billed], "Balance")) == (
        "done", Decimal(str(order["grand_total"])), Decimal(0),
    )  # fmt: skip
    lines = [line for each in (await entries(rig)).values() for line in each["Lines"]]
    assert [line for line in lines if line["Description"] == "Rounding"] == []


async def test_two_payments_of_one_number_are_two(rig: FlowRig, shop: ShopRig) -> None:
    """An invoice and a credit memo may have the same number, and so may those of two shops."""
    order = await sell(rig, shop)
    await invoice(shop, order)
    await told(rig, shop, order)
    await shop.admin("POST", "/refund", order_id=order["entity_id"])
    await told(rig, shop, order)
    paid = await rig.bng.records("payments")
    assert len({each["TransactionID"] for each in paid}) == 2
    assert {each["TransactionID"] for each in paid} == {each["ExternalID"] for each in paid}
