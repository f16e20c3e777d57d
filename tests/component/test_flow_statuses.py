"""BNG's order status → Magento, over both sandboxes: said once in a comment, and done where the status means it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.flows import FlowRig, flow_rig, lost_in_a_restore
from tests.support.shop import ShopRig

from bng_bridge import intents
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import listed_hint, status_hint
from bridge_common.errors import DependencyMissing, IdentityChanged, OutcomeUnknown, QuietPeriod, RejectedByTarget
from bridge_sandbox.bng import samples

pytestmark = pytest.mark.integration


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        yield rig


async def sell(rig: FlowRig, shop: ShopRig) -> dict[str, Any]:
    order = await shop.checkout("simple")
    await rig.order(order)
    return order


async def say(rig: FlowRig, order: dict[str, Any], status: int) -> dict[str, Any]:
    """BNG's operator sets the status; the sales order as it is then."""
    sales_order_id = (await at_bng(rig, order))["SalesOrderID"]
    made: dict[str, Any] = await rig.bng.admin("POST", "/status", SalesOrderID=sales_order_id, OrderStatus=status)
    return made


async def at_bng(rig: FlowRig, order: dict[str, Any]) -> dict[str, Any]:
    name = f"shop1-{order['entity_id']}"
    (found,) = [each for each in await rig.bng.records("sales_orders") if each["ExternalID"] == name]
    return found


async def tell(rig: FlowRig, sales_order: dict[str, Any], key: str = "") -> Outcome:
    return await rig.hint(status_hint({**sales_order, "Version": f"{sales_order['Version']}{key}"}, rig.store.read))


async def comments(shop: ShopRig, order: dict[str, Any]) -> list[str]:
    found = await shop.client.get(f"/V1/orders/{order['entity_id']}/comments")
    assert found is not None
    return [each["comment"] for each in found["items"] if str(each["comment"]).startswith("BNG sales order")]


async def state(shop: ShopRig, order: dict[str, Any]) -> str:
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    return str(document["state"])


async def test_another_order_under_the_id_is_told_nothing(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await lost_in_a_restore(rig)
    with pytest.raises(IdentityChanged) as raised:
        await tell(rig, await say(rig, order, 30))
    assert raised.value.site == "shop1"
    assert (await state(shop, order), await comments(shop, order)) == ("new", [])


async def test_a_status_is_said_once_in_a_comment(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    changed = await say(rig, order, 20)
    assert [(await tell(rig, changed, key)).state for key in ("", "-again")] == ["done", "done"]
    text = f"BNG sales order {changed['SalesOrderID']} is processing (version {changed['Version']})"
    assert await comments(shop, order) == [text]


async def test_a_status_whose_webhook_was_lost_is_news_also_after_a_write_of_ours(rig: FlowRig, shop: ShopRig) -> None:
    """Our own write's answer shows it before the poll does. A status that we sent is none."""
    order = await sell(rig, shop)
    assert listed_hint("sales-orders", await at_bng(rig, order), rig.store.read) is None
    await say(rig, order, 40)
    order["billing_address"]["city"] = "Elsewhere"
    await rig.order(order)
    listed = await at_bng(rig, order)
    assert (listed["BillingAddress"]["City"], listed["OrderStatus"]) == ("Elsewhere", 40)
    hint = listed_hint("sales-orders", listed, rig.store.read)
    assert hint is not None
    await rig.hint(hint)
    assert len(await comments(shop, order)) == 1


async def test_a_hold_at_bng_holds_the_order_and_its_end_releases_it(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await tell(rig, await say(rig, order, 30))
    assert await state(shop, order) == "holded"
    await tell(rig, await say(rig, order, 20))
    assert (await state(shop, order), len(await comments(shop, order))) == ("new", 2)


async def test_an_order_cancelled_at_bng_is_cancelled_in_the_shop(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await tell(rig, await say(rig, order, 90))
    assert await state(shop, order) == "canceled"


async def test_what_the_shop_said_itself_is_not_said_back(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    await shop.admin("POST", "/hold", order_id=order["entity_id"])
    held = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert held is not None
    await rig.order(held)
    changed = (await rig.bng.records("sales_orders"))[0]
    assert (changed["OrderStatus"], (await tell(rig, changed)).state) == (30, "skipped")
    assert await comments(shop, order) == []


async def test_an_order_cancelled_in_the_shop_is_cancelled_at_bng_and_its_stock_is_free_again(
    rig: FlowRig, shop: ShopRig
) -> None:
    order = await sell(rig, shop)
    await shop.admin("POST", "/cancel", order_id=order["entity_id"])
    cancelled = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert cancelled is not None
    for _ in range(2):
        await rig.order(cancelled)
    (sales_order,) = await rig.bng.records("sales_orders")
    assert (sales_order["OrderStatus"], sales_order["AllocationStatus"]) == (90, None)


async def test_a_lost_answer_to_a_comment_leaves_one_comment(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop)
    changed = await say(rig, order, 20)
    await shop.fault("cut_after", method="POST", path="/comments$")
    with pytest.raises(OutcomeUnknown):
        await tell(rig, changed)
    with pytest.raises(QuietPeriod):
        await tell(rig, changed, "-too-early")
    await rig.store.write(lambda db: db.execute("UPDATE intent SET quiet_until = '2026-01-01T00:00:00.000000Z'"))
    assert (await tell(rig, changed, "-again")).state == "done"
    assert len(await comments(shop, order)) == 1


async def test_a_hold_whose_comment_was_refused_ends_when_bng_s_does(rig: FlowRig, shop: ShopRig) -> None:
    """Of the two calls the first was carried out: what both sides had in common before is no longer so."""
    order = await sell(rig, shop)
    await tell(rig, await say(rig, order, 20))
    await shop.fault("status", method="POST", path="/comments$", status=400)
    with pytest.raises(RejectedByTarget):
        await tell(rig, await say(rig, order, 30))
    assert await state(shop, order) == "holded"
    await tell(rig, await say(rig, order, 20))
    assert await state(shop, order) == "new"


@pytest.mark.parametrize(("external_id", "is_waited_for"), [("shop1-99", True), ("fax-7", False), (None, False)])
async def test_a_status_that_bng_tells_before_the_bridge_has_bound_the_order_is_waited_for(
    rig: FlowRig, shop: ShopRig, external_id: str | None, is_waited_for: bool
) -> None:
    """As when BNG holds an order in the moment in which it is made: the webhook is faster than our commit."""
    body = samples.order(await rig.bng.customer(), ExternalID=external_id)
    stored = (await rig.bng.client.create("sales-orders", body, "1", accept=())).stored
    assert stored is not None
    made = stored.body
    if is_waited_for:
        with pytest.raises(DependencyMissing, match=r"\(shop1-99\) is not bound yet"):
            await tell(rig, made)
    else:
        assert (await tell(rig, made)).state == "skipped"


async def test_a_cancellation_whose_comment_was_not_answered_leaves_no_write_open(rig: FlowRig, shop: ShopRig) -> None:
    """The shop says cancelled by then, and only because we made it so."""
    order = await sell(rig, shop)
    changed = await say(rig, order, 90)
    await shop.fault("cut_after", method="POST", path="/comments$")
    with pytest.raises(OutcomeUnknown):
        await tell(rig, changed)
    assert await state(shop, order) == "canceled"
    with pytest.raises(QuietPeriod):
        await tell(rig, changed, "-too-early")
    await rig.store.write(lambda db: db.execute("UPDATE intent SET quiet_until = '2026-01-01T00:00:00.000000Z'"))
    assert (await tell(rig, changed, "-again")).state == "done"
    assert intents.all_open(rig.store.read) == []
    assert len(await comments(shop, order)) == 1
