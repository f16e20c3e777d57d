"""The sandbox BNG's invoices, credit memos and payments: what is owed, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bng_office import Office, running_office

from bridge_sandbox.bng import samples

VALIDATION = "urn:bng:problem:validation"


@pytest.fixture
async def bng(tmp_path: Path) -> AsyncIterator[Office]:
    async with running_office(tmp_path) as office:
        yield office


async def test_a_new_invoice_is_open_by_its_total_and_announced_in_its_order(bng: Office) -> None:
    invoice = await bng.invoice()
    assert (invoice["InvoiceID"], invoice["Type"], invoice["Version"]) == ("IN-100001", "invoice", 1)
    assert (invoice["Total"], invoice["Balance"], invoice["Status"]) == ("15.94", "15.94", "open")
    assert await bng.listed("invoices", sales_order_id=bng.order["SalesOrderID"]) == [invoice]


async def test_balance_and_status_are_the_server_s(bng: Office) -> None:
    invoice = await bng.invoice(Balance="1.00", Status="paid")
    assert (invoice["Balance"], invoice["Status"]) == ("15.94", "open")


async def test_payments_and_credits_lower_what_is_owed_and_refunds_raise_it(bng: Office) -> None:
    invoice = await bng.invoice()
    for amount, balance, status in (
        ("5.94", "10.00", "partial"),
        ("10.00", "0.00", "paid"),
        ("-6.00", "6.00", "partial"),
        ("-9.94", "15.94", "open"),
    ):
        await bng.post("payments", samples.payment(invoice["InvoiceID"], amount, TransactionID=f"t{amount}"))
        assert await bng.owed(invoice) == (balance, status)
    credit = await bng.post("invoices", samples.credit(invoice))
    assert (credit["Balance"], credit["Status"]) == ("0.00", "applied")
    assert await bng.owed(invoice) == ("0.00", "paid")


async def test_what_is_credited_after_it_was_paid_is_owed_to_the_customer_until_it_is_refunded(bng: Office) -> None:
    invoice = await bng.invoice()
    await bng.post("payments", samples.payment(invoice["InvoiceID"], "15.94"))
    await bng.post("invoices", samples.credit(invoice))
    assert await bng.owed(invoice) == ("-15.94", "overpaid")
    await bng.post("payments", samples.payment(invoice["InvoiceID"], "-15.94"))
    assert await bng.owed(invoice) == ("0.00", "paid")


async def test_each_payment_gives_its_invoice_a_version(bng: Office) -> None:
    invoice = await bng.invoice()
    await bng.post("payments", samples.payment(invoice["InvoiceID"], "1.00"))
    changed = await bng.get("invoices", invoice["InvoiceID"])
    assert (changed["Version"], changed["UpdatedAt"] > invoice["UpdatedAt"]) == (2, True)
    assert await bng.listed("invoices", updated_since=changed["UpdatedAt"]) == [changed]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"Type": "credit"}, "/AppliesToInvoiceID"),
        ({"Type": "credit", "AppliesToInvoiceID": "IN-9"}, "/AppliesToInvoiceID"),
        ({"AppliesToInvoiceID": "IN-100001"}, "/AppliesToInvoiceID"),
        ({"Type": "memo"}, "/Type"),
        ({"SalesOrderID": "SO-9"}, "/SalesOrderID"),
        ({"Total": "15.95"}, "/Total"),
        ({"Total": "-5.00", "Lines": [{"LineNo": 1, "Quantity": "1", "LineTotal": "-5"}]}, "/Total"),
        ({"Lines": []}, "/Lines"),
        ({"InvoiceDate": None}, "/InvoiceDate"),
    ],
)
async def test_an_invoice_that_breaks_a_rule_is_refused(bng: Office, changes: dict[str, Any], pointer: str) -> None:
    await bng.invoice()
    refused = samples.invoice(bng.order["SalesOrderID"], **changes)
    assert await bng.refused("invoices", refused) == (422, VALIDATION, pointer)
    assert len(await bng.listed("invoices")) == 1


async def test_a_credit_applies_to_an_invoice_of_its_own_order(bng: Office) -> None:
    invoice = await bng.invoice()
    credit = await bng.post("invoices", samples.credit(invoice))
    of_a_credit = samples.credit(invoice, AppliesToInvoiceID=credit["InvoiceID"])
    of_another_order = samples.credit(invoice, SalesOrderID=(await bng.new_order())["SalesOrderID"])
    for body in (of_a_credit, of_another_order):
        assert await bng.refused("invoices", body) == (422, VALIDATION, "/AppliesToInvoiceID")


async def test_a_payment_is_found_by_each_of_its_references(bng: Office) -> None:
    invoice = await bng.invoice()
    customer_id = bng.order["CustomerID"]
    body = samples.payment(invoice["InvoiceID"], "1.00", ExternalID="p1", CustomerID=customer_id)
    payment = await bng.post("payments", body)
    other = await bng.post("payments", samples.payment(None, "2.00", TransactionID="t2"))
    for query in (
        {"external_id": "p1"},
        {"invoice_id": invoice["InvoiceID"]},
        {"customer_id": customer_id},
        {"transaction_id": "t1"},
    ):
        assert await bng.listed("payments", **query) == [payment]
    assert await bng.listed("payments", transaction_id="t2") == [other]
    assert payment["Amount"] == "1.00"


@pytest.mark.parametrize(
    ("amount", "changes", "kind", "pointer"),
    [
        ("1.00", {"TransactionID": None}, "validation", "/TransactionID"),
        ("0", {}, "validation", "/Amount"),
        ("1.00", {"InvoiceID": "IN-9"}, "validation", "/InvoiceID"),
        ("1.00", {"CustomerID": "C-9"}, "unknown-customer", "/CustomerID"),
        ("-0.01", {}, "validation", "/Amount"),
        ("-0.01", {"InvoiceID": None}, "validation", "/Amount"),
    ],
)
async def test_a_payment_that_breaks_a_rule_is_refused(
    bng: Office, amount: str, changes: dict[str, Any], kind: str, pointer: str
) -> None:
    invoice = await bng.invoice()
    body = samples.payment(invoice["InvoiceID"], amount, **changes)
    assert await bng.refused("payments", body) == (422, f"urn:bng:problem:{kind}", pointer)
    assert await bng.owed(invoice) == ("15.94", "open")


async def test_a_transaction_is_posted_once_as_a_capture_and_once_as_a_refund(bng: Office) -> None:
    invoice = await bng.invoice()
    for amount in ("5.00", "-2.00"):
        body = samples.payment(invoice["InvoiceID"], amount)
        await bng.post("payments", body)
        assert await bng.refused("payments", body) == (422, VALIDATION, "/TransactionID")
    assert await bng.owed(invoice) == ("12.94", "partial")


async def test_no_more_is_refunded_than_was_captured_on_that_invoice(bng: Office) -> None:
    invoice, other = await bng.invoice(), await bng.invoice()
    await bng.post("payments", samples.payment(other["InvoiceID"], "15.94", TransactionID="other"))
    await bng.post("payments", samples.payment(invoice["InvoiceID"], "5.00"))
    await bng.post("payments", samples.payment(invoice["InvoiceID"], "-3.00", TransactionID="r1"))
    too_much = samples.payment(invoice["InvoiceID"], "-2.01", TransactionID="r2")
    assert await bng.refused("payments", too_much) == (422, VALIDATION, "/Amount")
    await bng.post("payments", samples.payment(invoice["InvoiceID"], "-2.00", TransactionID="r2"))


async def test_a_payment_is_not_posted_on_a_credit(bng: Office) -> None:
    credit = await bng.post("invoices", samples.credit(await bng.invoice()))
    refund = samples.payment(credit["InvoiceID"], "-1.00")
    assert await bng.refused("payments", refund) == (422, VALIDATION, "/InvoiceID")


async def test_the_poorest_bng_posts_a_transaction_as_often_as_it_is_sent(tmp_path: Path) -> None:
    async with running_office(tmp_path, no_keys=True) as bng:
        invoice = await bng.invoice()
        for _ in range(2):
            await bng.post("payments", samples.payment(invoice["InvoiceID"], "5.00", ExternalID="p1"))
        assert len(await bng.listed("payments", external_id="p1")) == 2
        assert await bng.owed(invoice) == ("5.94", "partial")


@pytest.mark.parametrize("resource", ["invoices", "payments", "gl-entries"])
async def test_what_is_posted_is_neither_changed_nor_overwritten(bng: Office, resource: str) -> None:
    for method, path in (("PATCH", "X-1"), ("PUT", "by-external-id/1"), ("PUT", "X-1")):
        async with bng.client.request(method, f"/api/v1/{resource}/{path}", json={}) as answer:
            assert answer.status in {404, 405}


async def test_the_same_key_posts_once(bng: Office) -> None:
    body = samples.invoice(bng.order["SalesOrderID"], ExternalID="i1")
    first = await bng.post("invoices", body, key="k1")
    assert await bng.post("invoices", body, key="k1") == first
    kind = "urn:bng:problem:duplicate-external-id"
    assert await bng.refused("invoices", body) == (409, kind, "/ExternalID")


async def test_bng_s_people_invoice_what_is_left_of_an_order(bng: Office) -> None:
    order = await bng.new_order(("MUG-WHITE", "3", "9.99"), ("TEE-S", "1", "24.95"))
    which = {"SalesOrderID": order["SalesOrderID"]}
    first = await bng.tell("/invoices?by=ida", **which, Lines=[{"LineNo": 1, "Quantity": "1"}])
    assert [(line["SKU"], line["Quantity"], line["LineTotal"]) for line in first["Lines"]] == [
        ("MUG-WHITE", "1", "9.99"),
        ("FREIGHT", "1", "5.95"),
    ]
    assert (first["Total"], first["TaxTotal"], first["UpdatedBy"]) == ("15.94", "0.95", "ida")
    rest = await bng.tell("/invoices", **which)
    assert [(line["SKU"], line["Quantity"], line["LineTotal"]) for line in rest["Lines"]] == [
        ("MUG-WHITE", "2", "19.98"),
        ("TEE-S", "1", "24.95"),
    ]
    assert (rest["Total"], rest["TaxTotal"], rest["UpdatedBy"]) == ("44.93", "0.00", "operator")
    async with bng.admin.post("/invoices", json=which) as answer:
        assert answer.status == 422


async def test_bng_s_people_credit_and_take_payments(bng: Office) -> None:
    invoice = await bng.tell("/invoices", SalesOrderID=bng.order["SalesOrderID"])
    payment = await bng.tell("/payments", InvoiceID=invoice["InvoiceID"])
    assert (payment["Amount"], payment["CustomerID"]) == ("15.94", bng.order["CustomerID"])
    part = await bng.tell("/credits", InvoiceID=invoice["InvoiceID"], Lines=[{"LineNo": 1, "Quantity": "0.5"}])
    assert (part["Type"], part["Total"]) == ("credit", "5.00")
    assert await bng.owed(invoice) == ("-5.00", "overpaid")
    refund = await bng.tell("/payments", InvoiceID=invoice["InvoiceID"], Method="card", TransactionID="r1")
    assert (refund["Amount"], refund["Method"], refund["TransactionID"]) == ("-5.00", "card", "r1")
    whole = await bng.tell("/credits", InvoiceID=invoice["InvoiceID"])
    assert whole["Total"] == "15.94"
