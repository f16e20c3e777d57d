"""What single settings of a profile make the bridge do, where the contract suite has no place for it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.support.bridge import BngRig, Clock, customer_body, customer_write, giving, running_bng, until

from bng_bridge import intents
from bng_bridge.bng import profile_file, subscriptions
from bng_bridge.bng.announcements import Announcements
from bng_bridge.bng.client import BngClient
from bng_bridge.bng.target import BngTarget
from bng_bridge.config import Bng
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.sources import webhooks
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.errors import (
    BridgeError,
    ConfigError,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
)

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
Handler = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture
async def netsuite(tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path, profile="netsuite-like") as rig:
        yield rig


@pytest.fixture
async def central(tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path, profile="bc-like") as rig:
        yield rig


@asynccontextmanager
async def client_of(handler: Handler, profile: str, folder: Path) -> AsyncIterator[BngClient]:
    """A client of this profile (its text) at a server that answers everything so."""
    file, key = folder / "profile.yaml", folder / "key"
    file.write_text(profile)
    key.write_text("key")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield BngClient(
            session, Bng(base_url=str(server.make_url("")), api_key_file=key, profile=str(file), requests_per_s=1000)
        )


def answering(status: int, body: Any, **headers: str) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=json.dumps(body), headers=headers, content_type="application/json")

    return handle


async def test_a_write_that_is_done_and_then_not_read_may_have_been_executed(
    netsuite: BngRig, store: Store, clock: Clock
) -> None:
    """Its answer has no record, and reading that fails. To call it "not executed" would make a second one."""
    await netsuite.fault("status", method="GET", path="/customer/C-", status=503)
    with pytest.raises(OutcomeUnknown, match="written, and then not read"):
        await netsuite.deliver(store)(1, customer_write(), giving(customer_body()))
    assert len(intents.all_open(store.read)) == 1
    await netsuite.clear_faults()
    result = await netsuite.deliver(store)(1, customer_write(), giving(customer_body()))
    assert (result.action, intents.all_open(store.read)) == ("unchanged", [])
    assert len(await netsuite.records("customers")) == 1


async def test_a_change_that_was_carried_out_before_is_read_and_not_made_again(netsuite: BngRig) -> None:
    made = await netsuite.target.create(customer_write(), customer_body(), "1")
    for phone in ("1", "2"):
        changed = await netsuite.target.update(
            customer_write(), made.id, made.version, {"Phone": phone}, "the same key"
        )
    assert changed.body["Phone"] == "1"


async def test_a_new_record_that_was_made_before_is_looked_up(netsuite: BngRig) -> None:
    made = await netsuite.target.create(customer_write(), customer_body(), "the same key")
    again = await netsuite.target.create(customer_write(), customer_body(Phone="1"), "the same key")
    assert again.id == made.id
    assert [each["Phone"] for each in await netsuite.records("customers")] == [None]


async def test_an_id_that_another_record_has_is_a_refusal_when_it_cannot_be_found(tmp_path: Path) -> None:
    """Another field has to be unique there: nothing of ours exists, and trying again would not help."""

    async def handle(request: web.Request) -> web.Response:
        listed: dict[str, Any] = {"data": []}
        refused = {"exc_type": "DuplicateEntryError", "message": "email_id must be unique"}
        is_read = request.method == "GET"
        return web.json_response(listed if is_read else refused, status=200 if is_read else 409)

    async with client_of(handle, profile_file.path_of("frappe-like").read_text(), tmp_path) as client:
        with pytest.raises(RejectedByTarget, match="exists, and does not find it by that") as refused:
            await BngTarget(client).create(customer_write(), customer_body(), "1")
        assert refused.value.problem == "duplicate-external-id"


async def test_a_link_to_another_server_is_not_followed(tmp_path: Path) -> None:
    page = {"value": [], "@odata.nextLink": "https://elsewhere.example.com/customers?$skiptoken=1"}
    text = "list: { records: /value, next: { by: link, at: /@odata.nextLink } }"
    async with client_of(answering(200, page), text, tmp_path) as client:
        with pytest.raises(RejectedByTarget, match=r"another server, https://elsewhere\.example\.com"):
            await client.search("customers")


async def test_a_server_that_gives_the_same_page_for_ever_is_told_apart(tmp_path: Path) -> None:
    """It does not know the parameter of the profile."""
    rows = [{"CustomerID": "1"}, {"CustomerID": "2"}]
    text = "list: { size: { most: 2 }, next: { by: offset, parameter: skip } }"
    async with client_of(answering(200, {"items": rows}), text, tmp_path) as client:
        with pytest.raises(RejectedByTarget, match="the same page of customers again"):
            await client.search("customers")


@pytest.mark.parametrize("body", [{}, {"rows": []}, [], "text", {"items": {}}])
async def test_a_list_of_another_form_is_refused_visibly(tmp_path: Path, body: Any) -> None:
    async with client_of(answering(200, body), "base_path: /api", tmp_path) as client:
        with pytest.raises(RejectedByTarget, match="BNG's list of customers has no /items"):
            await client.search("customers")


ERRORS = """
errors:
  code: /error/code
  texts: [/error/message]
  details: { list: /error/details, pointer: /target, text: /message }
  problems:
    validation: { status: 400 }
    closed-period: { status: 400, code: PERIOD }
    rate-limited: { status: 503 }
    idempotency-key-in-flight: { code: BUSY }
    unavailable: { status: 599 }
limits: { wait_s: 9 }
"""


@pytest.mark.parametrize(
    ("status", "code", "error", "problem"),
    [
        (400, "PERIOD", RejectedByTarget, "closed-period"),
        (409, "PERIOD", RejectedByTarget, "PERIOD"),
        (418, "OWN_CODE", RejectedByTarget, "OWN_CODE"),
        (400, "OTHER", RejectedByTarget, "validation"),
        (409, "BUSY", OutcomeUnknown, None),
        (503, "ANY", RateLimited, None),
        (429, "", RateLimited, None),
        (599, "", Overloaded, None),
        (500, "ANY", OutcomeUnknown, None),
        (502, "", OutcomeUnknown, None),
        (401, "", TargetPaused, None),
        (403, "", TargetPaused, None),
    ],
)
async def test_a_refusal_is_read_by_status_and_code(
    tmp_path: Path, status: int, code: str, error: type[BridgeError], problem: str | None
) -> None:
    body = {"error": {"code": code, "message": "no", "details": [{"target": "total", "message": "too small"}]}}
    async with client_of(answering(status, body), ERRORS, tmp_path) as client:
        with pytest.raises(error, match=rf"answered {status}: no \(total too small\)") as raised:
            await client.create("customers", {}, "1", accept=())
        assert getattr(raised.value, "problem", None) == problem
        if isinstance(raised.value, RateLimited):
            assert raised.value.retry_after_s == 9


async def test_a_wait_that_the_erp_names_goes_before_that_of_the_profile(tmp_path: Path) -> None:
    handler = answering(503, {}, **{"Retry-After": "3"})
    async with client_of(handler, ERRORS, tmp_path) as client:
        with pytest.raises(RateLimited) as limited:
            await client.create("customers", {}, "1", accept=())
        assert limited.value.retry_after_s == 3


async def test_a_login_that_the_profile_does_not_have_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("key")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigError, match="bc-like has no login by key"):
            BngClient(session, Bng(base_url="http://127.0.0.1:9", api_key_file=key, profile="bc-like"))
        by_client = Bng(base_url="http://127.0.0.1:9", client_id="a", client_secret_file=key, profile="frappe-like")
        with pytest.raises(ConfigError, match="frappe-like has no OAuth login"):
            BngClient(session, by_client)


async def never(_claimed: Claimed) -> Outcome:
    return DONE


@asynccontextmanager
async def listening(rig: BngRig, store: Store, looked: list[str]) -> AsyncIterator[str]:
    """The URL of the bridge's webhooks."""
    announcements = Announcements(rig.client.profile, SECRET)
    app = webhooks.application(store, Worker(store, never, slots=1), announcements, looked.append)
    async with TestServer(app) as server:
        yield str(server.make_url(webhooks.PATH))


async def test_a_subscription_is_made_once_renewed_and_made_again_when_it_has_died(
    central: BngRig, store: Store
) -> None:
    how = central.client.profile.webhooks.subscription
    assert how is not None
    async with listening(central, store, []) as url:
        assert await subscriptions.renew(central.client, how, url, SECRET) == len(how.resources)
        assert await subscriptions.renew(central.client, how, url, SECRET) == 0
        await central.admin("POST", "/webhooks/expire")
        assert await subscriptions.renew(central.client, how, url, SECRET) == len(how.resources)


async def test_what_happens_after_a_subscription_has_died_is_not_announced(central: BngRig, store: Store) -> None:
    looked: list[str] = []
    how = central.client.profile.webhooks.subscription
    assert how is not None
    async with listening(central, store, looked) as url:
        await subscriptions.renew(central.client, how, url, SECRET)
        await central.admin("POST", "/webhooks/expire")
        await central.admin("POST", "/stock", SKU="MUG-WHITE", Warehouse="MAIN", Delta="-1")
        await subscriptions.renew(central.client, how, url, SECRET)
        await central.admin("POST", "/stock", SKU="TEE-S", Warehouse="MAIN", Delta="-1")
        await until("the second is announced", lambda: looked)
    assert looked == ["inventory-items"]


async def test_a_subscription_needs_somebody_who_repeats_the_token(central: BngRig) -> None:
    how = central.client.profile.webhooks.subscription
    assert how is not None
    async with TestServer(web.Application()) as server:
        with pytest.raises(RejectedByTarget, match="does not repeat the token"):
            await subscriptions.renew(central.client, how, str(server.make_url("/")), SECRET)


async def test_a_version_that_is_a_number_is_compared_in_the_body(tmp_path: Path) -> None:
    file = tmp_path / "profile.yaml"
    file.write_text("create: post\nidempotency: { methods: [] }\nconcurrency: { check: field }\n")
    async with running_bng(tmp_path, profile=str(file)) as rig:
        made = await rig.target.create(customer_write(), customer_body(), "1")
        assert made.version == "1"
        await rig.target.update(customer_write(), made.id, made.version, {"Phone": "1"}, "2")
        before = await rig.calls()
        stale = await rig.target.update(customer_write(), made.id, made.version, {"Email": "ida@example.com"}, "3")
        assert (stale.version, stale.body["Phone"], await rig.calls() - before) == ("3", "1", 3)
