"""BNG's client and target against the sandbox BNG: log in, upsert, conditions, and nothing moved backwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.bridge import BngRig, customer_body, customer_write, running_bng, until

from bng_bridge.bng.client import BngClient
from bng_bridge.bng.target import BngTarget
from bng_bridge.config import Bng
from bng_bridge.target import Record, Write
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    OutcomeUnknown,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings

ORDER = Write("bng", "sales_order", "shop1", "shop1/order/74/sales_order", "bng/shop1-74", "shop1-74")
PENDING, PROCESSING, HOLD, COMPLETE, CLOSED, CANCELLED = 10, 20, 30, 40, 50, 90
TOKENS = "POST /oauth/token"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path) as rig:
        yield rig


@pytest.fixture(params=[False, True], ids=["keys", "no keys"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path, no_keys=request.param) as rig:
        yield rig


async def new_order(rig: BngRig, **changes: Any) -> tuple[Record, dict[str, Any]]:
    body = samples.order(await rig.customer(), ExternalID=ORDER.reference, **changes)
    return await rig.target.create(ORDER, body, "key-1"), body


async def status_at_bng(rig: BngRig) -> int:
    return int((await rig.records("sales_orders"))[0]["OrderStatus"])


def with_login(rig: BngRig, folder: Path, *, secret: str = Settings.client_secret) -> Bng:
    file = folder / "secret"
    file.write_text(secret + "\n")
    return rig.config.model_copy(
        update={"client_id": Settings.client_id, "client_secret_file": file, "api_key_file": None}
    )


async def test_a_record_that_exists_is_taken_over_by_an_upsert(rig: BngRig) -> None:
    made = await rig.customer("shop1-5")
    record = await rig.target.create(customer_write(), customer_body(Phone="1"), "key-1")
    assert (record.id, record.version, record.body["Phone"]) == (made, '"2"', "1")
    assert len(await rig.records("customers")) == 1


async def test_an_order_that_exists_is_not_moved_backwards_by_an_upsert(rig: BngRig) -> None:
    await new_order(rig)
    await rig.admin("POST", "/ship", ExternalID=ORDER.reference)
    body = samples.order("C-100001", ExternalID=ORDER.reference, OrderStatus=PROCESSING, ShipVia="by hand")
    record = await rig.target.create(ORDER, body, "key-2")
    assert (record.body["OrderStatus"], record.body["ShipVia"]) == (COMPLETE, "by hand")


@pytest.mark.parametrize(
    ("at_bng", "wanted", "then"),
    [
        (PENDING, PROCESSING, PROCESSING),
        (PROCESSING, PENDING, PROCESSING),
        (PROCESSING, HOLD, HOLD),
        (HOLD, PROCESSING, PROCESSING),
        (HOLD, PENDING, PENDING),
        (PROCESSING, CANCELLED, CANCELLED),
        (COMPLETE, PENDING, COMPLETE),
        (COMPLETE, PROCESSING, COMPLETE),
        (COMPLETE, HOLD, COMPLETE),
        (CLOSED, PROCESSING, CLOSED),
        (CLOSED, HOLD, CLOSED),
        (CANCELLED, PROCESSING, CANCELLED),
        (CANCELLED, HOLD, CANCELLED),
        (CANCELLED, CANCELLED, CANCELLED),
    ],
)
async def test_a_status_that_bng_has_reached_is_not_moved_backwards(
    either: BngRig, at_bng: int, wanted: int, then: int
) -> None:
    record, body = await new_order(either)
    await either.admin("POST", "/status", SalesOrderID=record.id, OrderStatus=at_bng)
    update = {**body, "OrderStatus": wanted, "ShipVia": "by hand"}
    updated = await either.target.update(ORDER, record.id, record.version, update, "key-2")
    assert updated.body["ShipVia"] == "by hand"
    assert updated.body["OrderStatus"] == await status_at_bng(either) == then
    assert updated.facts.get("OrderStatus") == (then if then == wanted else None), "BNG's own is news for the shop"


async def test_cancelling_an_order_that_bng_has_completed_is_refused_visibly(either: BngRig) -> None:
    record, body = await new_order(either)
    await either.admin("POST", "/ship", ExternalID=ORDER.reference)
    with pytest.raises(RejectedByTarget, match="the order is complete"):
        await either.target.update(ORDER, record.id, record.version, {**body, "OrderStatus": CANCELLED}, "key-2")


async def test_a_change_made_in_bng_meanwhile_stays(rig: BngRig) -> None:
    made = await rig.target.create(customer_write(), customer_body(), "key-1")
    await rig.patch(f"customers/{made.id}", CreditLimit="900.00")
    updated = await rig.target.update(customer_write(), made.id, made.version, {"Phone": "1"}, "key-2")
    assert (updated.body["CreditLimit"], updated.body["Phone"], updated.version) == ("900.00", "1", '"3"')


async def test_an_update_under_the_known_version_needs_one_request(rig: BngRig) -> None:
    made = await rig.target.create(customer_write(), customer_body(), "key-1")
    before = await rig.calls()
    await rig.target.update(customer_write(), made.id, made.version, {"Phone": "1"}, "key-2")
    assert await rig.calls() == before + 1


async def test_a_record_that_changes_under_every_attempt_is_tried_later(rig: BngRig) -> None:
    made = await rig.target.create(customer_write(), customer_body(), "key-1")
    await rig.fault("status", method="PATCH", status=412, count=3)
    with pytest.raises(OutcomeUnknown, match="changed at BNG during each of three attempts"):
        await rig.target.update(customer_write(), made.id, made.version, {"Phone": "1"}, "key-2")
    assert await rig.hits() == 3


async def test_a_record_that_was_deleted_in_bng_says_what_to_do(tmp_path: Path) -> None:
    async with running_bng(tmp_path, no_keys=True) as poor:
        with pytest.raises(RejectedByTarget, match="no longer has customer C-9") as gone:
            await poor.target.update(customer_write(), "C-9", "", customer_body(), "key-1")
        assert "Restore it there" in gone.value.hint


async def test_every_page_of_a_long_list_is_read(rig: BngRig) -> None:
    for number in range(105):
        await rig.customer(f"shop1-{number}")
    found = await rig.client.search("customers")
    assert len({record["CustomerID"] for record in found}) == 105
    assert await rig.calls("GET /api/v1/customers") == 2


async def test_an_external_id_with_a_slash_is_one_path_segment(rig: BngRig) -> None:
    write = customer_write(reference="shop1/5 a+b")
    body = {**customer_body(), "ExternalID": "shop1/5 a+b"}
    made = await rig.target.create(write, body, "key-1")
    found = await rig.target.find(write)
    assert found is not None
    assert (found.id, found.body["ExternalID"]) == (made.id, "shop1/5 a+b")


async def test_the_problem_that_bng_names_is_in_the_sentence(rig: BngRig) -> None:
    body = samples.order("C-9", ExternalID=ORDER.reference, Total="1.00")
    with pytest.raises(RejectedByTarget, match=r"answered 422: .*C-9.*\(/CustomerID") as refused:
        await rig.target.create(ORDER, body, "key-1")
    assert (refused.value.status, refused.value.problem) == (422, "unknown-customer")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "cut_before"}, TargetUnavailable),
        ({"kind": "status", "status": 502}, TargetUnavailable),
        ({"kind": "status", "status": 504}, TargetUnavailable),
        ({"kind": "html"}, TargetUnavailable),
        ({"kind": "status", "status": 429}, RateLimited),
        ({"kind": "status", "status": 403}, TargetPaused),
        ({"kind": "status", "status": 400}, RejectedByTarget),
    ],
    ids=lambda value: str(value.get("status", value["kind"])) if isinstance(value, dict) else "",
)
async def test_a_read_that_fails_executed_nothing(rig: BngRig, fault: dict[str, Any], error: type[BridgeError]) -> None:
    await rig.fault(**fault, method="GET", count=0)
    with pytest.raises(error):
        await rig.client.get("customers/C-1")


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_gateway_that_fails_may_have_passed_a_write_on(rig: BngRig, status: int) -> None:
    await rig.fault("status", method="PUT", status=status)
    with pytest.raises(OutcomeUnknown, match=f"answered {status}"):
        await rig.target.create(customer_write(), customer_body(), "key-1")


async def test_a_wait_that_bng_asks_for_is_passed_on(rig: BngRig) -> None:
    await rig.fault("status", method="PUT", status=503, retry_after="12")
    with pytest.raises(TargetUnavailable) as unavailable:
        await rig.target.create(customer_write(), customer_body(), "key-1")
    assert unavailable.value.retry_after_s == 12


async def test_nobody_at_the_address_executed_nothing(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("key")
    async with aiohttp.ClientSession() as session:
        target = BngTarget(BngClient(session, Bng(base_url="http://127.0.0.1:9", api_key_file=key)))
        with pytest.raises(TargetUnavailable):
            await target.create(customer_write(), customer_body(), "key-1")


async def test_one_token_serves_many_requests_at_once(rig: BngRig, tmp_path: Path) -> None:
    client = BngClient(rig.session, with_login(rig, tmp_path))
    await asyncio.gather(*(client.search("customers") for _ in range(10)))
    assert await rig.calls(TOKENS) == 1


async def test_a_token_that_bng_no_longer_takes_is_fetched_anew_once(rig: BngRig, tmp_path: Path) -> None:
    client = BngClient(rig.session, with_login(rig, tmp_path))
    await client.search("customers")
    await rig.admin("POST", "/tokens/expire")
    assert await client.search("customers") == []
    assert await rig.calls(TOKENS) == 2


async def test_a_refused_login_stops_the_start_and_says_what_to_check(rig: BngRig, tmp_path: Path) -> None:
    client = BngClient(rig.session, with_login(rig, tmp_path, secret="wrong"))
    with pytest.raises(AccessDenied, match="BNG refuses client 'sandbox-client'") as refused:
        await client.check()
    assert (refused.value.exit_code, "client_secret_file" in refused.value.hint) == (77, True)


async def test_a_refused_api_key_stops_the_start(rig: BngRig, tmp_path: Path) -> None:
    key = tmp_path / "wrong-key"
    key.write_text("wrong")
    client = BngClient(rig.session, rig.config.model_copy(update={"api_key_file": key}))
    with pytest.raises(AccessDenied, match="the API key is not valid"):
        await client.check()


async def test_a_login_that_is_refused_later_pauses_bng_and_kills_no_event(rig: BngRig, tmp_path: Path) -> None:
    client = BngClient(rig.session, with_login(rig, tmp_path, secret="wrong"))
    with pytest.raises(TargetPaused, match="BNG refuses client"):
        await client.search("customers")


@pytest.mark.parametrize("path", ["/oauth/token", "/customers"])
async def test_a_bng_that_is_down_at_the_start_is_unavailable_not_refusing(
    rig: BngRig, tmp_path: Path, path: str
) -> None:
    client = BngClient(rig.session, with_login(rig, tmp_path))
    await rig.fault("status", path=path, status=503)
    with pytest.raises(TargetUnavailable) as unavailable:
        await client.check()
    assert unavailable.value.exit_code == 69


async def test_another_server_at_the_address_is_told_apart(rig: BngRig) -> None:
    elsewhere = rig.config.model_copy(update={"base_url": f"{rig.url}/shop"})
    client = BngClient(rig.session, elsewhere)
    with pytest.raises(AccessDenied, match="does not answer like BNG") as refused:
        await client.check()
    assert "base_url" in refused.value.hint


async def test_a_slow_answer_ends_with_the_timeout(tmp_path: Path) -> None:
    async with running_bng(tmp_path, timeout_s=0.1) as rig:
        await rig.fault("hold", method="PUT", count=0)
        with pytest.raises(OutcomeUnknown):
            await rig.target.create(customer_write(), customer_body(), "key-1")
        await rig.clear_faults()
        assert await until("the PUT was executed", lambda: rig.records("customers"))
