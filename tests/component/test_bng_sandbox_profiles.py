"""What goes over the wire in each shipped profile, seen without the bridge: both sides cannot be wrong in the same way."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

NETSUITE = "/services/rest/record/v1"
CENTRAL = "/v2.0/production/api/v2.0/companies(CRONUS)"
FRAPPE = "/api/resource"


@asynccontextmanager
async def bng(folder: Path, profile: str, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        serving(Settings(folder / "bng.sqlite", profile=profile)) as running,
        aiohttp.ClientSession(running.url, headers=headers) as session,
    ):
        yield session


@pytest.fixture
async def netsuite(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with bng(tmp_path, "netsuite-like", Authorization="Bearer sandbox-key") as session:
        yield session


@pytest.fixture
async def central(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with bng(tmp_path, "bc-like") as session:
        form = {
            "grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret",
            "scope": "https://api.businesscentral.dynamics.com/.default",
        }  # fmt: skip
        async with session.post("/oauth2/v2.0/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        yield session


@pytest.fixture
async def frappe(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with bng(tmp_path, "frappe-like", Authorization="token sandbox-key") as session:
        yield session


async def ask(session: aiohttp.ClientSession, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """(status, body, headers)"""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.request(method, path, json=body, headers=sent) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None, answer.headers


def debtor(**fields: Any) -> dict[str, Any]:
    return {"subsidiary": {"id": "1"}, "firstName": "Ida", "lastName": "Brandt", "creditLimit": 12.50, **fields}


async def test_netsuite_answers_a_write_with_an_address_and_a_second_one_with_400(
    netsuite: aiohttp.ClientSession,
) -> None:
    path = f"{NETSUITE}/customer/eid:shop1-5"
    status, body, headers = await ask(netsuite, "PUT", path, debtor(), X_NetSuite_Idempotency_Key="1")
    assert (status, body, headers["Location"]) == (204, None, f"{NETSUITE}/customer/C-100001")
    status, body, _ = await ask(netsuite, "PUT", path, debtor(), X_NetSuite_Idempotency_Key="1")
    assert (status, body["o:errorDetails"][0]["o:errorCode"]) == (400, "IDEMPOTENCY_ERROR")


async def test_netsuite_has_a_record_at_its_external_id_in_its_own_names(netsuite: aiohttp.ClientSession) -> None:
    await ask(netsuite, "PUT", f"{NETSUITE}/customer/eid:shop1-5", debtor(defaultBillingAddress={"addr1": "Kai 1"}))
    _, body, headers = await ask(netsuite, "GET", f"{NETSUITE}/customer/eid:shop1-5")
    assert (body["id"], body["externalId"], body["creditLimit"]) == ("C-100001", "shop1-5", 12.5)
    assert body["defaultBillingAddress"]["addr1"] == "Kai 1"
    assert len(body["lastModifiedDate"]) == len("2026-01-31T13:14:15Z")
    assert "ETag" not in headers
    assert "Version" not in body


async def test_netsuite_lists_ids_by_an_expression(netsuite: aiohttp.ClientSession) -> None:
    for number in (1, 2):
        await ask(netsuite, "PUT", f"{NETSUITE}/customer/eid:{number}", debtor())
    query = 'q=externalId IS "2" AND lastModifiedDate ON_OR_AFTER "2020-01-01T00:00:00Z"&limit=5&offset=0'
    _, body, _ = await ask(netsuite, "GET", f"{NETSUITE}/customer?{query}")
    assert body == {"items": [{"id": "C-100002"}], "hasMore": False}
    status, _, _ = await ask(netsuite, "GET", f'{NETSUITE}/customer?q=nickname IS "2"')
    assert status == 400


async def test_netsuite_wants_its_constants_in_a_new_record_and_numbers_for_amounts(
    netsuite: aiohttp.ClientSession,
) -> None:
    path = f"{NETSUITE}/customer/eid:shop1-5"
    status, body, _ = await ask(netsuite, "PUT", path, {"firstName": "Ida"})
    assert (status, body["o:errorDetails"][0]["o:errorPath"]) == (400, "/subsidiary/id")
    status, body, _ = await ask(netsuite, "PUT", path, debtor(creditLimit="12.50"))
    assert (status, body["o:errorDetails"][0]["o:errorPath"]) == (400, "/creditLimit")


async def test_business_central_pages_by_a_link(central: aiohttp.ClientSession) -> None:
    for number in (1, 2, 3):
        await ask(central, "POST", f"{CENTRAL}/customers", {"externalNumber": str(number), "firstName": "Ida"})
    _, body, _ = await ask(central, "GET", f"{CENTRAL}/customers", Prefer="odata.maxpagesize=2")
    assert [each["externalNumber"] for each in body["value"]] == ["1", "2"]
    _, last, _ = await ask(central, "GET", URL(body["@odata.nextLink"]).path_qs)
    assert [each["externalNumber"] for each in last["value"]] == ["3"]
    assert "@odata.nextLink" not in last


async def test_business_central_changes_a_record_only_under_its_etag(central: aiohttp.ClientSession) -> None:
    _, made, headers = await ask(central, "POST", f"{CENTRAL}/customers", {"firstName": "Ida", "shipToCity": "Ulm"})
    assert made["@odata.etag"] == headers["ETag"] == 'W/"1"'
    assert (made["addressLine1"], made["shipToCity"]) == (None, "Ulm")
    path, change = f"{CENTRAL}/customers({made['id']})", {"phoneNumber": "1"}
    status, body, _ = await ask(central, "PATCH", path, change)
    assert (status, body["error"]["code"]) == (400, "BadRequest_RequiredHeaderMissing")
    status, body, _ = await ask(central, "PATCH", path, change, If_Match='W/"7"')
    assert (status, body["error"]["code"]) == (409, "Request_EntityChanged")
    status, body, _ = await ask(central, "PATCH", path, change, If_Match=made["@odata.etag"])
    assert (status, body["phoneNumber"], body["@odata.etag"]) == (200, "1", 'W/"2"')


async def test_business_central_filters_and_quotes_as_odata_does(central: aiohttp.ClientSession) -> None:
    for number in ("it's", "other"):
        await ask(central, "POST", f"{CENTRAL}/customers", {"externalNumber": number})
    query = {"$filter": "externalNumber eq 'it''s' and lastModifiedDateTime ge 2020-01-01T00:00:00Z"}
    async with central.get(f"{CENTRAL}/customers", params=query) as answer:
        assert [each["externalNumber"] for each in (await answer.json())["value"]] == ["it's"]


async def test_business_central_makes_records_twice_that_are_sent_twice(central: aiohttp.ClientSession) -> None:
    for _ in range(2):
        status, _, _ = await ask(central, "POST", f"{CENTRAL}/customers", {"externalNumber": "1"})
        assert status == 201


def customer_document(**fields: Any) -> dict[str, Any]:
    return {"doctype": "Customer", "customer_type": "Individual", "custom_external_id": "1", **fields}


async def test_frappe_answers_what_is_not_valid_with_417(frappe: aiohttp.ClientSession) -> None:
    status, body, _ = await ask(frappe, "POST", f"{FRAPPE}/Customer", customer_document(credit_limit="1,5"))
    assert (status, body["exc_type"]) == (417, "ValidationError")
    order = {
        "doctype": "Sales Order", "order_type": "Sales", "customer": "C-9", "transaction_date": "2026-01-31",
        "currency": "EUR", "items": [{"idx": 1, "item_code": "MUG-WHITE", "qty": 1, "amount": 9.99}], "grand_total": 9.99,
    }  # fmt: skip
    status, body, _ = await ask(frappe, "POST", f"{FRAPPE}/Sales Order", order)
    assert (status, body["exc_type"], body["errors"][0]["field"]) == (417, "LinkValidationError", "/customer")


async def test_frappe_compares_the_time_of_change_that_comes_back(frappe: aiohttp.ClientSession) -> None:
    _, made, _ = await ask(frappe, "POST", f"{FRAPPE}/Customer", customer_document())
    path, seen = f"{FRAPPE}/Customer/{made['data']['name']}", made["data"]["modified"]
    status, body, _ = await ask(frappe, "PUT", path, {"mobile_no": "1", "modified": seen})
    assert (status, body["data"]["mobile_no"]) == (200, "1")
    status, body, _ = await ask(frappe, "PUT", path, {"mobile_no": "2", "modified": seen})
    assert (status, body["exc_type"]) == (417, "TimestampMismatchError")


async def test_frappe_filters_by_json_and_pages_by_offset(frappe: aiohttp.ClientSession) -> None:
    for number in range(3):
        await ask(frappe, "POST", f"{FRAPPE}/Customer", customer_document(custom_external_id=str(number)))
    query = {"limit_start": "1", "limit_page_length": "5", "fields": '["name"]', "order_by": "name asc"}
    async with frappe.get(f"{FRAPPE}/Customer", params=query) as answer:
        assert [each["name"] for each in (await answer.json())["data"]] == ["C-100002", "C-100003"]
    async with frappe.get(f"{FRAPPE}/Customer", params={"filters": '[["custom_external_id","=","2"]]'}) as answer:
        assert await answer.json() == {"data": [{"name": "C-100003"}]}


async def test_frappe_refuses_a_second_record_with_the_same_external_id(frappe: aiohttp.ClientSession) -> None:
    for expected in (201, 409):
        status, _, _ = await ask(frappe, "POST", f"{FRAPPE}/Customer", customer_document())
        assert status == expected


@pytest.mark.parametrize("key", ["token wrong", "Bearer sandbox-key", ""])
async def test_frappe_knows_one_form_of_login(tmp_path: Path, key: str) -> None:
    async with bng(tmp_path, "frappe-like", **({"Authorization": key} if key else {})) as session:
        status, body, _ = await ask(session, "GET", f"{FRAPPE}/Customer")
        assert (status, body["exc_type"]) == (401, "AuthenticationError")


async def test_netsuite_refuses_a_ledger_entry_that_is_not_balanced_in_its_own_words(
    netsuite: aiohttp.ClientSession,
) -> None:
    entry: dict[str, Any] = {
        "subsidiary": {"id": "1"}, "tranDate": "2026-01-31", "custbody_journal": "SALES",
        "line": {"items": [{"account": {"id": "1200"}, "debit": 10.00}, {"account": {"id": "4000"}, "credit": 10.00}]},
    }  # fmt: skip
    status, _, headers = await ask(netsuite, "POST", f"{NETSUITE}/journalEntry", entry)
    assert (status, headers["Location"]) == (204, f"{NETSUITE}/journalEntry/GL-100001")
    _, made, _ = await ask(netsuite, "GET", headers["Location"])
    assert [(line["debit"], line["credit"]) for line in made["line"]["items"]] == [(10, 0), (0, 10)]
    assert made["reversalEntry"] == {"id": None}
    entry["line"]["items"][0]["debit"] = 10.01
    status, body, _ = await ask(netsuite, "POST", f"{NETSUITE}/journalEntry", entry)
    found = body["o:errorDetails"][0]
    assert (status, found["o:errorCode"], found["o:errorPath"]) == (400, "JOURNAL_OUT_OF_BALANCE", "/line/items")


async def test_business_central_reverses_an_entry_by_an_action_and_shows_both_links(
    central: aiohttp.ClientSession,
) -> None:
    entry = {
        "postingDate": "2026-01-31", "journalBatchName": "SALES",
        "journalLines": [{"accountNumber": "1200", "debitAmount": 10.00}, {"accountNumber": "4000", "creditAmount": 10.00}],
    }  # fmt: skip
    _, made, _ = await ask(central, "POST", f"{CENTRAL}/generalLedgerEntries", entry)
    path = f"{CENTRAL}/generalLedgerEntries({made['id']})"
    status, reversal, _ = await ask(central, "POST", f"{path}/Microsoft.NAV.reverse", {"postingDate": "2026-02-01"})
    assert (status, reversal["reversesEntryId"], reversal["postingDate"]) == (201, made["id"], "2026-02-01")
    _, changed, _ = await ask(central, "GET", path)
    assert (changed["reversedByEntryId"], changed["@odata.etag"]) == (reversal["id"], 'W/"2"')
    status, body, _ = await ask(central, "POST", f"{path}/Microsoft.NAV.reverse", {})
    assert (status, body["error"]["details"][0]["target"]) == (400, "/reversedByEntryId")


async def test_frappe_shows_what_is_owed_as_a_number_and_a_credit_as_a_return(frappe: aiohttp.ClientSession) -> None:
    _, made, _ = await ask(frappe, "POST", f"{FRAPPE}/Customer", customer_document())
    line = {"idx": 1, "item_code": "MUG-WHITE", "qty": 1, "amount": 9.99}
    order = {
        "doctype": "Sales Order", "order_type": "Sales", "customer": made["data"]["name"], "transaction_date": "2026-01-31",
        "currency": "EUR", "items": [line], "grand_total": 9.99,
    }  # fmt: skip
    _, made, _ = await ask(frappe, "POST", f"{FRAPPE}/Sales Order", order)
    invoice = {
        "doctype": "Sales Invoice", "sales_order": made["data"]["name"], "posting_date": "2026-02-01", "items": [line],
        "grand_total": 9.99, "is_return": 0,
    }  # fmt: skip
    _, made, _ = await ask(frappe, "POST", f"{FRAPPE}/Sales Invoice", invoice)
    assert (made["data"]["outstanding_amount"], made["data"]["is_return"]) == (9.99, 0)
    path = f"{FRAPPE}/Sales Invoice/{made['data']['name']}"
    status, _, _ = await ask(frappe, "PUT", path, {"due_date": "2026-03-01"})
    assert status == 405
    status, body, _ = await ask(frappe, "POST", f"{FRAPPE}/Sales Invoice", invoice | {"is_return": 1})
    assert (status, body["errors"][0]["field"]) == (417, "/return_against")
