"""BNG shipment → Magento shipment, over both sandboxes: what BNG shipped the shop shows once, with its tracks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, event, site
from tests.support.flows import FlowRig, flow_rig, lost_in_a_restore
from tests.support.shop import ShopRig

from bng_bridge import bindings, inbox
from bng_bridge.flows.keys import shipment_key
from bng_bridge.mapping import shipments
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import shipment_hint
from bridge_common.errors import DependencyMissing, IdentityChanged, InvalidEvent, RefusedByFlow, RejectedByTarget
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        yield rig


async def sell(rig: FlowRig, shop: ShopRig, kind: str, **options: Any) -> dict[str, Any]:
    """An order of the shop that BNG has."""
    order = await shop.checkout(kind, **options)
    await rig.order(order)
    return order


async def ship(rig: FlowRig, order: dict[str, Any], *lines: tuple[int, int], track: str = "T1") -> dict[str, Any]:
    """BNG ships these (LineNo, Quantity), or all that is open."""
    chosen = {"Lines": [{"LineNo": number, "Quantity": str(quantity)} for number, quantity in lines]} if lines else {}
    made: dict[str, Any] = await rig.bng.admin(
        "POST", "/ship", ExternalID=f"shop1-{order['entity_id']}", Carrier="DHL", TrackingNumbers=[track], **chosen
    )
    return made


async def tell(rig: FlowRig, shipment: dict[str, Any], key: str = "") -> Outcome:
    """The hint that BNG's webhook would become; with a key of its own it is handled although it was before."""
    return await rig.hint(
        replace(shipment_hint(shipment, rig.store.read), event_key=f"bng/{shipment['ShipmentID']}/{key}")
    )


async def in_shop(shop: ShopRig, order: dict[str, Any]) -> list[dict[str, Any]]:
    return await shop.shipments(order["entity_id"])


async def shipped_rows(shop: ShopRig, order: dict[str, Any]) -> dict[str, Decimal]:
    """qty_shipped by SKU, where there is any."""
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    rows = [(item["sku"], Decimal(item["qty_shipped"])) for item in document["items"] if item.get("qty_shipped")]
    return dict(rows)


async def test_another_order_under_the_id_is_not_shipped(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    await lost_in_a_restore(rig)
    with pytest.raises(IdentityChanged) as raised:
        await tell(rig, await ship(rig, order))
    assert (raised.value.site, await in_shop(shop, order)) == ("shop1", [])


async def test_a_shipment_reaches_the_shop_with_its_track(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    shipment = await ship(rig, order)
    outcome = await tell(rig, shipment)
    (made,) = await in_shop(shop, order)
    assert [(track["track_number"], track["title"]) for track in made["tracks"]] == [("T1", "DHL")]
    assert [(item["sku"], item["qty"]) for item in made["items"]] == [("MUG-WHITE", 2)]
    bound = bindings.get(rig.store.read, shipment_key("shop1", shipment["ShipmentID"]))
    assert bound is not None
    assert bound.target_id == str(made["entity_id"])
    assert [(hint.entity, hint.entity_id) for hint in outcome.hints] == [("stock", "MAIN|MUG-WHITE")]


async def test_a_shipment_that_is_told_of_twice_is_made_once(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    shipment = await ship(rig, order, (1, 1))
    for key in ("webhook", "poll"):
        assert (await tell(rig, shipment, key)).state == "done"
    assert len(await in_shop(shop, order)) == 1


async def test_partial_shipments_become_as_many(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    for track in ("T1", "T2"):
        await tell(rig, await ship(rig, order, (1, 1), track=track))
    assert [made["tracks"][0]["track_number"] for made in await in_shop(shop, order)] == ["T1", "T2"]
    assert await shipped_rows(shop, order) == {"MUG-WHITE": 2}


@pytest.mark.parametrize(
    "kind", ["simple", "configurable", "bundle_fixed", "bundle_dynamic", "discount", "us", "mixed"]
)
async def test_an_order_of_any_kind_that_bng_shipped_has_nothing_left_to_ship(
    rig: FlowRig, shop: ShopRig, kind: str
) -> None:
    order = await sell(rig, shop, kind)
    await tell(rig, await ship(rig, order))
    document = await shop.client.get(f"/V1/orders/{order['entity_id']}")
    assert document is not None
    own = [item for item in document["items"] if item["product_type"] == "simple" or "parent_item_id" not in item]
    parents = {item["item_id"]: item for item in document["items"]}
    for item in own:
        parent = parents.get(item.get("parent_item_id"))
        if parent is not None and parent["product_type"] == "configurable":
            continue  # only the parent's quantity rises
        if item["product_type"] == "bundle" and item["sku"].startswith("SET-DYN"):
            continue  # ships by its parts
        assert item["qty_shipped"] == item["qty_ordered"], item["sku"]


async def test_a_set_that_leaves_in_two_parcels_is_shipped_once_with_both_tracks(rig: FlowRig, shop: ShopRig) -> None:
    """Lines: 1 the set, 2 its mugs, 3 its pots."""
    order = await sell(rig, shop, "bundle_fixed")
    mugs = await ship(rig, order, (1, 2), (2, 4), track="MUGS")
    with pytest.raises(DependencyMissing, match="completes no set of a bundle yet"):
        await tell(rig, mugs)
    assert await in_shop(shop, order) == []

    pots = await ship(rig, order, (3, 2), track="POTS")
    await tell(rig, pots)
    (made,) = await in_shop(shop, order)
    assert [track["track_number"] for track in made["tracks"]] == ["POTS", "MUGS"]
    assert Decimal((await shipped_rows(shop, order))["SET-FIXED"]) == 2

    # The first one finds itself in the shop, and waits no longer.
    assert (await tell(rig, mugs, "again")).state == "done"
    assert len(await in_shop(shop, order)) == 1
    for shipment in (mugs, pots):
        bound = bindings.get(rig.store.read, shipment_key("shop1", shipment["ShipmentID"]))
        assert bound is not None
        assert bound.target_id == str(made["entity_id"])


async def test_sets_are_shipped_as_they_become_complete(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "bundle_fixed")
    await tell(rig, await ship(rig, order, (2, 3), (3, 1), track="T1"))
    assert (await shipped_rows(shop, order))["SET-FIXED"] == 1
    await tell(rig, await ship(rig, order, (2, 1), (3, 1), track="T2"))
    assert (await shipped_rows(shop, order))["SET-FIXED"] == 2
    assert len(await in_shop(shop, order)) == 2


async def test_a_later_shipment_that_is_handled_first_ships_only_its_own(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "bundle_fixed")
    first = await ship(rig, order, (2, 2), (3, 1), track="T1")
    second = await ship(rig, order, (2, 2), (3, 1), track="T2")
    await tell(rig, second)
    assert (await shipped_rows(shop, order))["SET-FIXED"] == 1
    await tell(rig, first)
    assert (await shipped_rows(shop, order))["SET-FIXED"] == 2
    assert [made["tracks"][0]["track_number"] for made in await in_shop(shop, order)] == ["T2", "T1"]


async def test_the_parts_of_a_bundle_that_ships_separately_go_as_they_come(rig: FlowRig, shop: ShopRig) -> None:
    """Lines of 3 workbench sets: 1 mugs, 2 lamps, 3 nuts."""
    order = await sell(rig, shop, "bundle_dynamic")
    await tell(rig, await ship(rig, order, (1, 6)))
    shipped = await shipped_rows(shop, order)
    assert shipped["MUG-WHITE"] == 6
    assert "LAMP/DESK 1" not in shipped
    await tell(rig, await ship(rig, order))
    assert (await shipped_rows(shop, order))["NUT+M4"] == 21


async def test_what_was_shipped_in_the_shop_by_hand_is_refused_visibly(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    await shop.client.write("POST", f"/V1/order/{order['entity_id']}/ship", {}, "by-hand")
    with pytest.raises(RejectedByTarget, match="BNG shipped 2 of MUG-WHITE, the shop has 0 left"):
        await tell(rig, await ship(rig, order))
    assert len(await in_shop(shop, order)) == 1


async def test_an_order_on_hold_in_the_shop_is_waited_for(rig: FlowRig, shop: ShopRig) -> None:
    order = await sell(rig, shop, "simple")
    await shop.admin("POST", "/hold", order_id=order["entity_id"])
    shipment = await ship(rig, order)
    with pytest.raises(DependencyMissing, match="is on hold in the shop"):
        await tell(rig, shipment)
    await shop.admin("POST", "/unhold", order_id=order["entity_id"])
    await tell(rig, shipment, "again")
    assert len(await in_shop(shop, order)) == 1


async def test_a_sales_order_of_ours_that_is_not_bound_yet_is_waited_for(rig: FlowRig, shop: ShopRig) -> None:
    """BNG may ship faster than the bridge commits what it wrote."""
    shipment = await ship_unbound(rig, "shop1-99")
    with pytest.raises(DependencyMissing, match=r"\(shop1-99\) is not bound yet"):
        await tell(rig, shipment)


async def test_a_second_sales_order_of_an_order_waits_visibly_and_is_not_shipped(shop: ShopRig, tmp_path: Path) -> None:
    """In an ERP that does not keep ExternalID unique somebody may make one."""
    async with flow_rig(tmp_path, shop, no_keys=True) as rig:
        order = await sell(rig, shop, "simple")
        second = await ship_unbound(rig, f"shop1-{order['entity_id']}")
        with pytest.raises(DependencyMissing, match=rf"\(shop1-{order['entity_id']}\) is not bound yet"):
            await tell(rig, second)
        assert await in_shop(shop, order) == []


@pytest.mark.parametrize(
    ("template", "external_id"),
    [
        ("{site}-{id}", None),
        ("{site}-{id}", "fax-7"),
        ("{site}-{id}", "shop10-99"),
        ("{site}-{id}", "shop1-abc"),
        ("{id}", "fax-7"),
        ("{id}", None),
    ],
)
async def test_a_sales_order_that_came_from_elsewhere_is_none_of_ours(
    shop: ShopRig, tmp_path: Path, template: str, external_id: str | None
) -> None:
    async with flow_rig(tmp_path, shop, sites={"shop1": site(external_id=template)}) as rig:
        outcome = await tell(rig, await ship_unbound(rig, external_id))
        assert outcome.state == "skipped"
        assert "did not come from a shop" in outcome.reason


async def ship_unbound(rig: FlowRig, external_id: str | None) -> dict[str, Any]:
    headers = {"X-API-Key": Settings.api_key, "Idempotency-Key": "by-hand"}
    body = samples.order(await rig.bng.customer(), ExternalID=external_id)
    async with rig.bng.session.post(f"{rig.bng.url}/api/v1/sales-orders", json=body, headers=headers) as answer:
        made = await answer.json()
    shipped: dict[str, Any] = await rig.bng.admin("POST", "/ship", SalesOrderID=made["SalesOrderID"])
    return shipped


async def test_a_shipment_that_bng_no_longer_has_says_what_to_do(rig: FlowRig, shop: ShopRig) -> None:
    with pytest.raises(RefusedByFlow, match="announced shipment SH-9 and does not have it") as gone:
        await tell(rig, {"ShipmentID": "SH-9", "SalesOrderID": "SO-9", "Version": 1})
    assert "bridgectl dlq discard {event}" in gone.value.hint


async def test_a_shipment_found_after_a_restore_is_bound_and_not_made_again(
    rig: FlowRig, shop: ShopRig, tmp_path: Path
) -> None:
    order = await sell(rig, shop, "simple")
    shipment = await ship(rig, order)
    await tell(rig, shipment)
    await rig.store.write(lambda db: db.execute("DELETE FROM binding WHERE entity = 'shipment'").rowcount)
    assert (await tell(rig, shipment, "again")).state == "done"
    (made,) = await in_shop(shop, order)
    assert made["comments"] == [shipments.reference(shipment["ShipmentID"])]


async def test_a_retried_stub_is_read_from_the_shop_as_it_is_now(rig: FlowRig, shop: ShopRig) -> None:
    """What the agent could not read is a dead letter; an operator's retry reads it through the agent."""

    order = await shop.checkout("simple")
    stub = event(1, entity_id=str(order["entity_id"]), kind="unreadable", data={"reason": "timed out"})

    def claim(db: Any) -> Any:
        return inbox.claim(db, at(9), 1)[0]

    await rig.store.write(lambda db: inbox.put_events(db, [stub], at(0)))
    first = await rig.store.write(claim)
    with pytest.raises(InvalidEvent, match="timed out"):
        await rig.run(first)
    await rig.store.write(lambda db: inbox.settle(db, first, "dead", started_at=at(1), now=at(2), reason="timed out"))
    await rig.store.write(lambda db: inbox.requeue(db, first.seq, at(3)))
    assert (await rig.run(await rig.store.write(claim))).state == "done"
    (made,) = await rig.bng.records("sales_orders")
    assert made["ExternalID"] == f"shop1-{order['entity_id']}"
