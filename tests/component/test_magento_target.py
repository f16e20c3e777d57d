"""A Magento site as a target: what an unanswered request became, shipments found by our reference, stock by source.

The shop is the sandbox's; the gateway is one half here, the other half (the agent) is what a test answers.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.support.bridge import Clock, giving
from tests.support.mappings import template
from tests.support.shop import ShopRig

from bng_bridge import intents
from bng_bridge.deliver import Deliver, Result
from bng_bridge.magento.target import source_reference, split_source_reference
from bng_bridge.magento.transport import GatewayTransport, RequestState
from bng_bridge.mapping import shipments
from bng_bridge.store import Store
from bng_bridge.target import Write
from bridge_common.clock import from_text, utc_now
from bridge_common.errors import (
    BridgeError,
    InMaintenance,
    OutcomeUnknown,
    QuietPeriod,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)
from bridge_common.magento_rest import interpolate
from bridge_common.mqtt import BrokerLost, PublishRefused
from bridge_sandbox.mariadb import MariaDB, ShopAccount

SHIP = "POST /rest/{store}/V1/order/{id}/ship"


def shipment_write(order: dict[str, Any], shipment_id: str = "SH-1") -> Write:
    return Write(
        "magento", "shipment", "shop1", f"shop1/shipment/{shipment_id}/shipment", f"shop1/order/{order['entity_id']}",
        shipments.reference(shipment_id), create_only=True,
    )  # fmt: skip


def stock_write(sku: str) -> Write:
    reference = source_reference(sku, "default")
    key = f"shop1/stock/{reference}/source_item"
    return Write("magento", "source_item", "shop1", key, "shop1/stock", reference, absolute=True)


def stock_body(sku: str, quantity: str) -> dict[str, Any]:
    return {"sku": sku, "source_code": "default", "quantity": Decimal(quantity), "status": 1}


def ship_body(order: dict[str, Any], quantity: int = 1, shipment_ids: tuple[str, ...] = ("SH-1",)) -> dict[str, Any]:
    """What shipment-to-shipment.yaml gives, the first of BNG's shipments with a parcel."""
    parts: list[dict[str, Any]] = [{"ShipmentID": each} for each in shipment_ids]
    parts[0] |= {"Carrier": "DHL", "TrackingNumbers": ["T1"]}
    items = [{"order_item_id": order["items"][0]["item_id"], "qty": quantity}]
    return template("shipment-to-shipment")(parts[0], items=items, parts=parts)


async def ship(shop: ShopRig, store: Store, order: dict[str, Any]) -> Result:
    through = Deliver(store, lambda _write: shop.target)
    return await through(1, shipment_write(order), giving(ship_body(order)))


async def lose_shipment(shop: ShopRig, store: Store, order: dict[str, Any], kind: str) -> str:
    """The request id of a shipment whose answer never came."""
    await shop.fault(kind, method="POST", path="/ship$")
    with pytest.raises(OutcomeUnknown):
        await ship(shop, store, order)
    return shop.transport.request_ids[-1]


@pytest.mark.integration
async def test_a_shipment_is_made_with_its_track_and_found_by_its_reference(shop: ShopRig, store: Store) -> None:
    order = await shop.checkout()
    result = await ship(shop, store, order)
    (made,) = await shop.shipments(order["entity_id"])
    assert result.binding.target_id == str(made["entity_id"])
    assert result.binding.facts == {"order_id": str(order["entity_id"])}
    assert [track["track_number"] for track in made["tracks"]] == ["T1"]
    assert made["comments"] == ["BNG shipment SH-1"]


@pytest.mark.integration
async def test_among_the_shipments_of_an_order_only_ours_is_found(shop: ShopRig) -> None:
    order = await shop.checkout()
    by_hand = ship_body(order, shipment_ids=("SH-11",))
    await shop.client.write("POST", f"/V1/order/{order['entity_id']}/ship", by_hand, "x")
    assert await shop.target.find(shipment_write(order)) is None
    made = await shop.target.create(shipment_write(order), ship_body(order), "y")
    found = await shop.target.find(shipment_write(order))
    assert found is not None
    assert found.id == made.id


@pytest.mark.integration
async def test_a_shipment_that_stands_for_several_is_found_by_each_of_them(shop: ShopRig) -> None:
    order = await shop.checkout()
    made = await shop.target.create(shipment_write(order), ship_body(order, shipment_ids=("SH-2", "SH-1")), "x")
    for shipment_id in ("SH-1", "SH-2"):
        found = await shop.target.find(shipment_write(order, shipment_id))
        assert found is not None
        assert found.id == made.id
    assert await shop.target.find(shipment_write(order, "SH-3")) is None


@pytest.mark.integration
@pytest.mark.parametrize("state", ["done", "unknown", "running", "interrupted", None])
async def test_a_shipment_that_was_executed_is_found_whatever_the_agent_knows(
    shop: ShopRig, store: Store, state: str | None
) -> None:
    order = await shop.checkout()
    request_id = await lose_shipment(shop, store, order, "cut_after")
    if state is not None:
        shop.transport.states[request_id] = RequestState(state, {"status": 200} if state == "done" else None)
    await ship(shop, store, order)
    assert len(await shop.shipments(order["entity_id"])) == 1
    assert intents.all_open(store.read) == []


@pytest.mark.integration
@pytest.mark.parametrize(
    "state",
    [
        None,
        RequestState("unknown", None),
        RequestState("running", None),
        RequestState("interrupted", None),
        RequestState("failed", {"kind": "unknown"}),
        RequestState("done", {"status": 500}),
        RequestState("done", {"status": 200}),
    ],
    ids=str,
)
async def test_a_shipment_that_may_still_be_made_waits_for_its_quiet_period(
    shop: ShopRig, store: Store, clock: Clock, state: RequestState | None
) -> None:
    order = await shop.checkout()
    request_id = await lose_shipment(shop, store, order, "cut_before")
    if state is not None:
        shop.transport.states[request_id] = state
    before = await shop.calls(SHIP)
    clock.advance(shop.target.quiet_s() - 1)
    with pytest.raises(QuietPeriod):
        await ship(shop, store, order)
    assert await shop.calls(SHIP) == before
    clock.advance(2)
    assert (await ship(shop, store, order)).action == "created"
    assert len(await shop.shipments(order["entity_id"])) == 1


@pytest.mark.integration
@pytest.mark.parametrize(
    "state", [RequestState("failed", {"kind": "unsent"}), RequestState("done", {"status": 400})], ids=str
)
async def test_a_request_that_was_surely_not_executed_is_sent_again_at_once(
    shop: ShopRig, store: Store, clock: Clock, state: RequestState
) -> None:
    order = await shop.checkout()
    shop.transport.states[await lose_shipment(shop, store, order, "cut_before")] = state
    assert (await ship(shop, store, order)).action == "created"
    assert len(set(shop.transport.request_ids)) == len(shop.transport.request_ids)
    assert clock.now == Clock().now


@pytest.mark.integration
async def test_a_stock_write_with_an_unknown_outcome_waits_although_the_item_is_there(
    shop: ShopRig, store: Store, clock: Clock
) -> None:
    """A late one would write its older quantity over the newer."""
    write, through = stock_write("POT 12CM"), Deliver(store, lambda _write: shop.target)
    await through(1, write, giving(stock_body("POT 12CM", "50")))
    await shop.fault("cut_after", method="POST", path="/source-items$")
    with pytest.raises(OutcomeUnknown):
        await through(2, write, giving(stock_body("POT 12CM", "40")))
    with pytest.raises(QuietPeriod):
        await through(3, write, giving(stock_body("POT 12CM", "30")))
    clock.advance(shop.target.quiet_s() + 1)
    await through(3, write, giving(stock_body("POT 12CM", "50")))
    assert await shop.quantity("POT 12CM") == 50


@pytest.mark.integration
async def test_a_stock_write_whose_end_the_agent_knows_is_followed_by_the_next_at_once(
    shop: ShopRig, store: Store, clock: Clock
) -> None:
    write, through = stock_write("POT 12CM"), Deliver(store, lambda _write: shop.target)
    await through(1, write, giving(stock_body("POT 12CM", "50")))
    await shop.fault("cut_after", method="POST", path="/source-items$")
    with pytest.raises(OutcomeUnknown):
        await through(2, write, giving(stock_body("POT 12CM", "40")))
    shop.transport.states[shop.transport.request_ids[-1]] = RequestState("done", {"status": 200})
    await through(3, write, giving(stock_body("POT 12CM", "30")))
    assert await shop.quantity("POT 12CM") == 30
    assert clock.now == Clock().now


@pytest.mark.integration
async def test_a_stock_item_that_appears_meanwhile_is_not_taken_for_our_write(
    shop: ShopRig, store: Store, clock: Clock, mariadb: MariaDB, shop_account: ShopAccount
) -> None:
    """Somebody made it by hand, with a quantity of their own."""
    mariadb.execute_root(f"DELETE FROM `{shop_account.database}`.inventory_source_item WHERE sku = 'TEE'")
    write, through = stock_write("TEE"), Deliver(store, lambda _write: shop.target)
    await shop.fault("cut_before", method="POST", path="/source-items$")
    with pytest.raises(OutcomeUnknown):
        await through(1, write, giving(stock_body("TEE", "5")))
    by_hand = {"sourceItems": [stock_body("TEE", "99")]}
    await shop.client.write("POST", "/V1/inventory/source-items", by_hand, "by-hand")
    clock.advance(shop.target.quiet_s() + 1)
    await through(1, write, giving(stock_body("TEE", "5")))
    assert await shop.quantity("TEE") == 5


@pytest.mark.integration
async def test_an_agent_that_is_away_pauses_its_site_and_uses_up_no_attempts(
    shop: ShopRig, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await shop.checkout()
    await lose_shipment(shop, store, order, "cut_before")

    async def away(_request_id: str) -> RequestState | None:
        raise TargetUnavailable("the agent of shop1 is offline")

    monkeypatch.setattr(shop.transport, "state_of", away)
    failures: list[type[BridgeError]] = []
    for _ in range(8):
        with pytest.raises(BridgeError) as failed:
            await ship(shop, store, order)
        failures.append(failed.type)
    assert failures[-3:] == [TargetPaused] * 3
    assert len(intents.all_open(store.read)) == 1


@pytest.mark.integration
async def test_a_shop_that_hangs_is_paused_although_its_agent_tells_of_open_writes(shop: ShopRig, store: Store) -> None:
    """Of the shop the agent's word says nothing: the calls that nobody answers are still in a row."""
    order = await shop.checkout()
    await lose_shipment(shop, store, order, "cut_before")
    await shop.fault("cut_before", path="/shipments", count=20)
    failures: list[type[BridgeError]] = []
    for _ in range(6):
        with pytest.raises(BridgeError) as failed:
            await ship(shop, store, order)
        failures.append(failed.type)
    assert failures == [TargetUnavailable] * 3 + [TargetPaused] * 3
    assert "other" not in shop.client.throttle.shown()["calls"]


@pytest.mark.integration
@pytest.mark.parametrize("sku", ["LAMP/DESK 1", "NUT+M4", "POT 12CM"])
async def test_a_sku_may_hold_a_slash_a_plus_or_a_space(shop: ShopRig, store: Store, sku: str) -> None:
    through = Deliver(store, lambda _write: shop.target)
    await through(1, stock_write(sku), giving(stock_body(sku, "123.5")))
    assert await shop.quantity(sku) == Decimal("123.5")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RejectedByTarget), (401, TargetPaused), (404, RejectedByTarget), (500, OutcomeUnknown)],
)
async def test_an_answer_s_status_decides_what_it_means_for_a_write(
    shop: ShopRig, status: int, error: type[BridgeError]
) -> None:
    await shop.fault("status", method="POST", status=status)
    with pytest.raises(error, match=f"at shop1 answered {status}"):
        await shop.client.write("POST", "/V1/inventory/source-items", {}, "x")


@pytest.mark.integration
async def test_a_deadlock_that_magento_wraps_into_a_400_is_no_refusal(shop: ShopRig) -> None:
    await shop.fault("deadlock", method="POST", path="/source-items$")
    with pytest.raises(OutcomeUnknown, match="answered 400: Could not save") as failed:
        await shop.client.write("POST", "/V1/inventory/source-items", {}, "x")
    assert failed.value.answered


@pytest.mark.integration
async def test_a_refusal_is_told_in_magento_s_words(shop: ShopRig) -> None:
    with pytest.raises(RejectedByTarget, match='"sourceItems" is required') as refused:
        await shop.client.write("POST", "/V1/inventory/source-items", {}, "x")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"message": "No %fieldName = %value", "parameters": {"fieldName": "id", "value": 7}}, "No id = 7"),
        ({"message": "%1 of %2", "parameters": ["one", "two"]}, "one of two"),
        ({"message": "100% of %1"}, "100% of %1"),
        ({"text": "<html>"}, "<html>"),
        ("plain", "plain"),
    ],
)
def test_a_message_is_shown_with_its_parameters(body: Any, text: str) -> None:
    assert interpolate(body) == text


def test_a_source_reference_keeps_a_sku_of_any_form() -> None:
    assert split_source_reference(source_reference("A|B/C", "default")) == ("A|B/C", "default")


class Agent:
    """The other half of a gateway: what the bridge publishes, and the answer to the next request."""

    def __init__(self, answer: dict[str, Any] | Exception | None) -> None:
        self.gateway = GatewayTransport("shop1", self._take)
        self.gateway.epoch = 7
        self.requests: list[tuple[str, dict[str, Any], float]] = []
        self._answer = answer

    async def _take(self, topic: str, payload: bytes, expiry_s: float) -> None:
        request = json.loads(payload)
        self.requests.append((topic, request, expiry_s))
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is not None:
            answer = json.dumps({"id": request["id"], **self._answer}).encode()
            asyncio.get_running_loop().call_soon(self.gateway.receive, answer)

    async def post(self, request_id: str = "r1") -> Any:
        return await self.gateway.request("POST", "/V1/x", body={"a": 1}, timeout_s=0.05, request_id=request_id)

    async def get(self) -> Any:
        return await self.gateway.request("GET", "/V1/x", query={"a": "1"}, timeout_s=0.05)


async def test_a_request_names_its_epoch_and_expires_with_its_timeout() -> None:
    agent = Agent({"state": "done", "status": 200, "body": {"b": 2}})
    answer = await agent.post()
    assert (answer.status, answer.body) == (200, {"b": 2})
    ((topic, request, expiry_s),) = agent.requests
    assert topic == "bng-bridge/v1/shop1/down/requests"
    assert 0 < (from_text(request.pop("expires_at")) - utc_now()).total_seconds() <= expiry_s == 0.05
    assert request == {
        "id": "r1", "epoch": 7, "operation": "rest", "method": "POST", "path": "/V1/x", "query": {}, "body": {"a": 1},
    }  # fmt: skip


async def test_an_amount_in_an_answer_is_a_decimal() -> None:
    agent = Agent({"state": "done", "status": 200, "body": {"b": 0.1}})
    assert (await agent.get()).body == {"b": Decimal("0.1")}


@pytest.mark.parametrize(
    ("answer", "when_read", "when_written"),
    [
        (None, TargetUnavailable, OutcomeUnknown),
        ({"state": "failed", "kind": "unknown", "error": "cut"}, TargetUnavailable, OutcomeUnknown),
        ({"state": "failed", "kind": "unsent", "error": "refused"}, TargetUnavailable, TargetUnavailable),
        ({"state": "refused", "reason": "stale-epoch"}, TargetUnavailable, TargetUnavailable),
        # In time, and yet too late: the two clocks differ, for which no event is to die.
        ({"state": "refused", "reason": "expired"}, TargetPaused, TargetPaused),
        ({"state": "done", "status": 429, "body": None}, RateLimited, RateLimited),
        ({"state": "done", "status": 503, "body": None}, TargetUnavailable, TargetUnavailable),
        ({"state": "done", "status": 503, "body": {"text": "<p>maintenance"}}, InMaintenance, InMaintenance),
        ({"state": "done", "status": 502, "body": None}, TargetUnavailable, OutcomeUnknown),
        (BrokerLost("no PUBACK"), TargetUnavailable, OutcomeUnknown),
        (PublishRefused("nobody listens"), TargetUnavailable, OutcomeUnknown),
    ],
    ids=str,
)
async def test_what_came_of_a_request_decides_whether_it_may_be_repeated(
    answer: dict[str, Any] | Exception | None, when_read: type[BridgeError], when_written: type[BridgeError]
) -> None:
    with pytest.raises(when_read):
        await Agent(answer).get()
    with pytest.raises(when_written):
        await Agent(answer).post()


@pytest.mark.parametrize("lack", ["epoch", "online"])
async def test_nothing_is_sent_to_an_agent_that_is_not_there(lack: str) -> None:
    agent = Agent({"state": "done", "status": 200})
    setattr(agent.gateway, lack, 0)
    for call in (agent.get, agent.post):
        with pytest.raises((TargetUnavailable, TargetPaused), match="agent of shop1"):
            await call()
    assert agent.requests == []


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"7", b"{}", b'{"id": ["r1"]}', b'{"id": "r2", "state": "done"}', b"\xff"]
)
async def test_an_answer_that_fits_no_request_is_dropped(payload: bytes) -> None:
    agent = Agent(None)
    asyncio.get_running_loop().call_soon(agent.gateway.receive, payload)
    with pytest.raises(OutcomeUnknown, match="no answer from the agent of shop1"):
        await agent.post()


async def test_an_answer_of_a_strange_form_is_no_bug_of_the_bridge() -> None:
    for answer in ({}, {"state": "done"}, {"state": "done", "status": "fine"}, {"state": "applauded"}):
        with pytest.raises(OutcomeUnknown):
            await Agent(answer).post()


async def test_an_answer_that_comes_twice_or_late_harms_nothing() -> None:
    agent = Agent({"state": "done", "status": 200, "body": 1})
    await agent.post()
    agent.gateway.receive(b'{"id": "r1", "state": "done", "status": 200, "body": 2}')
    assert (await agent.post()).body == 1


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"state": "done", "answer": {"status": 200}}, RequestState("done", {"status": 200})),
        ({"state": "unknown", "answer": None}, RequestState("unknown", None)),
    ],
)
async def test_the_agent_is_asked_what_became_of_a_request(body: dict[str, Any], state: RequestState) -> None:
    agent = Agent({"state": "done", "status": 200, "body": body})
    assert await agent.gateway.state_of("r1") == state
    _, request, _ = agent.requests[0]
    assert (request["operation"], request["request_id"]) == ("state", "r1")
    assert request["id"] != "r1"


@pytest.mark.parametrize("call", ["get", "post"])
async def test_requests_at_once_get_each_their_own_answer(call: str) -> None:
    agent = Agent({"state": "done", "status": 200})
    calls: list[Callable[[], Awaitable[Any]]] = [getattr(agent, call)] * 2
    if call == "post":
        calls = [lambda: agent.post("r1"), lambda: agent.post("r2")]
    await asyncio.gather(*(each() for each in calls))
    assert len({request["id"] for _, request, _ in agent.requests}) == 2


async def test_an_agent_is_asked_for_events_once_more() -> None:
    agent = Agent({"state": "done", "status": 200, "body": {"inserted": [], "waiting": []}})
    pairs = [{"entity": "order", "entity_id": "74"}]
    assert await agent.gateway.ask("reemit", entities=pairs) == {"inserted": [], "waiting": []}
    ((_, request, _),) = agent.requests
    assert (request["operation"], request["entities"]) == ("reemit", pairs)


@pytest.mark.parametrize(
    "answer", [{"state": "refused", "reason": "stale-epoch"}, {"state": "failed", "error": "down"}]
)
async def test_an_agent_that_did_not_do_it_is_not_believed_to_have(answer: dict[str, Any]) -> None:
    with pytest.raises(TargetUnavailable, match=r"stale-epoch|down"):
        await Agent(answer).gateway.ask("reemit", entities=[])
