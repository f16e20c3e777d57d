"""A dead letter that runs again: read anew, or as it was edited; and one that was discarded, told a second time."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, event
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import order
from tests.support.shop import ShopRig

from bng_bridge import inbox, letters
from bng_bridge.inbox import Claimed
from bridge_common import decimal_json
from bridge_common.errors import InvalidEvent, TargetUnavailable

pytestmark = pytest.mark.integration


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        yield rig


async def die(rig: FlowRig, document: dict[str, Any], n: int = 1) -> int:
    """This state of an order arrives and dies; its event."""

    def kill(db: sqlite3.Connection) -> int:
        found = _arrive(db, document, n)
        inbox.settle(db, found, "dead", started_at=at(1), now=at(2), reason="no", error_kind="MappingError")
        return found.seq

    return await rig.store.write(kill)


async def arrive(rig: FlowRig, document: dict[str, Any], n: int) -> Claimed:
    return await rig.store.write(lambda db: _arrive(db, document, n))


def _arrive(db: sqlite3.Connection, document: dict[str, Any], n: int) -> Claimed:
    inbox.put_events(db, [event(n, entity_id=str(document["entity_id"]), data=document)], at(n))
    return _claim(db)


def _claim(db: sqlite3.Connection) -> Claimed:
    (found,) = inbox.claim(db, at(100), 1)
    return found


async def requeued(rig: FlowRig, seq: int) -> Claimed:
    await rig.store.write(lambda db: inbox.requeue(db, seq, at(3)))
    return await rig.store.write(_claim)


async def discarded(rig: FlowRig, seq: int, reason: str = "a test order") -> None:
    await rig.store.write(lambda db: inbox.discard(db, seq, reason, at(3)))


async def settled(rig: FlowRig, claimed: Claimed) -> str:
    """Run, and closed with what came of it; the reason, or the state."""
    outcome = await rig.run(claimed)
    await rig.store.write(
        lambda db: inbox.settle(db, claimed, outcome.state, started_at=at(4), now=at(5), reason=outcome.reason)
    )
    return outcome.reason or outcome.state


async def at_bng(rig: FlowRig) -> list[dict[str, Any]]:
    return await rig.bng.records("sales_orders")


async def test_a_retried_order_is_what_the_shop_shows_now_not_what_it_was_when_it_died(
    rig: FlowRig, shop: ShopRig
) -> None:
    placed = await shop.checkout()
    seq = await die(rig, {**placed, "shipping_description": "as it was"})
    assert (await rig.run(await requeued(rig, seq))).state == "done"
    (made,) = await at_bng(rig)
    assert made["ShipVia"] == placed["shipping_description"] != "as it was"


async def test_a_retried_order_waits_while_its_shop_cannot_be_asked(rig: FlowRig, shop: ShopRig) -> None:
    seq = await die(rig, await shop.checkout())
    await shop.fault("status", status=503, path="/V1/orders/", count=1)
    claimed = await requeued(rig, seq)
    with pytest.raises(TargetUnavailable):
        await rig.run(claimed)
    assert await at_bng(rig) == []
    assert (await rig.run(claimed)).state == "done"


async def test_a_retried_order_that_the_shop_has_deleted_says_so(rig: FlowRig, shop: ShopRig) -> None:
    claimed = await requeued(rig, await die(rig, order(order_id=99_999)))
    with pytest.raises(InvalidEvent, match="shop1 has no order 99999") as gone:
        await rig.run(claimed)
    assert "bridgectl dlq discard {event}" in gone.value.hint


async def test_an_order_that_never_died_is_applied_as_it_came(rig: FlowRig, shop: ShopRig) -> None:
    placed = await shop.checkout()
    await rig.run(await arrive(rig, {**placed, "shipping_description": "as it came"}, 1))
    assert (await at_bng(rig))[0]["ShipVia"] == "as it came"


async def test_an_edited_copy_is_applied_as_it_was_edited_also_when_it_is_retried(rig: FlowRig, shop: ShopRig) -> None:
    placed = await shop.checkout()
    seq = await die(rig, placed)
    edited = decimal_json.dumps({**placed, "shipping_description": "by hand"})
    copy = await rig.store.write(lambda db: letters.put_edited(db, seq, edited, "ida", at(3)))
    claimed = await rig.store.write(_claim)
    assert (claimed.seq, claimed.kind) == (copy, "edited")
    await rig.store.write(lambda db: inbox.settle(db, claimed, "dead", started_at=at(4), now=at(5)))
    assert (await rig.run(await requeued(rig, claimed.seq))).state == "done"
    assert (await at_bng(rig))[0]["ShipVia"] == "by hand"


async def test_a_discarded_state_stays_discarded_however_often_it_is_told_again(rig: FlowRig, shop: ShopRig) -> None:
    document = order()
    await discarded(rig, await die(rig, document))
    for n in (2, 3):
        assert await settled(rig, await arrive(rig, document, n)) == "discarded by an operator: a test order"
    assert await at_bng(rig) == []


async def test_a_discarded_order_that_changes_runs_and_so_does_its_old_state_after_that(
    rig: FlowRig, shop: ShopRig
) -> None:
    await discarded(rig, await die(rig, order()))
    assert await settled(rig, await arrive(rig, order(state="processing"), 2)) == "done"
    assert await settled(rig, await arrive(rig, order(), 3)) == "done"


async def test_a_letter_that_is_retried_runs_although_the_same_state_was_discarded_before(
    rig: FlowRig, shop: ShopRig
) -> None:
    placed = await shop.checkout()
    await discarded(rig, await die(rig, placed))
    again = await die(rig, placed, 2)
    assert await settled(rig, await requeued(rig, again)) == "done"


async def test_a_state_that_was_replaced_by_an_edited_copy_does_not_undo_the_copy(rig: FlowRig, shop: ShopRig) -> None:
    document = order()
    seq = await die(rig, document)
    edited = decimal_json.dumps({**document, "shipping_description": "by hand"})
    copy = await rig.store.write(lambda db: letters.put_edited(db, seq, edited, "ida", at(3)))
    assert await settled(rig, await rig.store.write(_claim)) == "done"
    told_again = await settled(rig, await arrive(rig, document, 2))
    assert told_again == f"discarded by an operator: replaced by an edited copy {copy}"
    assert (await at_bng(rig))[0]["ShipVia"] == "by hand"


async def test_a_state_that_is_told_again_before_its_edited_copy_ran_is_not_lost(rig: FlowRig, shop: ShopRig) -> None:
    """The copy is superseded then: were the state skipped as well, neither of the two would be applied."""
    document = order()
    seq = await die(rig, document)
    await rig.store.write(lambda db: letters.put_edited(db, seq, "{}", "ida", at(3)))
    assert await settled(rig, await arrive(rig, document, 2)) == "done"


async def test_what_the_agent_could_not_read_stays_discarded_too(rig: FlowRig, shop: ShopRig) -> None:
    def unreadable(db: sqlite3.Connection, n: int) -> Claimed:
        inbox.put_events(db, [event(n, kind="unreadable", data={"reason": "too large"})], at(n))
        return _claim(db)

    first = await rig.store.write(lambda db: unreadable(db, 1))
    await rig.store.write(lambda db: inbox.settle(db, first, "dead", started_at=at(1), now=at(2)))
    await discarded(rig, first.seq)
    again = await rig.store.write(lambda db: unreadable(db, 2))
    assert await settled(rig, again) == "discarded by an operator: a test order"
