"""The sandbox BNG describes itself: the document is valid, complete, and what it says of every answer is true."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.support.bng_scenarios import (
    call_everything,
    read_and_write_customers,
    read_and_write_gl_entries,
    read_and_write_invoices,
    read_and_write_orders,
    read_and_write_payments,
    read_and_write_products,
    read_and_write_purchase_orders,
    read_and_write_shipments,
    read_inventory,
    running_bng,
)
from tests.support.openapi import Described

from bridge_sandbox.bng import checks, openapi, samples
from bridge_sandbox.bng.fields import Check, FieldErrors
from bridge_sandbox.bng.openapi import TOKEN_PATH
from bridge_sandbox.bng.profile import OWN, POOREST
from bridge_sandbox.bng.schemas import webhook_name
from bridge_sandbox.bng.server import create_apps, edge_of, open_store
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.bng.webhook_faults import WebhookFaults

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
DEADLINE_S = 5.0
DOCUMENT = openapi.document(no_keys=False)


@pytest.mark.parametrize("no_keys", [False, True])
def test_the_document_is_valid(no_keys: bool) -> None:
    document = openapi.document(no_keys=no_keys)
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.parametrize("no_keys", [False, True])
async def test_the_document_has_every_route_of_the_server_and_no_other(tmp_path: Path, no_keys: bool) -> None:
    settings = Settings(tmp_path / "bng.sqlite", profile=POOREST if no_keys else OWN)
    edge = edge_of(settings)
    store = open_store(settings, edge)
    app, _ = create_apps(settings, store, WebhookFaults(store), edge)
    store.close()
    routes = {f"{route.method} {resource.canonical}" for resource in app.router.resources() for route in resource}
    served = {route for route in routes if not route.startswith("HEAD ")}
    assert Described(openapi.document(no_keys=no_keys)).operations() == served


@pytest.mark.parametrize("no_keys", [False, True])
async def test_the_document_is_served_to_anyone(tmp_path: Path, no_keys: bool) -> None:
    described = Described(openapi.document(no_keys=no_keys))
    async with running_bng(tmp_path, described, "wrong", profile=POOREST if no_keys else OWN) as bng:
        assert await bng.call("GET", "openapi.json") == described.document


async def test_every_answer_is_as_the_document_says_and_no_answer_of_the_document_is_missing(tmp_path: Path) -> None:
    described = Described(DOCUMENT)
    async with running_bng(tmp_path, described) as bng:
        await read_and_write_customers(bng)
        await read_and_write_orders(bng)
        await read_and_write_products(bng)
        await read_and_write_shipments(bng)
        await read_inventory(bng)
        await read_and_write_payments(bng, await read_and_write_invoices(bng))
        await read_and_write_gl_entries(bng)
        await read_and_write_purchase_orders(bng)
    async with running_bng(tmp_path, described, "wrong") as bng:
        await call_everything(bng)
    async with running_bng(tmp_path, described, rate=0.001) as bng:
        await bng.call("GET", "customers")
        await call_everything(bng)
    operations = described.operations() - {f"POST {TOKEN_PATH}"}
    assert {answer for each in operations for answer in described.answers(each)} - described.seen == set()


async def test_the_answers_without_keys_are_as_their_document_says(tmp_path: Path) -> None:
    async with running_bng(tmp_path, Described(openapi.document(no_keys=True)), profile=POOREST) as bng:
        customer = await bng.call("POST", "customers", samples.customer(ExternalID="7"))
        order = await bng.call("POST", "sales-orders", samples.order(customer["CustomerID"]))
        await bng.call("POST", "sales-orders", samples.order("C-0"))
        await bng.call("PATCH", f"sales-orders/{order['SalesOrderID']}", {"ShipVia": "DHL"})
        await bng.call("POST", "shipments", {"SalesOrderID": order["SalesOrderID"]})
        await bng.call("POST", f"sales-orders/{order['SalesOrderID']}/cancel")
        invoice = await bng.call("POST", "invoices", samples.invoice(order["SalesOrderID"]))
        await bng.call("POST", "payments", samples.payment(invoice["InvoiceID"], "15.94"))
        entry = await bng.call("POST", "gl-entries", samples.gl_entry())
        await bng.call("POST", f"gl-entries/{entry['GlEntryID']}/reverse", {})
        await bng.call("POST", f"gl-entries/{entry['GlEntryID']}/reverse", {})
        vendor = await bng.call("POST", "vendors", {"Name": "Weberei"})
        await bng.call("POST", "purchase-orders", samples.purchase_order(vendor["VendorID"]))


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}, 200),
        ({"grant_type": "password"}, 400),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, 401),
    ],
)
async def test_the_answers_to_a_request_for_a_token_are_as_the_document_says(
    tmp_path: Path, form: dict[str, str], status: int
) -> None:
    described = Described(DOCUMENT)
    async with running_bng(tmp_path, described) as bng, bng.client.post(TOKEN_PATH, data=form) as answer:
        assert answer.status == status
        described.check_answer("POST", TOKEN_PATH, status, answer.headers, await answer.text())


async def test_webhooks_of_every_type_are_as_the_document_says(tmp_path: Path) -> None:
    described, received = Described(DOCUMENT), asyncio.Queue[tuple[dict[str, str], Any]]()

    async def take(request: web.Request) -> web.Response:
        received.put_nowait((dict(request.headers), await request.json()))
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/hook", take)])
    async with TestServer(app) as server:
        options = {"webhook_url": str(server.make_url("/hook")), "webhook_secret": SECRET}
        async with running_bng(tmp_path, described, **options) as bng:
            await read_and_write_orders(bng)
            await bng.call("PUT", "products/by-sku/NEW", {"Name": "New"})
            await read_and_write_shipments(bng)
            await read_and_write_payments(bng, await read_and_write_invoices(bng))
            seen: set[str] = set()
            async with asyncio.timeout(DEADLINE_S):
                while seen != DOCUMENT["webhooks"].keys():
                    headers, body = await received.get()
                    seen.add(body["type"])
                    check_webhook(described, headers, body)


def check_webhook(described: Described, headers: dict[str, str], body: Any) -> None:
    hook = described.document["webhooks"][body["type"]]["post"]
    content = hook["requestBody"]["content"]["application/json"]
    assert content["schema"]["$ref"].endswith(webhook_name(body["type"]))
    assert described.errors(content["schema"], body) == []
    for each in hook["parameters"]:
        assert described.errors(each["schema"], headers[each["name"]]) == []


VALUES: list[Any] = [
    "", "text", "x" * 256, True, False, 0, 1, -1, 7, 10, 20, 10**14, Decimal("10.0"), Decimal("0.5"), Decimal("-0.25"),
    "0", "1", "-1", "1.50", "-0.333333", "1.", ".5", "1e3", "123456789012345", "1234567", "\u0661", "2025-02-28",
    "2025-2-8", "2025-02-30", [], ["a"], ["a", 1], {}, {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize(
    "check",
    [
        checks.text(), checks.text(3), checks.flag, checks.whole(0), checks.whole(1), checks.choice(10, 20),
        checks.choice("a", "b"), checks.money, checks.quantity, checks.number, checks.day, checks.month,
        checks.each(checks.text()), checks.each(checks.flag, at_least=1),
    ],
)  # fmt: skip
def test_a_check_takes_and_gives_what_its_schemas_say(check: Check) -> None:
    described = Described(DOCUMENT)
    for value in VALUES:
        try:
            given = check(value)
        except FieldErrors:
            assert described.errors(check.takes, value) != [], f"{value!r} is refused"
        else:
            assert described.errors(check.takes, value) == [], f"{value!r} is taken"
            assert described.errors(check.gives, given) == []
