"""BNG invoice or credit memo → the shop's, over both sandboxes: once, to the cent, and never back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import Clock, at
from tests.support.flows import FlowRig, flow_rig, lost_in_a_restore
from tests.support.shop import ShopRig

from bng_bridge import bindings, switches
from bng_bridge.flows import documents
from bng_bridge.flows.keys import shop_creditmemo_key, shop_invoice_key
from bng_bridge.flows.running import Running
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import hint_of, invoice_hint
from bridge_common.errors import (
    DependencyMissing,
    IdentityChanged,
    MappingError,
    OutcomeUnknown,
    QuietPeriod,
    RejectedByTarget,
)

pytestmark = pytest.mark.integration
FLOW = "bng-invoice-to-shop"
Json = dict[str, Any]
KINDS = ["simple", "configurable", "bundle_fixed", "bundle_dynamic", "discount", "us", "mixed"]


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        await rig.store.write(lambda db: switches.switch_on(db, "shop1", FLOW, None, at(0)))
        yield rig


@pytest.fixture
def all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the flows were on that tell BNG what the shop has made."""
    monkeypatch.setattr(documents, "_is_wanted", lambda *_: True)


async def sell(rig: FlowRig, shop: ShopRig, kind: str = "simple", **options: Any) -> Json:
    """An order of the shop that BNG has."""
    order = await shop.checkout(kind, **options)
    await rig.order(order)
    return order


async def bill(rig: FlowRig, order: Json, *lines: tuple[int, int], is_paid: bool = True) -> Json:
    """BNG invoices these (LineNo, Quantity), or all that is left, and has been paid for it."""
    made: Json = await rig.bng.admin("POST", "/invoices", ExternalID=f"shop1-{order['entity_id']}", Lines=chosen(lines))
    if is_paid:
        await rig.bng.admin("POST", "/payments", InvoiceID=made["InvoiceID"])
    return made


async def credit(rig: FlowRig, invoice: Json, *lines: tuple[int, int]) -> Json:
    made: Json = await rig.bng.admin("POST", "/credits", InvoiceID=invoice["InvoiceID"], Lines=chosen(lines))
    return made


def chosen(lines: tuple[tuple[int, int], ...]) -> list[Json]:
    return [{"LineNo": number, "Quantity": str(quantity)} for number, quantity in lines]


async def tell(rig: FlowRig, invoice: Json, key: str = "") -> Outcome:
    """The hint that a webhook or the poller stores; with a key of its own it is handled although it was before."""
    return await rig.hint(replace(invoice_hint(invoice, rig.store.read), event_key=f"bng/{invoice['InvoiceID']}/{key}"))


async def made(shop: ShopRig, order: Json, what: str = "invoices") -> list[Json]:
    return await shop.client.search(f"/V1/{what}", order_id=str(order["entity_id"]))


async def now(shop: ShopRig, order: Json) -> Json:
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    return document


async def told_to_bng(rig: FlowRig, shop: ShopRig, order: Json) -> list[str]:
    """Ids of what the shop has made of the order and BNG would be told."""
    event = rig.claimed("order", str(order["entity_id"]), order)
    running = Running(event, rig.context, rig.context.mappings.current.mappings, "shop1", order)
    found = await documents.shop_documents(running, await now(shop, order))
    return [str(each["entity_id"]) for listed in found.values() for each in listed]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_bng_invoices_and_credits_the_shop_shows_once_and_to_the_cent(
    rig: FlowRig, shop: ShopRig, kind: str
) -> None:
    order = await sell(rig, shop, kind)
    invoice = await bill(rig, order)
    assert (await tell(rig, invoice)).state == "done"
    assert (await tell(rig, invoice, "poll")).state == "done"
    (shown,) = await made(shop, order)
    assert Decimal(shown["grand_total"]) == Decimal(order["grand_total"])
    bound = bindings.get(rig.store.read, shop_invoice_key("shop1", invoice["InvoiceID"]))
    assert bound is not None
    assert (bound.target, bound.entity, bound.target_id) == ("magento", "invoice", str(shown["entity_id"]))

    memo = await credit(rig, invoice)
    assert (await tell(rig, memo)).state == "done"
    assert (await tell(rig, memo, "poll")).state == "done"
    (refund,) = await made(shop, order, "creditmemos")
    assert Decimal(refund["grand_total"]) == Decimal(memo["Total"])
    bound = bindings.get(rig.store.read, shop_creditmemo_key("shop1", memo["InvoiceID"]))
    assert bound is not None
    assert (bound.target, bound.entity, bound.target_id) == ("magento", "creditmemo", str(refund["entity_id"]))


async def test_parts_become_as_many_invoices_and_credit_memos(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoices = [await bill(rig, order, (1, 1)), await bill(rig, order)]
    for each in invoices:
        await tell(rig, each)
    shown = await made(shop, order)
    assert sum(Decimal(each["grand_total"]) for each in shown) == Decimal(order["grand_total"])
    memos = [await credit(rig, each) for each in invoices]
    for each in memos:
        await tell(rig, each)
    refunds = await made(shop, order, "creditmemos")
    assert [Decimal(each["grand_total"]) for each in refunds] == [Decimal(each["Total"]) for each in memos]


async def test_one_piece_credited_at_another_price_is_given_back_at_bng_s(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order)
    await tell(rig, invoice)
    line = invoice["Lines"][0]
    body = {
        "Type": "credit", "AppliesToInvoiceID": invoice["InvoiceID"], "SalesOrderID": invoice["SalesOrderID"],
        "InvoiceDate": invoice["InvoiceDate"], "Total": "6.66", "TaxTotal": "0.00", "Lines": [
            {"LineNo": line["LineNo"], "SKU": line["SKU"], "Quantity": "1", "UnitPrice": "6.66", "LineTotal": "6.66"}
        ],
    }  # fmt: skip
    await tell(rig, await rig.bng.admin("POST", "/records/invoices", **body))
    (refund,) = await made(shop, order, "creditmemos")
    assert Decimal(refund["grand_total"]) == Decimal("6.66")
    assert Decimal(refund["adjustment_negative"]) > 0
    assert [item["qty"] for item in refund["items"]] == [1]


async def test_goodwill_alone_takes_no_goods_back(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order)
    await tell(rig, invoice)
    body = {
        "Type": "credit", "AppliesToInvoiceID": invoice["InvoiceID"], "SalesOrderID": invoice["SalesOrderID"],
        "InvoiceDate": invoice["InvoiceDate"], "Total": "2.00", "TaxTotal": "0.00",
        "Lines": [{"LineNo": 1, "SKU": "GOODWILL", "Quantity": "1", "UnitPrice": "2.00", "LineTotal": "2.00"}],
    }  # fmt: skip
    await tell(rig, await rig.bng.admin("POST", "/records/invoices", **body))
    (refund,) = await made(shop, order, "creditmemos")
    assert Decimal(refund["grand_total"]) == 2
    assert not refund["items"]


async def test_what_bng_has_not_been_paid_for_is_made_when_it_has(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order, is_paid=False)
    outcome = await tell(rig, invoice)
    assert (outcome.state, outcome.reason) == ("skipped", "BNG has not been paid for it yet")
    assert await made(shop, order) == []
    await rig.bng.admin("POST", "/payments", InvoiceID=invoice["InvoiceID"])
    (paid,) = [each for each in await rig.bng.records("invoices") if each["InvoiceID"] == invoice["InvoiceID"]]
    # The list shows it in another state now, which is another hint.
    assert invoice_hint(paid, rig.store.read).event_key != invoice_hint(invoice, rig.store.read).event_key
    await rig.hint(invoice_hint(paid, rig.store.read))
    assert len(await made(shop, order)) == 1


async def test_a_credit_waits_for_the_invoice(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order)
    memo = await credit(rig, invoice)
    with pytest.raises(DependencyMissing, match="not invoiced in the shop yet"):
        await tell(rig, memo)
    await tell(rig, invoice)
    assert (await tell(rig, memo, "again")).state == "done"


async def test_a_webhook_and_the_list_bring_one_hint(rig: FlowRig, shop: ShopRig) -> None:
    invoice = await bill(rig, await sell(rig, shop), is_paid=False)
    told = hint_of("invoice_created", invoice, "wh-1", rig.store.read)
    assert told == invoice_hint(invoice, rig.store.read)


@pytest.mark.parametrize("fault", ["cut_after", "cut_before"])
@pytest.mark.parametrize("what", ["invoice", "creditmemo"])
@pytest.mark.usefixtures("all_are_told")
async def test_a_lost_answer_makes_no_second_one_and_tells_bng_nothing(
    rig: FlowRig, shop: ShopRig, clock: Clock, fault: str, what: str
) -> None:
    order = await sell(rig, shop)
    document = await bill(rig, order, (1, 1))
    if what == "creditmemo":
        await tell(rig, document)
        document = await credit(rig, document)
    await shop.fault(fault, method="POST")
    with pytest.raises(OutcomeUnknown):
        await tell(rig, document)
    await shop.clear_faults()
    assert await told_to_bng(rig, shop, order) == []
    try:
        outcome = await tell(rig, document, "again")
    except QuietPeriod:
        clock.advance(shop.target.quiet_s() + 1)
        outcome = await tell(rig, document, "later")
    assert outcome.state == "done"
    assert len(await made(shop, order, f"{what}s")) == 1


@pytest.mark.usefixtures("all_are_told")
async def test_a_bridge_that_was_killed_before_it_noted_the_invoice_finds_it(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order, (1, 1))
    await tell(rig, invoice)
    await rig.store.write(lambda db: db.execute("DELETE FROM binding WHERE entity = 'invoice'"))
    assert await told_to_bng(rig, shop, order) == []
    assert (await tell(rig, invoice, "again")).state == "done"
    assert len(await made(shop, order)) == 1
    # What a clerk makes is none of ours.
    await shop.client.write("POST", f"/V1/order/{order['entity_id']}/invoice", {}, "")
    assert len(await told_to_bng(rig, shop, order)) == 1


async def test_what_the_shop_has_invoiced_itself_is_left_alone(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await shop.client.write("POST", f"/V1/order/{order['entity_id']}/invoice", {}, "")
    outcome = await tell(rig, await bill(rig, order))
    assert (outcome.state, outcome.reason) == ("skipped", "the shop has invoiced it itself")
    assert len(await made(shop, order)) == 1


async def test_more_than_the_shop_has_left_is_a_dead_letter_before_the_shop_is_asked(
    rig: FlowRig, shop: ShopRig
) -> None:
    order = await sell(rig, shop)
    part = {"items": [{"order_item_id": order["items"][0]["item_id"], "qty": 1}]}
    await shop.client.write("POST", f"/V1/order/{order['entity_id']}/invoice", part, "")
    invoice = await bill(rig, order)
    before = len(shop.transport.request_ids)
    with pytest.raises(RejectedByTarget) as raised:
        await tell(rig, invoice)
    assert (raised.value.problem, len(shop.transport.request_ids)) == ("less-left-to-invoice", before)
    with pytest.raises(RejectedByTarget) as raised:
        await tell(rig, await credit(rig, invoice))
    assert (raised.value.problem, len(shop.transport.request_ids)) == ("less-left-to-refund", before)


async def test_goods_that_the_shop_did_not_sell_are_not_invoiced(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order, (1, 1))
    body = {name: invoice[name] for name in ("Type", "SalesOrderID", "InvoiceDate")} | {
        "Total": "99.00", "TaxTotal": "0.00", "Lines": [{**invoice["Lines"][0], "LineTotal": "99.00", "Tax": "0.00"}]
    }  # fmt: skip
    dearer = await rig.bng.admin("POST", "/records/invoices", **body)
    await rig.bng.admin("POST", "/payments", InvoiceID=dearer["InvoiceID"])
    with pytest.raises(RejectedByTarget) as raised:
        await tell(rig, dearer)
    assert (raised.value.problem, await made(shop, order)) == ("amounts-differ", [])


async def test_a_line_without_a_name_is_not_guessed(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order, (1, 1))
    body = {name: invoice[name] for name in ("Type", "SalesOrderID", "InvoiceDate")} | {
        "Total": "1.00", "TaxTotal": "0.00", "Lines": [{"LineNo": 7, "Quantity": "1", "LineTotal": "1.00"}]
    }  # fmt: skip
    nameless = await rig.bng.admin("POST", "/records/invoices", **body)
    await rig.bng.admin("POST", "/payments", InvoiceID=nameless["InvoiceID"])
    with pytest.raises(MappingError, match="is on no one line of the sales order"):
        await tell(rig, nameless)


async def test_another_order_under_the_id_is_not_invoiced(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    invoice = await bill(rig, order)
    await lost_in_a_restore(rig)
    with pytest.raises(IdentityChanged):
        await tell(rig, invoice)
    assert await made(shop, order) == []


async def test_no_money_is_moved(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, payment="card")
    invoice = await bill(rig, order)
    await tell(rig, invoice)
    await tell(rig, await credit(rig, invoice))
    found = await shop.client.search("/V1/transactions", order_id=str(order["entity_id"]))
    assert [each["txn_type"] for each in found if each["txn_type"] in ("capture", "refund")] == []
