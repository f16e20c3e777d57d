"""Magento order → BNG customer, sales order and cancellation; run again, it changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import BEGIN, at, event, opened, site, until
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import fixed_bundle, item, order

from bng_bridge import bindings, inbox
from bng_bridge.cause import cause_of
from bng_bridge.flows.keys import cancellation_key, sales_order_key
from bng_bridge.target import Record, Write
from bridge_common.errors import DependencyMissing, IdentityChanged, InvalidEvent, MappingError, RejectedByTarget
from bridge_common.event import encode_batch


@pytest.fixture(params=[False, True], ids=["keys", "no keys"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, no_keys=request.param) as rig:
        yield rig


def guest(order_id: int = 74, email: str = "guest@example.com", **changes: Any) -> dict[str, Any]:
    return order(order_id=order_id, customer_id=None, customer_is_guest=1, customer_email=email, **changes)


async def sales_orders(rig: FlowRig) -> list[dict[str, Any]]:
    return await rig.bng.records("sales_orders")


async def customers(rig: FlowRig) -> list[dict[str, Any]]:
    return await rig.bng.records("customers")


async def test_an_order_becomes_a_customer_and_a_sales_order(rig: FlowRig) -> None:
    document = order(*fixed_bundle(), item(9, "NUT+M4", qty="10", price="0.33"))
    assert (await rig.order(document)).state == "done"
    (customer,), (made,) = await customers(rig), await sales_orders(rig)
    assert (customer["ExternalID"], customer["LastName"]) == ("shop1-5", "Brandt")
    assert (made["ExternalID"], made["CustomerID"], made["OrderStatus"]) == ("shop1-74", customer["CustomerID"], 10)
    assert Decimal(made["Total"]) == document["grand_total"]
    bound = bindings.get(rig.store.read, sales_order_key("shop1", "74"))
    assert bound is not None
    assert (bound.target_id, bound.fingerprint) == (
        made["SalesOrderID"], "000000074 2026-03-02 10:15:00 protect-74",
    )  # fmt: skip


async def test_the_same_state_again_is_not_sent(rig: FlowRig) -> None:
    await rig.order(order())
    before = await rig.bng.calls()
    assert (await rig.order(order())).state == "done"
    assert await rig.bng.calls() == before


async def test_a_new_state_updates_the_same_sales_order(rig: FlowRig) -> None:
    await rig.order(order())
    await rig.order(order(state="processing"))
    (made,) = await sales_orders(rig)
    assert made["OrderStatus"] == 20


async def test_a_customer_that_bng_knows_is_left_as_it_is(rig: FlowRig) -> None:
    made = await rig.bng.customer("shop1-5")
    before = await customers(rig)
    await rig.order(order())
    assert await customers(rig) == before
    assert (await sales_orders(rig))[0]["CustomerID"] == made


async def test_orders_of_one_guest_share_a_customer(rig: FlowRig) -> None:
    await rig.order(guest(74))
    await rig.order(guest(75, "GUEST@example.com"))
    await rig.order(guest(76, "other@example.com"))
    assert len(await customers(rig)) == 2
    ids = [each["CustomerID"] for each in await sales_orders(rig)]
    assert ids[0] == ids[1] != ids[2]


async def test_a_customer_that_bng_has_lost_is_made_again_and_the_order_follows_it(rig: FlowRig) -> None:
    await rig.order(order())
    (lost,) = await customers(rig)
    await rig.bng.admin("DELETE", f"/records/customers/{lost['CustomerID']}")
    assert (await rig.order(order(order_id=75))).state == "done"
    (made,) = await customers(rig)
    assert (made["ExternalID"], made["CustomerID"] != lost["CustomerID"]) == ("shop1-5", True)
    assert [each["CustomerID"] for each in await sales_orders(rig)] == [lost["CustomerID"], made["CustomerID"]]
    assert (await rig.order(order(order_id=76))).state == "done"
    assert len(await customers(rig)) == 1


async def test_an_order_whose_customer_both_sides_have_deleted_gets_it_made_again(rig: FlowRig) -> None:
    await rig.order(order())
    (lost,) = await customers(rig)
    await rig.bng.admin("DELETE", f"/records/customers/{lost['CustomerID']}")
    await rig.order(order(state="processing", customer_id=None))
    (made,), (sold,) = await customers(rig), await sales_orders(rig)
    assert (made["ExternalID"], sold["CustomerID"], sold["OrderStatus"]) == ("shop1-5", made["CustomerID"], 20)


async def test_a_customer_that_was_made_again_by_hand_is_found_and_not_doubled(rig: FlowRig) -> None:
    await rig.order(order())
    (lost,) = await customers(rig)
    await rig.bng.admin("DELETE", f"/records/customers/{lost['CustomerID']}")
    by_hand = await rig.bng.customer("shop1-5")
    await rig.order(order(order_id=75))
    assert [each["CustomerID"] for each in await customers(rig)] == [by_hand]
    assert (await sales_orders(rig))[1]["CustomerID"] == by_hand


async def test_a_customer_id_that_is_refused_again_is_a_dead_letter_with_a_hint(
    rig: FlowRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BNG has the customer and takes no order for it: it is blocked, for instance."""
    refusal = RejectedByTarget("no", problem="unknown-customer", pointer="/CustomerID")
    sent: list[str] = []

    async def refuse(write: Write, _body: dict[str, Any], _request_id: str) -> Record:
        sent.append(write.entity)
        raise refusal

    create = rig.bng.target.create

    async def blocked(write: Write, body: dict[str, Any], request_id: str) -> Record:
        return await (refuse if write.entity == "sales_order" else create)(write, body, request_id)

    monkeypatch.setattr(rig.bng.target, "create", blocked)
    with pytest.raises(RejectedByTarget) as refused:
        await rig.order(order())
    (customer,) = await customers(rig)
    assert f"customer {customer['CustomerID']}" in refused.value.hint
    assert "bridgectl dlq retry {event}" in refused.value.hint
    assert cause_of(refused.value, "order") == "RejectedByTarget sales_order unknown-customer /CustomerID"
    assert sent == ["sales_order"]


async def test_a_generic_customer_that_is_wrong_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    generic = site(guest_policy="generic", generic_customer_id="C-9")
    async with flow_rig(tmp_path, sites={"shop1": generic}) as rig:
        with pytest.raises(RejectedByTarget) as refused:
            await rig.order(guest())
        assert "generic_customer_id of [sites.shop1]" in refused.value.hint
        assert await customers(rig) == []


async def test_each_order_of_a_guest_may_have_a_customer_of_its_own(tmp_path: Path) -> None:
    async with flow_rig(tmp_path, sites={"shop1": site(guest_policy="per-order")}) as rig:
        await rig.order(guest(74))
        await rig.order(guest(75))
        assert {each["ExternalID"] for each in await customers(rig)} == {
            "shop1-guest-order-74", "shop1-guest-order-75",
        }  # fmt: skip


async def test_all_guests_may_be_one_customer_of_bng(tmp_path: Path) -> None:
    generic = site(guest_policy="generic", generic_customer_id="C-100001")
    async with flow_rig(tmp_path, sites={"shop1": generic}) as rig:
        assert await rig.bng.customer("walk-in") == "C-100001"
        await rig.order(guest(74))
        await rig.order(order(order_id=75))
        assert [each["CustomerID"] for each in await sales_orders(rig)] == ["C-100001", "C-100002"]


@pytest.mark.parametrize("lost", [{"customer_id": None}, {"customer_id": None, "customer_email": "new@example.com"}])
async def test_an_order_stays_with_its_customer_when_the_shop_deletes_that_customer(
    rig: FlowRig, lost: dict[str, Any]
) -> None:
    """Magento then drops customer_id from the order, and leaves customer_is_guest 0."""
    await rig.order(order())
    (before,) = await sales_orders(rig)
    await rig.order(order(state="processing", **lost))
    (after,) = await sales_orders(rig)
    assert (after["CustomerID"], after["OrderStatus"]) == (before["CustomerID"], 20)
    assert len(await customers(rig)) == 1


async def test_a_guest_s_order_that_is_given_to_a_customer_follows_it(rig: FlowRig) -> None:
    await rig.order(guest())
    await rig.order(order())
    (made,) = await sales_orders(rig)
    assert {each["CustomerID"]: each["ExternalID"] for each in await customers(rig)}[made["CustomerID"]] == "shop1-5"


@pytest.mark.parametrize(
    ("go_live_at", "state"),
    [
        (datetime(2026, 3, 2, 10, 15, 1, tzinfo=UTC), "skipped"),
        (datetime(2026, 3, 2, 10, 15, 0, tzinfo=UTC), "done"),
    ],
)
async def test_history_before_go_live_is_left_out(tmp_path: Path, go_live_at: datetime, state: str) -> None:
    async with flow_rig(tmp_path, sites={"shop1": site(go_live_at=go_live_at)}) as rig:
        outcome = await rig.order(order(created_at="2026-03-02 10:15:00"))
        assert outcome.state == state
        assert len(await sales_orders(rig)) == (state == "done")
        assert outcome.reason == ("before go-live" if state == "skipped" else "")


async def test_amounts_that_do_not_add_up_reach_no_sales_order(rig: FlowRig) -> None:
    with pytest.raises(MappingError):
        await rig.order(order(grand_total=Decimal("1.00")))
    assert await sales_orders(rig) == []


async def test_another_order_under_the_same_id_is_not_written(rig: FlowRig) -> None:
    await rig.order(order())
    before = await sales_orders(rig)
    with pytest.raises(IdentityChanged):
        await rig.order(order(created_at="2026-04-01 00:00:00", state="processing"))
    assert await sales_orders(rig) == before


async def test_a_daemon_that_dies_between_customer_and_order_makes_neither_twice(rig: FlowRig) -> None:
    await rig.bng.fault("latency", path="/sales-orders", seconds=60, count=0)
    running = asyncio.create_task(rig.order(order()))
    await until("the order's write has arrived", rig.bng.hits)
    assert len(await customers(rig)) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rig.bng.clear_faults()
    await until("what was under way is over", lambda: _over(rig))
    await rig.order(order())
    assert len(await customers(rig)) == len(await sales_orders(rig)) == 1


async def _over(rig: FlowRig) -> bool:
    """The look-up of the poor BNG was cut off, the upsert of the rich one is executed late."""
    return not rig.bng.client.profile.guards or len(await sales_orders(rig)) == 1


async def test_a_cancelled_order_is_cancelled_at_bng_and_gives_its_stock_back(rig: FlowRig) -> None:
    await rig.order(order())
    assert await allocated(rig, "MUG-WHITE") == 2
    for _ in range(2):
        assert (await rig.order(order(state="canceled"))).state == "done"
    (made,) = await sales_orders(rig)
    assert made["OrderStatus"] == 90
    assert await allocated(rig, "MUG-WHITE") == 0
    assert await rig.bng.calls("POST /api/v1/sales-orders/{id}/cancel") == 1


async def allocated(rig: FlowRig, sku: str) -> Decimal:
    return next(
        Decimal(each["QuantityAllocated"]) for each in await rig.bng.records("inventory_items") if each["SKU"] == sku
    )


async def test_an_order_that_was_cancelled_before_bng_knew_it_ends_cancelled(rig: FlowRig) -> None:
    await rig.order(order(state="canceled"))
    (made,) = await sales_orders(rig)
    assert made["OrderStatus"] == 90
    assert await allocated(rig, "MUG-WHITE") == 0


async def test_an_order_that_bng_has_shipped_is_not_cancelled_silently(rig: FlowRig) -> None:
    await rig.order(order())
    await rig.bng.admin("POST", "/ship", ExternalID="shop1-74")
    with pytest.raises(RejectedByTarget, match="the order is complete"):
        await rig.order(order(state="canceled"))
    assert (await sales_orders(rig))[0]["OrderStatus"] == 40
    assert bindings.get(rig.store.read, cancellation_key("shop1", "74")) is None


async def test_an_edited_order_waits_until_the_one_it_replaces_is_cancelled(rig: FlowRig) -> None:
    await rig.order(order(order_id=74))
    edited = order(order_id=75, increment_id="000000074-1", relation_parent_id="74")
    with pytest.raises(DependencyMissing, match="000000074-1 replaces 74, which is not cancelled at BNG yet"):
        await rig.order(edited)
    assert len(await sales_orders(rig)) == 1
    await rig.order(order(order_id=74, state="canceled"))
    await rig.order(edited)
    assert [each["OrderStatus"] for each in await sales_orders(rig)] == [90, 10]


async def test_an_edited_order_whose_parent_bng_never_had_does_not_wait(rig: FlowRig) -> None:
    assert (await rig.order(order(order_id=75, relation_parent_id="74"))).state == "done"


async def test_what_the_agent_could_not_read_is_a_dead_letter_with_its_reason(rig: FlowRig) -> None:
    with pytest.raises(InvalidEvent, match="larger than a packet") as unread:
        await rig.run(rig.claimed("order", "74", {"reason": "larger than a packet"}, kind="unreadable"))
    assert "bridgectl dlq retry" in unread.value.hint


async def test_a_site_that_is_not_configured_says_what_to_add(rig: FlowRig) -> None:
    with pytest.raises(InvalidEvent, match="site shop9 is not configured") as unknown:
        await rig.order(order(), site="shop9")
    assert "[sites.shop9]" in unknown.value.hint


@pytest.mark.parametrize(("entity", "kind"), [("invoice", "snapshot"), ("order", "tombstone")])
async def test_an_event_without_a_flow_is_skipped_visibly(rig: FlowRig, entity: str, kind: str) -> None:
    outcome = await rig.run(rig.claimed(entity, "9", {}, kind=kind))
    assert (outcome.state, outcome.reason) == ("skipped", f"no flow for {entity} {kind}")


async def test_a_retried_batch_that_still_cannot_be_decoded_stays_a_dead_letter(rig: FlowRig) -> None:
    with pytest.raises(InvalidEvent, match="not a CloudEvents batch"):
        await rig.run(rig.claimed("batch", "x", {}, kind="raw", data=b"\xff"))


async def test_a_retried_batch_that_can_be_decoded_now_brings_its_events(tmp_path: Path) -> None:
    """As after an upgrade; the events go into the inbox with the commit that settles the batch."""
    from bng_bridge.worker import Worker

    async with flow_rig(tmp_path) as rig:
        payload = encode_batch([event(3, entity="invoice", entity_id="9", lane="order/74")[0]], BEGIN)
        await rig.store.write(lambda db: inbox.put_undecodable(db, "shop1", payload, "unknown event type", at(0)))
        await rig.store.write(lambda db: inbox.requeue(db, 1, at(1)))
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(Worker(rig.store, rig.run, slots=2).run(stop))
            await until("its event is handled", lambda: states(rig).get("shop1/1.3") == "skipped")
            stop.set()
        assert sorted(states(rig).values()) == ["done", "skipped"]


def states(rig: FlowRig) -> dict[str, str]:
    return {row["event_key"]: row["state"] for row in rig.store.read.execute("SELECT event_key, state FROM inbox")}


async def test_events_survive_a_reopened_store(tmp_path: Path) -> None:
    async with flow_rig(tmp_path) as rig:
        await rig.order(order())
    async with opened(tmp_path / "bridge.sqlite") as store:
        assert bindings.get(store.read, sales_order_key("shop1", "74")) is not None
