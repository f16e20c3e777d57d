"""BNG's webhooks: what is signed by BNG and fresh becomes one hint; everything else is refused."""

import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from standardwebhooks.webhooks import Webhook
from tests.support.bridge import at, running_bng, until

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.bng import profile_file
from bng_bridge.bng.announcements import Announcements
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.sources import webhooks
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.errors import ConfigError

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
OTHER_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMA=="
SHIPMENT: dict[str, Any] = {"type": "shipment_created", "data": {"ShipmentID": "SH-1", "SalesOrderID": "SO-1"}}
STOCK: dict[str, Any] = {"type": "inventory_updated", "data": {"SKU": "MUG-WHITE", "Warehouse": "MAIN", "Sequence": 4}}


def nothing_to_look_at(resource: str) -> None:
    raise AssertionError(f"{resource} needs no poll: the webhook names all")


async def never(_claimed: Claimed) -> Outcome:
    return DONE


@pytest.fixture
async def client(store: Store) -> AsyncIterator[TestClient[Any, Any]]:
    announcements = Announcements(profile_file.load("bng"), SECRET)
    app = webhooks.application(store, Worker(store, never, slots=1), announcements, nothing_to_look_at)
    async with TestClient(TestServer(app)) as client:
        yield client


def headers(body: bytes, key: str = "msg-1", *, secret: str = SECRET, age: timedelta = timedelta()) -> dict[str, str]:
    signed_at = datetime.now(UTC) - age
    signature = Webhook(secret).sign(key, signed_at, body.decode())
    return {
        "webhook-id": key,
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": signature,
    }


async def post(client: TestClient[Any, Any], body: Any, **options: Any) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.post(webhooks.PATH, data=raw, headers=headers(raw, **options)) as answer:
        return int(answer.status)


def hints(store: Store) -> list[dict[str, Any]]:
    names = "event_key, entity, entity_id, ordering_key, state"
    return [dict(row) for row in store.read.execute(f"SELECT {names} FROM inbox ORDER BY seq")]


async def test_a_good_webhook_is_one_hint_when_it_is_answered(client: TestClient[Any, Any], store: Store) -> None:
    assert await post(client, SHIPMENT) == 204
    assert hints(store) == [
        {
            "event_key": "bng/shipment/SH-1/msg-1", "entity": "shipment", "entity_id": "SH-1",
            "ordering_key": "bng/sales_order/SO-1",
            "state": "pending",
        }
    ]  # fmt: skip


async def test_the_same_webhook_again_is_no_second_hint(client: TestClient[Any, Any], store: Store) -> None:
    assert [await post(client, SHIPMENT) for _ in range(3)] == [204, 204, 204]
    assert len(hints(store)) == 1


async def test_a_record_in_one_version_is_one_hint_whoever_tells_of_it(
    client: TestClient[Any, Any], store: Store
) -> None:
    versioned = {**SHIPMENT, "data": {**SHIPMENT["data"], "Version": 1}}
    for key in ("msg-1", "msg-2"):
        assert await post(client, versioned, key=key) == 204
        assert await post(client, STOCK, key=f"stock-{key}") == 204
    assert [hint["event_key"] for hint in hints(store)] == ["bng/shipment/SH-1/1", "bng/stock/4/MAIN|MUG-WHITE"]


async def test_a_newer_version_takes_the_place_of_the_one_that_waits(
    client: TestClient[Any, Any], store: Store
) -> None:
    await post(client, STOCK, key="msg-1")
    await post(client, {**STOCK, "data": {**STOCK["data"], "Sequence": 5}}, key="msg-2")
    assert [(hint["event_key"], hint["state"]) for hint in hints(store)] == [
        ("bng/stock/4/MAIN|MUG-WHITE", "superseded"),
        ("bng/stock/5/MAIN|MUG-WHITE", "pending"),
    ]


async def test_a_forged_webhook_is_refused(client: TestClient[Any, Any], store: Store) -> None:
    assert await post(client, SHIPMENT, secret=OTHER_SECRET) == 401
    assert hints(store) == []


async def test_a_body_that_was_changed_on_its_way_is_refused(client: TestClient[Any, Any], store: Store) -> None:
    signed = headers(json.dumps(SHIPMENT).encode())
    async with client.post(webhooks.PATH, data=json.dumps(STOCK).encode(), headers=signed) as answer:
        assert answer.status == 401
    assert hints(store) == []


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_a_stale_webhook_is_refused(client: TestClient[Any, Any], store: Store, age: timedelta) -> None:
    """As one that somebody recorded and plays again."""
    assert await post(client, SHIPMENT, age=age) == 401
    assert hints(store) == []


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_webhook_without_its_headers_is_refused(
    client: TestClient[Any, Any], store: Store, missing: str
) -> None:
    raw = json.dumps(SHIPMENT).encode()
    signed = {name: value for name, value in headers(raw).items() if name != missing}
    async with client.post(webhooks.PATH, data=raw, headers=signed) as answer:
        assert answer.status == 401
    assert hints(store) == []


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'"text"', b'{"type": "shipment_created", "data": "x"}', b'{"data": [1]}']
)
async def test_a_signed_body_of_another_form_is_a_bad_request(
    client: TestClient[Any, Any], store: Store, body: bytes
) -> None:
    assert await post(client, body) == 400
    assert hints(store) == []


async def test_bytes_that_are_no_text_are_refused(client: TestClient[Any, Any], store: Store) -> None:
    async with client.post(webhooks.PATH, data=b"\xff", headers=headers(b"{}")) as answer:
        assert answer.status in (400, 401)
    assert hints(store) == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "payment_posted", "data": {"PaymentID": "P-1"}},
        {"type": "something_new", "data": {}},
        {"type": "shipment_created", "data": {}},
        {"type": "shipment_created"},
        {"type": "inventory_updated", "data": None},
        {},
    ],
    ids=str,
)
async def test_what_no_flow_follows_is_accepted_and_leaves_nothing(
    client: TestClient[Any, Any], store: Store, body: Any
) -> None:
    """A refusal would make BNG send it for days, and then disable the subscription."""
    assert await post(client, body) == 204
    assert hints(store) == []


async def test_the_shipment_of_a_bound_order_goes_into_the_lane_of_the_shop_s_order(
    client: TestClient[Any, Any], store: Store
) -> None:
    bound = Binding("shop1/order/74/sales_order", "shop1", "bng", "sales_order", "SO-1", "", "", "", {})
    await store.write(lambda db: bindings.put(db, bound, at(0)))
    await post(client, SHIPMENT)
    assert hints(store)[0]["ordering_key"] == "shop1/order/74"


async def test_a_large_body_is_refused_before_it_is_read(client: TestClient[Any, Any], store: Store) -> None:
    async with client.post(webhooks.PATH, data=io.BytesIO(b"x" * (2 << 20))) as answer:
        assert answer.status == 413
    assert hints(store) == []


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!", ""])
def test_a_secret_of_another_form_is_a_mistake_in_the_configuration(secret: str) -> None:
    with pytest.raises(ConfigError, match="not a secret of Standard Webhooks"):
        Announcements(profile_file.load("bng"), secret)


async def test_what_the_sandbox_bng_sends_is_understood(
    client: TestClient[Any, Any], store: Store, tmp_path: Path
) -> None:
    async with running_bng(tmp_path) as bng:
        url = str(client.make_url(webhooks.PATH))
        await bng.admin("POST", "/webhooks", url=url, secret=SECRET)
        await bng.admin("POST", "/stock", SKU="MUG-WHITE", Warehouse="MAIN", Delta="-1")
        await until("the hint is there", lambda: hints(store))
    assert (hints(store)[0]["entity"], hints(store)[0]["entity_id"]) == ("stock", "MAIN|MUG-WHITE")
