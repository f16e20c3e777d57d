"""A shipment of the shop's admin → BNG shipment, over both sandboxes: once, and never back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig

from bng_bridge import switches
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import shipment_hint
from bridge_common.errors import NotReady

pytestmark = pytest.mark.integration
FLOW = "shop-shipment-to-shipment"


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        await switch_on(rig)
        yield rig


async def switch_on(rig: FlowRig, since: str | None = None) -> None:
    await rig.store.write(lambda db: switches.switch_on(db, "shop1", FLOW, since, at(0)))


async def ship(shop: ShopRig, order: dict[str, Any]) -> None:
    """All of it, as the shop's admin does."""
    body = {"tracks": [{"track_number": "A1", "title": "DHL", "carrier_code": "dhl"}]}
    await shop.client.write("POST", f"/V1/order/{order['entity_id']}/ship", body, "")


async def order_again(rig: FlowRig, shop: ShopRig, order: dict[str, Any]) -> Outcome:
    """The event of the order that the shipment's trigger leads to."""
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    return await rig.order(document)


async def told(rig: FlowRig, outcome: Outcome) -> list[Outcome]:
    return [await rig.hint(each) for each in outcome.hints]


async def test_what_the_admin_ships_is_posted_at_bng_once_and_does_not_come_back(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await rig.order(order)
    await ship(shop, order)
    (hint,) = (await order_again(rig, shop, order)).hints
    await rig.hint(hint)
    # The same state of the same shipment, told of by a later change of the order.
    await rig.hint(replace(hint, event_key="again"))
    (made,) = await rig.bng.records("shipments")
    assert (made["TrackingNumbers"], made["Carrier"], made["Warehouse"]) == (["A1"], "DHL", "MAIN")
    assert [Decimal(line["Quantity"]) for line in made["Lines"]] == [
        Decimal(item["qty_ordered"]) for item in order["items"]
    ]
    echo = await rig.hint(shipment_hint(made, rig.store.read))
    assert (echo.state, echo.reason, len(await shop.shipments(order["entity_id"]))) == (
        "skipped",
        "made from the shop's own",
        1,
    )


async def test_what_bng_shipped_is_not_told_to_bng(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await rig.order(order)
    made = await rig.bng.admin(
        "POST", "/ship", ExternalID=f"shop1-{order['entity_id']}", Carrier="DHL", TrackingNumbers=["T"]
    )
    await rig.hint(shipment_hint(made, rig.store.read))
    assert (await order_again(rig, shop, order)).hints == ()


async def test_a_flow_that_is_off_posts_nothing_and_asks_nobody(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await rig.order(order)
    await ship(shop, order)
    await rig.store.write(lambda db: switches.switch_off(db, "shop1", FLOW))
    assert (await order_again(rig, shop, order)).hints == ()
    await switch_on(rig)
    hints = (await order_again(rig, shop, order)).hints
    await rig.store.write(lambda db: switches.switch_off(db, "shop1", FLOW))
    (outcome,) = [await rig.hint(each) for each in hints]
    assert (outcome.state, outcome.reason) == ("skipped", f"flow {FLOW} is off for shop1")
    assert await rig.bng.records("shipments") == []


async def test_what_was_shipped_before_the_flow_went_live_is_left_alone(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await rig.order(order)
    await ship(shop, order)
    await switch_on(rig, since="2999-01-01T00:00:00.000000Z")
    (outcome,) = await told(rig, await order_again(rig, shop, order))
    assert (outcome.state, outcome.reason) == ("skipped", "before go-live")


async def test_a_shipment_waits_for_its_order(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await ship(shop, order)
    outcome = await order_again(rig, shop, order)
    await rig.store.write(lambda db: db.execute("DELETE FROM binding"))
    with pytest.raises(NotReady, match="its order is not at BNG yet"):
        await told(rig, outcome)


async def test_what_bng_took_and_never_answered_does_not_come_back_either(rig: FlowRig, shop: ShopRig) -> None:
    """BNG tells of it before the bridge has found out: it bears our name, and is bound to nothing."""
    order = await shop.checkout("simple")
    await rig.order(order)
    await ship(shop, order)
    (hint,) = (await order_again(rig, shop, order)).hints
    await rig.hint(hint)
    await rig.store.write(lambda db: db.execute("DELETE FROM binding WHERE entity = 'shipment'"))
    (made,) = await rig.bng.records("shipments")
    echo = await rig.hint(shipment_hint(made, rig.store.read))
    assert (echo.state, echo.reason) == ("skipped", "made from the shop's own")
    assert len(await shop.shipments(order["entity_id"])) == 1


async def test_what_was_left_alone_is_taken_once_the_flow_reaches_back_to_it(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await rig.order(order)
    await ship(shop, order)
    await switch_on(rig, since="2999-01-01T00:00:00.000000Z")
    (left,) = await told(rig, await order_again(rig, shop, order))
    await rig.store.write(lambda db: switches.switch_on(db, "shop1", FLOW, None, at(5)))
    (taken,) = await told(rig, await order_again(rig, shop, order))
    assert (left.state, taken.state, len(await rig.bng.records("shipments"))) == ("skipped", "done", 1)


async def test_a_tracking_number_that_is_added_later_is_no_alarm(rig: FlowRig, shop: ShopRig) -> None:
    order = await shop.checkout("simple")
    await rig.order(order)
    await ship(shop, order)
    (hint,) = (await order_again(rig, shop, order)).hints
    await rig.hint(hint)
    (made,) = await shop.shipments(order["entity_id"])
    track = {
        "order_id": order["entity_id"],
        "parent_id": made["entity_id"],
        "track_number": "A2",
        "title": "DHL",
        "carrier_code": "dhl",
    }
    await shop.client.write("POST", "/V1/shipment/track", {"entity": track}, "")
    assert (await rig.hint(replace(hint, event_key="again"))).state == "done"
