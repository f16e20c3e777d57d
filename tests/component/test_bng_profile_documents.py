"""The contract of test_bng_profiles.py for what is posted: invoices, payments, ledger entries, and what is bought."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.support.bridge import BngRig, customer_body, customer_write, running_bng
from tests.support.fifth_profile import PROFILES, named

from bng_bridge.bng import subscriptions
from bng_bridge.bng.announcements import Announcement, Announcements
from bng_bridge.bng.fields import ID_FIELDS, WEBHOOKS
from bng_bridge.bng.wire import Record
from bridge_common.errors import RejectedByTarget
from bridge_sandbox.bng import samples

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
DEADLINE_S = 10.0


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return named(request.param, tmp_path)


@pytest.fixture
async def rig(profile: str, tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path, profile=profile) as rig:
        yield rig


async def posted(rig: BngRig, resource: str, body: Record, **changes: Any) -> Record:
    """The new record as it is read; its key is its ExternalID."""
    body = body | changes
    written = await rig.client.create(resource, body, f"{resource}-{body.get('ExternalID')}", accept=())
    return await found(
        rig, resource, written.record_id or id_of(resource, written.stored.body if written.stored else {})
    )


async def found(rig: BngRig, resource: str, record_id: str) -> Record:
    record = await rig.client.get(f"{resource}/{record_id}")
    assert record is not None
    return record


def id_of(resource: str, record: Record) -> str:
    return str(record[ID_FIELDS[resource]])


async def new_order(rig: BngRig, number: str = "1") -> Record:
    customer = await rig.target.create(customer_write(), customer_body(), "make")
    return await posted(rig, "sales-orders", samples.order(customer.id, ExternalID=number))


async def new_invoice(rig: BngRig) -> Record:
    order = await new_order(rig)
    return await posted(rig, "invoices", samples.invoice(order["SalesOrderID"], ExternalID="i1"))


def same_fields(record: Record, body: Record) -> bool:
    """Whether the record has all that was sent; amounts may have gained digits."""
    return all(record[name] == value for name, value in body.items() if name != "Lines")


async def test_each_document_arrives_and_is_found_by_what_it_belongs_to(rig: BngRig) -> None:
    order = await new_order(rig)
    bodies: dict[str, Record] = {}
    bodies["invoices"] = samples.invoice(order["SalesOrderID"], ExternalID="i1", DueDate="2025-04-01", TaxTotal="0.95")
    invoice = await posted(rig, "invoices", bodies["invoices"])
    bodies["payments"] = samples.payment(
        invoice["InvoiceID"], "15.94", ExternalID="p1", CustomerID=order["CustomerID"], Description="card 4711"
    )
    bodies["gl-entries"] = samples.gl_entry(
        "15.94", ExternalID="g1", SourceType="invoice", SourceID="74", Reference="7"
    )
    bodies["vendors"] = {"ExternalID": "v1", "Name": "Töpferei", "Email": "ton@example.com", "Terms": "NET30"}
    made = {"invoices": invoice}
    for resource in ("payments", "gl-entries", "vendors"):
        made[resource] = await posted(rig, resource, bodies[resource])
    bodies["purchase-orders"] = samples.purchase_order(made["vendors"]["VendorID"], ExternalID="b1")
    made["purchase-orders"] = await posted(rig, "purchase-orders", bodies["purchase-orders"])
    for resource, body in bodies.items():
        assert same_fields(made[resource], body), resource
        record = await found(rig, resource, id_of(resource, made[resource]))
        assert await rig.client.search(resource, external_id=body["ExternalID"]) == [record]
        if rig.client.profile.external_id.look_up == "path":
            stored = await rig.client.read_by_external_id(resource, body["ExternalID"])
            assert stored is not None
            assert stored.body == record
    assert [(line["SKU"], line["Quantity"], line["LineTotal"]) for line in invoice["Lines"]] == [
        ("MUG-WHITE", "1", "9.99"),
        ("FREIGHT", "1", "5.95"),
    ]
    assert [(line["Debit"], line["Credit"]) for line in made["gl-entries"]["Lines"]] == [
        ("15.94", "0.00"),
        ("0.00", "15.94"),
    ]


async def test_a_list_is_asked_for_by_each_reference(rig: BngRig) -> None:
    invoice, order = await new_invoice(rig), (await rig.client.search("sales-orders"))[0]
    of_his = {"CustomerID": order["CustomerID"], "ExternalID": "p1"}
    payment = await posted(rig, "payments", samples.payment(invoice["InvoiceID"], "1.00", **of_his))
    await posted(rig, "payments", samples.payment(None, "1.00", ExternalID="p2", TransactionID="t2"))
    for filters in (
        {"invoice_id": invoice["InvoiceID"]},
        {"customer_id": order["CustomerID"]},
        {"transaction_id": "t1"},
        {"transaction_id": "t1", "updated_since": payment["UpdatedAt"]},
    ):
        assert [each["ExternalID"] for each in await rig.client.search("payments", **filters)] == ["p1"], filters
    assert [
        each["ExternalID"] for each in await rig.client.search("invoices", sales_order_id=order["SalesOrderID"])
    ] == ["i1"]
    assert len(await rig.client.search("sales-orders", customer_id=order["CustomerID"])) == 1
    assert await rig.client.search("invoices", sales_order_id=f"{order['SalesOrderID']}0") == []


async def test_what_is_owed_follows_captures_credits_and_refunds(rig: BngRig) -> None:
    invoice = await new_invoice(rig)
    invoice_id = invoice["InvoiceID"]
    assert (invoice["Type"], invoice["Balance"]) == ("invoice", "15.94")
    await posted(rig, "payments", samples.payment(invoice_id, "15.94", ExternalID="p1"))
    assert (await found(rig, "invoices", invoice_id))["Balance"] == "0.00"
    credit = await posted(rig, "invoices", samples.credit(invoice, ExternalID="c1"))
    assert (credit["Type"], credit["AppliesToInvoiceID"], credit["Balance"]) == ("credit", invoice_id, "0.00")
    refund = await posted(rig, "payments", samples.payment(invoice_id, "-5.94", ExternalID="p2"))
    assert refund["Amount"] == "-5.94"
    assert (await found(rig, "invoices", invoice_id))["Balance"] == "-10.00"


async def test_each_refusal_has_its_problem_and_its_field(rig: BngRig) -> None:
    invoice = await new_invoice(rig)
    await rig.admin("POST", "/periods", Period="2025-04")
    odd = [{"Account": "1200", "Debit": "1"}, {"Account": "4000", "Credit": "1.01"}]
    for resource, body, problem, field in (
        ("gl-entries", samples.gl_entry(Lines=odd), "unbalanced-entry", "Lines"),
        ("gl-entries", samples.gl_entry(EntryDate="2025-04-30"), "closed-period", "EntryDate"),
        ("invoices", samples.credit(invoice, AppliesToInvoiceID=None), "validation", "AppliesToInvoiceID"),
        ("payments", samples.payment(invoice["InvoiceID"], "-1.00"), "validation", "Amount"),
        ("purchase-orders", samples.purchase_order("999"), "validation", "VendorID"),
    ):
        with pytest.raises(RejectedByTarget) as refused:
            await posted(rig, resource, body)
        name = rig.client.wire.name_of(resource, field)
        assert (refused.value.problem, refused.value.pointer) == (problem, f"/{name}")
    assert await rig.client.search("gl-entries") == []


async def test_the_same_request_twice_posts_once(rig: BngRig) -> None:
    """By its key, or by the unique ExternalID. With neither only looking first helps, as in test_bng_profiles.py."""
    profile = rig.client.profile
    if not (profile.idempotency.methods or profile.external_id.unique):
        pytest.skip("the profile has neither keys nor unique ExternalIDs")
    for _ in range(2):
        accept = ("done-before", "duplicate-external-id")
        await rig.client.create("gl-entries", samples.gl_entry(ExternalID="g1"), "the same key", accept=accept)
    assert len(await rig.client.search("gl-entries")) == 1


async def test_an_entry_is_reversed_once_and_both_name_each_other(rig: BngRig) -> None:
    entry = await posted(rig, "gl-entries", samples.gl_entry("10.00", ExternalID="g1"))
    asked = {"ExternalID": "g1-reversed", "EntryDate": "2025-05-01"}
    await rig.client.reverse(entry["GlEntryID"], asked, "reverse-1", accept=())
    (reversal,) = await rig.client.search("gl-entries", external_id="g1-reversed")
    assert [(line["Debit"], line["Credit"]) for line in reversal["Lines"]] == [("0.00", "10.00"), ("10.00", "0.00")]
    assert (reversal["EntryDate"], reversal["ReversesID"]) == ("2025-05-01", entry["GlEntryID"])
    entry = await found(rig, "gl-entries", entry["GlEntryID"])
    assert entry["ReversedByID"] == reversal["GlEntryID"]
    with pytest.raises(RejectedByTarget, match="it was reversed by"):
        await rig.client.reverse(entry["GlEntryID"], asked | {"ExternalID": "again"}, "reverse-2", accept=())


async def test_a_purchase_order_is_changed_and_shows_what_has_come(rig: BngRig) -> None:
    vendor = await posted(rig, "vendors", {"ExternalID": "v1", "Name": "Töpferei"})
    bought = samples.purchase_order(vendor["VendorID"], ("MUG-WHITE", "10", "3.50"), ExternalID="b1")
    order = await posted(rig, "purchase-orders", bought)
    assert (order["Status"], order["Lines"][0]["ReceivedQuantity"]) == ("open", "0")
    stored = await rig.client.read("purchase-orders", order["PurchaseOrderID"])
    assert stored is not None
    later = bought | {"ExpectedDate": "2025-04-01"}
    await rig.client.change("purchase-orders", order["PurchaseOrderID"], later, stored.version, "change", accept=())
    await rig.admin("POST", "/receive", ExternalID="b1", Lines=[{"LineNo": 1, "Quantity": "3"}])
    order = await found(rig, "purchase-orders", order["PurchaseOrderID"])
    assert (order["Status"], order["ExpectedDate"]) == ("partial", "2025-04-01")
    assert [(line["Quantity"], line["ReceivedQuantity"]) for line in order["Lines"]] == [("10", "3")]


async def test_what_bng_s_people_do_is_announced_in_bng_s_words(rig: BngRig) -> None:
    """The kinds that the profile names: each with its resource, and with the record's id where it says more than a key."""
    how = rig.client.profile.webhooks
    if how.verify == "none":
        pytest.skip("the profile has no webhooks")
    wanted = {"invoice_created", "payment_posted", "customer_updated", "product_updated"}
    wanted &= set(how.kinds or wanted)
    reader, heard = Announcements(rig.client.profile, SECRET), asyncio.Queue[Announcement]()

    async def take(request: web.Request) -> web.Response:
        if (token := reader.handshake(request.query)) is not None:
            return web.Response(text=token)
        for each in reader.read(request.headers, await request.read()):
            heard.put_nowait(each)
        return web.Response(status=204)

    order = await new_order(rig)
    app = web.Application()
    app.add_routes([web.post("/hook", take)])
    async with TestServer(app) as server:
        await subscribe(rig, str(server.make_url("/hook")))
        invoice = await rig.admin("POST", "/invoices", ExternalID=order["ExternalID"])
        made = {
            "invoice_created": invoice,
            "payment_posted": await rig.admin("POST", "/payments", InvoiceID=invoice["InvoiceID"]),
        }
        for kind, shelf, change in (
            ("customer_updated", "customers", {"Phone": "1"}),
            ("product_updated", "products", {"ListPrice": "8.50"}),
        ):
            record = (await rig.records(shelf))[0]
            made[kind] = await rig.admin("PATCH", f"/records/{shelf}/{record[ID_FIELDS[shelf]]}?by=ida", **change)
            assert made[kind]["UpdatedBy"] == "ida"
        seen: dict[str, Announcement] = {}
        async with asyncio.timeout(DEADLINE_S):
            while seen.keys() != wanted:
                announced = await heard.get()
                seen[announced.kind] = announced
    for kind, announced in seen.items():
        assert (announced.resource, announced.is_enough) == (WEBHOOKS[kind], how.content == "record")
        if announced.is_enough:
            assert id_of(announced.resource, announced.data) == made[kind][ID_FIELDS[announced.resource]]


async def subscribe(rig: BngRig, url: str) -> None:
    how = rig.client.profile.webhooks.subscription
    if how is None:
        await rig.admin("POST", "/webhooks", url=url, secret=SECRET)
    else:
        assert await subscriptions.renew(rig.client, how, url, SECRET) == len(how.resources)
