"""The bridge's requests: allowed calls only, each write at most once, and an honest word about what became of it."""

import uuid
from typing import Any

import pytest
from aiohttp import web

from bridge_common import decimal_json, topics
from bridge_common.amend import digest_of
from bridge_common.clock import to_text

from .doubles import until
from .rig import Rig

SHIP: dict[str, Any] = {"operation": "rest", "method": "POST", "path": "/V1/order/7/ship", "body": {"notify": False}}


async def test_a_read_is_answered_with_status_and_body(rig: Rig) -> None:
    rig.shop.put("order", 7, grand_total=decimal_json.loads("104.950"))
    async with rig.agent():
        await welcomed(rig)
        query = {
            "searchCriteria[filter_groups][0][filters][0][field]": "entity_id",
            "searchCriteria[filter_groups][0][filters][0][value]": "7",
        }
        answer = await rig.bridge.ask(operation="rest", method="GET", path="/V1/orders", query=query)
        assert (answer["state"], answer["status"]) == ("done", 200)
        assert str(answer["body"]["items"][0]["grand_total"]) == "104.950"


async def test_a_write_is_executed_with_its_body(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        answer = await rig.bridge.ask(**SHIP)
        assert (answer["state"], answer["status"], answer["body"]) == ("done", 200, "1")
        assert rig.shop.writes() == [("POST", "/rest/all/V1/order/7/ship", "", {"notify": False})]


async def test_a_request_that_comes_twice_is_executed_once_and_answered_twice(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        request_id = str(uuid.uuid4())
        first = await rig.bridge.ask(**SHIP, id=request_id)
        second = await rig.bridge.ask(**SHIP, id=request_id)
        assert first == second
        assert len(rig.shop.writes()) == 1


async def test_a_request_that_comes_again_while_it_runs_is_executed_once(rig: Rig) -> None:
    rig.shop.gate.clear()
    async with rig.agent():
        await welcomed(rig)
        request_id = await rig.bridge.send_request(**SHIP)
        await until("it reached the shop", rig.shop.writes)
        await rig.bridge.send_request(**SHIP, id=request_id)
        state = await rig.bridge.ask(operation="state", request_id=request_id)
        assert state["body"]["state"] == "running"
        rig.shop.gate.set()
        assert (await rig.bridge.response_to(request_id))["state"] == "done"
        assert len(rig.shop.writes()) == 1


async def test_the_answer_survives_a_restart_of_the_agent(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        request_id = str(uuid.uuid4())
        first = await rig.bridge.ask(**SHIP, id=request_id)
    async with rig.agent():
        await welcomed(rig)
        assert await rig.bridge.ask(**SHIP, id=request_id) == first
        state = await rig.bridge.ask(operation="state", request_id=request_id)
        assert state["body"] == {"request_id": request_id, "state": "done", "answer": first}
        assert len(rig.shop.writes()) == 1


async def test_a_request_of_an_earlier_connection_is_refused(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        answer = await rig.bridge.ask(**SHIP, epoch=rig.bridge.epoch - 1)
        assert answer == {"id": answer["id"], "state": "refused", "reason": "stale-epoch"}
        assert rig.shop.writes() == []


async def test_a_request_that_waited_at_the_broker_over_a_reconnect_is_refused(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
    # The agent is away; its session at the broker is not.
    request_id = await rig.bridge.send_request(**SHIP)
    async with rig.agent():
        answer = await rig.bridge.response_to(request_id)
        assert answer["reason"] == "stale-epoch"
        assert rig.shop.writes() == []


async def test_an_expired_request_is_refused(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        answer = await rig.bridge.ask(**SHIP, expires_at="2020-01-01T00:00:00Z")
        assert answer["reason"] == "expired"
        assert rig.shop.writes() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/V1/orders"),
        ("DELETE", "/V1/customers/1"),
        ("GET", "/V1/customers/1/../../orders"),
        ("GET", "/V1/products/x%2F..%2F..%2Forders"),
        ("GET", "/rest/V1/orders"),
    ],
)
async def test_what_is_not_on_the_list_is_refused(rig: Rig, method: str, path: str) -> None:
    async with rig.agent():
        await welcomed(rig)
        calls = len(rig.shop.calls)
        answer = await rig.bridge.ask(operation="rest", method=method, path=path)
        assert (answer["state"], answer["reason"]) == ("refused", "not-allowed")
        assert len(rig.shop.calls) == calls


async def test_a_refused_request_may_be_sent_again_under_the_new_epoch(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        request_id = str(uuid.uuid4())
        await rig.bridge.ask(**SHIP, id=request_id, epoch=rig.bridge.epoch - 1)
        assert (await rig.bridge.ask(**SHIP, id=request_id))["state"] == "done"


async def test_no_answer_in_time_is_an_unknown_outcome(rig: Rig) -> None:
    rig.shop.gate.clear()
    async with rig.agent():
        await welcomed(rig)
        request_id = await rig.bridge.send_request(**SHIP, timeout_s=0.8)
        answer = await rig.bridge.response_to(request_id)
        assert (answer["state"], answer["kind"]) == ("failed", "unknown")
        again = await rig.bridge.ask(**SHIP, id=request_id)
        assert again == answer
        assert len(rig.shop.writes()) == 1


async def test_a_shop_that_refuses_the_connection_is_a_sure_failure_and_may_be_tried_again(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        await rig.shop.stop()
        request_id = await rig.bridge.send_request(**SHIP)
        answer = await rig.bridge.response_to(request_id)
        assert (answer["state"], answer["kind"]) == ("failed", "unsent")
        state = await rig.bridge.ask(operation="state", request_id=request_id)
        assert (state["body"]["state"], state["body"]["answer"]["kind"]) == ("failed", "unsent")
        await rig.shop.start()
        assert (await rig.bridge.ask(**SHIP, id=request_id))["state"] == "done"


async def test_what_ran_when_the_agent_died_is_interrupted(rig: Rig) -> None:
    rig.shop.gate.clear()
    async with rig.dying_agent() as agent:
        await welcomed(rig)
        request_id = await rig.bridge.send_request(**SHIP)
        await until("it reached the shop", rig.shop.writes)
        agent.kill()
    rig.shop.gate.set()
    async with rig.agent():
        await welcomed(rig)
        state = await rig.bridge.ask(operation="state", request_id=request_id)
        assert state["body"] == {"request_id": request_id, "state": "interrupted", "answer": None}
        answer = await rig.bridge.ask(**SHIP, id=request_id)
        assert (answer["state"], answer["kind"]) == ("failed", "unknown")
        assert len(rig.shop.writes()) == 1


async def test_an_answer_that_found_no_connection_is_published_on_the_next(rig: Rig) -> None:
    rig.shop.gate.clear()
    async with rig.agent():
        await welcomed(rig)
        request_id = await rig.bridge.send_request(**SHIP)
        await until("it reached the shop", rig.shop.writes)
        await rig.take_over()
        rig.shop.gate.set()
        assert (await rig.bridge.response_to(request_id))["state"] == "done"
        assert len(rig.shop.writes()) == 1


async def test_a_status_of_any_kind_is_an_answer(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        rig.shop.answer = lambda _request: web.Response(
            status=503, text="<html>maintenance</html>", content_type="text/html", headers={"Retry-After": "30"}
        )
        answer = await rig.bridge.ask(**SHIP)
        assert (answer["state"], answer["status"], answer["retry_after"]) == ("done", 503, 30)
        assert answer["body"] == {"text": "<html>maintenance</html>"}


async def test_an_answer_too_large_for_a_packet_is_told_instead_of_sent(rig: Rig) -> None:
    rig.shop.put("order", 7, comment="x" * 30_000)
    query = [["searchCriteria[filter_groups][0][filters][0][value]", "7"]]
    async with rig.agent(max_packet_bytes=16 * 1024):
        await welcomed(rig)
        answer = await rig.bridge.ask(operation="rest", method="GET", path="/V1/orders", query=query)
        assert answer["status"] == 413
        assert "does not fit" in answer["body"]["message"]


async def test_ping_outbox_and_unknown_states_are_answered(rig: Rig) -> None:
    rig.shop.answer = lambda request: web.Response(status=503) if request.path.endswith("/orders") else None
    rig.database.note("order", 1)
    async with rig.agent():
        await welcomed(rig)
        ping = await rig.bridge.ask(operation="ping")
        assert ping["body"]["epoch"] == rig.bridge.epoch
        outbox = await rig.bridge.ask(operation="outbox")
        assert outbox["body"]["outbox_rows"] == 1
        state = await rig.bridge.ask(operation="state", request_id="never")
        assert state["body"] == {"request_id": "never", "state": "unknown", "answer": None}


async def test_what_is_wanted_again_comes_again_whatever_became_of_it(rig: Rig) -> None:
    rig.shop.put("order", 7, state="new")
    async with rig.agent():
        await welcomed(rig)
        gone = {"entity": "customer", "entity_id": "3", "op": "D"}
        answer = await rig.bridge.ask(operation="reemit", entities=[{"entity": "order", "entity_id": "7"}, gone])
        assert answer["body"]["inserted"] == [{"entity": "order", "entity_id": "7"}, gone]
        assert answer["body"]["waiting"] == []
        order = await until("the order comes", lambda: rig.bridge.latest("order", 7))
        customer = await until("the deleted customer comes", lambda: rig.bridge.latest("customer", 3))
        assert (order.kind, order.data["state"], customer.kind) == ("snapshot", "new", "tombstone")
        assert to_text(order.committed_at) == to_text(customer.committed_at) == answer["body"]["at"]
        await until("both rows are deleted", lambda: rig.database.waiting() == [])


async def test_what_waits_in_the_outbox_is_only_named(rig: Rig) -> None:
    rig.shop.answer = lambda request: web.Response(status=503) if request.path.endswith("/orders") else None
    rig.database.note("order", 7)
    async with rig.agent():
        await welcomed(rig)
        pairs = [{"entity": "order", "entity_id": "7"}, {"entity": "order", "entity_id": "8"}]
        first = await rig.bridge.ask(operation="reemit", entities=pairs)
        assert (first["body"]["inserted"], first["body"]["waiting"]) == (pairs[1:], pairs[:1])
        second = await rig.bridge.ask(operation="reemit", entities=pairs)
        assert (second["body"]["inserted"], second["body"]["waiting"]) == ([], pairs)
        deleted = await rig.bridge.ask(operation="reemit", entities=[pairs[0] | {"op": "D"}])
        assert len(deleted["body"]["inserted"]) == 1
        assert len(rig.database.waiting()) == 3


async def test_nothing_is_sent_again_for_an_earlier_connection_or_too_late(rig: Rig) -> None:
    pairs = [{"entity": "order", "entity_id": "7"}]
    async with rig.agent():
        await welcomed(rig)
        stale = await rig.bridge.ask(operation="reemit", entities=pairs, epoch=rig.bridge.epoch - 1)
        late = await rig.bridge.ask(operation="reemit", entities=pairs, expires_at="2020-01-01T00:00:00Z")
        assert (stale["reason"], late["reason"]) == ("stale-epoch", "expired")
        assert rig.database.waiting() == []


async def test_a_record_is_amended_and_shown_as_it_is_after_that(rig: Rig) -> None:
    rig.shop.put("customer", 5, lastname="Brandt")
    async with rig.agent():
        await welcomed(rig)
        answer = await rig.bridge.ask(**amending(rig, lastname="Berg"))
        assert (answer["state"], answer["status"]) == ("done", 200)
        assert answer["body"] == {"id": 5, "lastname": "Berg"} == rig.shop.documents["customer"][5]


async def test_a_record_that_somebody_edited_meanwhile_is_not_amended(rig: Rig) -> None:
    rig.shop.put("customer", 5, lastname="Brandt")
    request = amending(rig, lastname="Berg")
    rig.shop.put("customer", 5, lastname="Brandt", firstname="Inga")
    async with rig.agent():
        await welcomed(rig)
        request_id = str(uuid.uuid4())
        answer = await rig.bridge.ask(**request, id=request_id)
        assert (answer["state"], answer["reason"]) == ("refused", "changed")
        assert rig.shop.writes() == []
        # What was not executed may be asked for again under its id, as the record is now.
        again = await rig.bridge.ask(**amending(rig, lastname="Berg"), id=request_id)
        assert again["body"] == {"id": 5, "lastname": "Berg", "firstname": "Inga"}


async def test_amending_is_executed_once_and_only_where_it_is_allowed(rig: Rig) -> None:
    rig.shop.put("customer", 5, lastname="Brandt")
    async with rig.agent():
        await welcomed(rig)
        request, request_id = amending(rig, lastname="Berg"), str(uuid.uuid4())
        answers = [await rig.bridge.ask(**request, id=request_id) for _ in range(2)]
        assert answers[0] == answers[1]
        assert len(rig.shop.writes()) == 1
        refused = await rig.bridge.ask(**{**request, "path": "/V1/orders/5"})
        assert (refused["state"], refused["reason"]) == ("refused", "not-allowed")


async def test_a_record_that_cannot_be_read_is_surely_not_amended(rig: Rig) -> None:
    rig.shop.put("customer", 5, lastname="Brandt")
    rig.shop.answer = lambda request: web.Response(status=502) if request.path.endswith("/customers/5") else None
    async with rig.agent():
        await welcomed(rig)
        answer = await rig.bridge.ask(**amending(rig, lastname="Berg"))
        assert (answer["state"], answer["kind"]) == ("failed", "unsent")
        assert rig.shop.writes() == []


async def test_an_amended_record_that_cannot_be_read_again_is_perhaps_written(rig: Rig) -> None:
    rig.shop.put("customer", 5, lastname="Brandt")

    def broken_after(request: web.Request) -> web.Response | None:
        return web.Response(status=502) if request.method == "GET" and rig.shop.writes() else None

    rig.shop.answer = broken_after
    async with rig.agent():
        await welcomed(rig)
        answer = await rig.bridge.ask(**amending(rig, lastname="Berg"))
        assert (answer["state"], answer["kind"]) == ("failed", "unknown")


async def test_a_packet_that_is_no_request_is_passed_over(rig: Rig) -> None:
    async with rig.agent():
        await welcomed(rig)
        for payload in (b"\xff", b"{}", b"[1]", b'{"id": 1, "operation": "rest"}'):
            await rig.bridge.send_raw(topics.REQUESTS, payload)
            await rig.bridge.send_raw(topics.RECEIPTS, payload)
            await rig.bridge.send_raw(topics.WELCOME, payload)
        assert (await rig.bridge.ask(operation="ping"))["state"] == "done"


def amending(rig: Rig, **fields: Any) -> dict[str, Any]:
    """As the customer is now, with these fields."""
    known = rig.shop.documents["customer"][5]
    return {
        "operation": "amend", "path": "/V1/customers/5", "body": {"customer": known | fields}, "expected": digest_of(known),
    }  # fmt: skip


async def welcomed(rig: Rig) -> None:
    """The agent knows the epoch, so requests are not refused as stale."""
    status = len(rig.bridge.statuses)
    await until(
        "the agent is welcomed",
        lambda: any(each.get("epoch") == rig.bridge.epoch for each in rig.bridge.statuses[status:]),
    )
