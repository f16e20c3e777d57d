"""What of BNG's stock a shop holds under both policies, with and without sources, and what is never written."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, site
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge import bindings, intents
from bng_bridge.flows import keys, reserved
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.inbox import Hint
from bng_bridge.intents import Intent
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import shipment_hint
from bridge_common.clock import utc_now
from bridge_common.errors import DependencyMissing, RefusedByFlow, TargetUnavailable
from bridge_common.http import Answer
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.mariadb import MariaDB

pytestmark = pytest.mark.integration
SKU = "TEE-S"
POLICIES = ("physical", "compensate")
Opened = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path, mariadb: MariaDB) -> Opened:
    """A shop of its own, where no other test has reserved anything, and a BNG."""

    @asynccontextmanager
    async def make(*, has_sources: bool = True, **settings: Any) -> AsyncIterator[tuple[FlowRig, ShopRig]]:
        config = site(**settings)
        async with (
            running_shop_rig(mariadb, new_account(mariadb), config, has_sources=has_sources) as shop,
            flow_rig(tmp_path, shop, sites={"shop1": config}) as rig,
        ):
            yield rig, shop

    return make


async def count(rig: FlowRig, on_hand: int) -> None:
    await rig.bng.admin("POST", "/stock", SKU=SKU, Warehouse="MAIN", QuantityOnHand=str(on_hand))


async def tell(rig: FlowRig) -> Outcome:
    return await rig.hint(stock_hint(SKU, "MAIN", f"test/{rig.claimed('x', '', {}).seq}"))


async def ship(rig: FlowRig, order: dict[str, Any]) -> Hint:
    made = await rig.bng.admin("POST", "/ship", ExternalID=f"shop1-{order['entity_id']}")
    return shipment_hint(made, rig.store.read)


async def sell_elsewhere(rig: FlowRig, quantity: int) -> None:
    """By a channel that is none of ours."""
    body = samples.order(await rig.bng.customer(), (SKU, str(quantity), "24.95"), ExternalID=f"fax-{quantity}")
    headers = {"X-API-Key": Settings.api_key, "Idempotency-Key": f"by-hand-{quantity}"}
    async with rig.bng.session.post(f"{rig.bng.url}/api/v1/sales-orders", json=body, headers=headers) as answer:
        assert answer.status == 201


async def buy(shop: ShopRig, quantity: int) -> dict[str, Any]:
    return await shop.checkout(lines=[{"sku": SKU, "qty": quantity}])


# ── the arithmetic ──


@pytest.mark.parametrize("policy", POLICIES)
async def test_at_each_step_of_an_orders_life_the_shop_can_sell_what_bng_has_available(
    opened: Opened, policy: str
) -> None:
    async with opened(stock_policy=policy) as (rig, shop):
        await count(rig, 10)
        await tell(rig)
        assert await shop.salable(SKU) == 10
        order = await buy(shop, 3)
        assert await shop.salable(SKU) == 7
        await rig.order(order)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (10, 7)
        shipment = await ship(rig, order)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (10, 7)
        await rig.hint(shipment)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (7, 7)


@pytest.mark.parametrize("policy", POLICIES)
async def test_an_order_that_bng_does_not_have_yet_is_deducted_by_the_shop_alone(opened: Opened, policy: str) -> None:
    async with opened(stock_policy=policy) as (rig, shop):
        await count(rig, 10)
        await buy(shop, 3)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (10, 7)


async def test_what_another_channel_has_sold_is_not_for_sale_when_available_is_compensated(opened: Opened) -> None:
    async with opened(stock_policy="compensate") as (rig, shop):
        await count(rig, 10)
        await rig.order(await buy(shop, 3))
        await sell_elsewhere(rig, 4)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (6, 3)


async def test_of_a_backordered_order_nothing_is_added_back(opened: Opened) -> None:
    """BNG has deducted nothing for it; the shop has."""
    async with opened(stock_policy="compensate") as (rig, shop):
        await count(rig, 2)
        await tell(rig)
        await sell_elsewhere(rig, 2)
        await rig.order(await buy(shop, 2))
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (0, -2)


async def test_of_an_order_allocated_in_part_only_what_was_shipped_is_added_back(opened: Opened) -> None:
    async with opened(stock_policy="compensate") as (rig, shop):
        await count(rig, 2)
        await tell(rig)
        await sell_elsewhere(rig, 1)
        order = await buy(shop, 2)
        await rig.order(order)
        await tell(rig)
        assert await shop.quantity(SKU) == 0
        await rig.bng.admin(
            "POST", "/ship", ExternalID=f"shop1-{order['entity_id']}", Lines=[{"LineNo": 1, "Quantity": 1}]
        )
        await tell(rig)
        assert await shop.quantity(SKU) == 1


async def test_an_order_cancelled_at_bng_is_not_added_back_although_the_shop_still_holds_it(opened: Opened) -> None:
    """Or it could be sold twice in the moment when the shop lets go of it."""
    async with opened(stock_policy="compensate") as (rig, shop):
        await count(rig, 10)
        order = await buy(shop, 3)
        await rig.order(order)
        await rig.bng.admin("POST", "/status", ExternalID=f"shop1-{order['entity_id']}", OrderStatus=90)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (10, 7)


async def test_an_order_that_bng_has_and_the_bridge_has_not_bound_is_added_back(opened: Opened) -> None:
    async with opened(stock_policy="compensate") as (rig, shop):
        await count(rig, 10)
        order = await buy(shop, 3)
        await rig.order(order)
        await rig.store.write(lambda db: db.execute("DELETE FROM binding WHERE entity = 'sales_order'"))
        await tell(rig)
        assert await shop.quantity(SKU) == 10


async def test_an_order_older_than_the_configured_days_holds_nothing(opened: Opened, monkeypatch: Any) -> None:
    async with opened(stock_policy="compensate", open_order_days=1) as (rig, shop):
        await count(rig, 10)
        await rig.order(await buy(shop, 3))
        later = utc_now() + timedelta(days=2)
        monkeypatch.setattr(reserved, "utc_now", lambda: later)
        await tell(rig)
        assert await shop.quantity(SKU) == 7


@pytest.mark.parametrize(("backorders", "status"), [(False, 0), (True, 1)])
async def test_the_stock_status_is_set_by_the_quantity_unless_the_shop_sells_what_is_not_there(
    opened: Opened, *, backorders: bool, status: int
) -> None:
    async with opened(backorders=backorders) as (rig, shop):
        await count(rig, 0)
        await tell(rig)
        rows = (await shop.admin("GET", "/book"))["source_items"]
        assert [row["status"] for row in rows if row["sku"] == SKU] == [status]


# ── a shop without sources ──


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_shop_without_sources_holds_what_it_can_sell(opened: Opened, policy: str) -> None:
    async with opened(has_sources=False, stock_policy=policy) as (rig, shop):
        await count(rig, 10)
        await tell(rig)
        assert await shop.quantity(SKU) == 10
        order = await buy(shop, 3)
        assert await shop.quantity(SKU) == 7
        await tell(rig)
        assert await shop.quantity(SKU) == 7
        await rig.order(order)
        await tell(rig)
        assert await shop.quantity(SKU) == 7
        shipment = await ship(rig, order)
        await tell(rig)
        assert await shop.quantity(SKU) == 7
        await rig.hint(shipment)
        await tell(rig)
        assert await shop.quantity(SKU) == 7
        item = await shop.client.get(f"/V1/stockItems/{SKU}")
        assert item is not None
        assert (item["qty"], item["is_in_stock"]) == (7, True)


async def test_without_sources_a_quantity_is_written_although_it_was_written_before(opened: Opened) -> None:
    """The shop has moved it since, by itself: two pieces came in, and two were ordered."""
    async with opened(has_sources=False) as (rig, shop):
        await count(rig, 10)
        await tell(rig)
        await buy(shop, 2)
        await count(rig, 12)
        await tell(rig)
        assert await shop.quantity(SKU) == 10


async def test_a_configurable_that_is_shipped_holds_nothing_more(opened: Opened) -> None:
    """Only its parent's row says so."""
    async with opened(has_sources=False) as (rig, shop):
        await count(rig, 10)
        order = await shop.checkout(lines=[{"sku": "TEE", "qty": 3, "variant": SKU}])
        assert [item["product_type"] for item in order["items"]] == ["configurable", "simple"]
        await rig.order(order)
        await tell(rig)
        assert await shop.quantity(SKU) == 7
        await rig.hint(await ship(rig, order))
        await tell(rig)
        assert await shop.quantity(SKU) == 7


async def test_a_shop_without_sources_shows_one_warehouse(opened: Opened) -> None:
    async with opened(has_sources=False, sources={"MAIN": "default", "OUTLET": "outlet"}) as (rig, _):
        with pytest.raises(RefusedByFlow, match="is to show several warehouses"):
            await tell(rig)


async def test_only_magentos_own_words_say_that_a_shop_has_no_sources(opened: Opened, monkeypatch: Any) -> None:
    async with opened() as (rig, shop):
        request = shop.transport.request

        async def proxy(method: str, path: str, **rest: Any) -> Answer:
            if path.endswith("source-items"):
                return Answer(404, {"text": "<h1>Not Found</h1>"}, None)
            answer: Answer = await request(method, path, **rest)
            return answer

        monkeypatch.setattr(shop.transport, "request", proxy)
        with pytest.raises(TargetUnavailable, match="not in Magento's words"):
            await tell(rig)


# ── what is never written ──


async def test_less_than_nothing_is_refused_and_never_written(opened: Opened) -> None:
    async with opened() as (rig, shop):
        await count(rig, 4)
        await tell(rig)
        await count(rig, -1)
        with pytest.raises(RefusedByFlow, match="would be -1 in shop1") as refused:
            await tell(rig)
        assert refused.value.problem == "negative-stock"
        assert await shop.quantity(SKU) == 4
        await count(rig, 3)
        await tell(rig)
        assert await shop.quantity(SKU) == 3


async def test_an_older_state_is_ignored_however_it_came(opened: Opened) -> None:
    async with opened() as (rig, shop):
        await count(rig, 9)
        await tell(rig)
        real = rig.bng.client.search
        (old,) = await real("inventory-items", sku=SKU, warehouse="MAIN")
        await count(rig, 5)
        await tell(rig)

        async def search(_resource: str, **_filters: str) -> list[dict[str, Any]]:
            return [old]

        rig.bng.client.search = search
        outcome = await tell(rig)
        assert (outcome.state, outcome.reason) == ("skipped", "BNG showed an older state than the one that was applied")
        assert await shop.quantity(SKU) == 5
        rig.bng.client.search = real


async def test_a_state_that_changed_nothing_is_known_all_the_same(opened: Opened) -> None:
    """What was allocated in between does not lower what the shop holds; an older state would."""
    async with opened() as (rig, shop):
        await count(rig, 9)
        await tell(rig)
        await count(rig, 8)
        (between,) = await rig.bng.client.search("inventory-items", sku=SKU, warehouse="MAIN")
        await count(rig, 9)
        await tell(rig)
        real = rig.bng.client.search

        async def search(_resource: str, **_filters: str) -> list[dict[str, Any]]:
            return [between]

        rig.bng.client.search = search
        assert (await tell(rig)).state == "skipped"
        rig.bng.client.search = real
        assert await shop.quantity(SKU) == 9


async def test_an_older_state_waits_for_the_newer_one_where_the_shop_has_changed_since(opened: Opened) -> None:
    """Ignored, the piece that the shop has shipped would stay deducted for ever, or counted."""
    async with opened() as (rig, shop):
        await count(rig, 9)
        (old,) = await rig.bng.client.search("inventory-items", sku=SKU, warehouse="MAIN")
        await count(rig, 8)
        await tell(rig)
        key = keys.stock_key("shop1", f"default|{SKU}")
        await rig.store.write(lambda db: bindings.forget_digest(db, key))
        real = rig.bng.client.search

        async def search(_resource: str, **_filters: str) -> list[dict[str, Any]]:
            return [old]

        rig.bng.client.search = search
        with pytest.raises(DependencyMissing, match="the newer one is waited for"):
            await tell(rig)
        rig.bng.client.search = real
        assert (await tell(rig)).state == "done"
        assert await shop.quantity(SKU) == 8


async def test_a_bng_that_was_restored_counts_anew(opened: Opened) -> None:
    async with opened() as (rig, shop):
        await rig.bng.admin("POST", "/backup")
        for on_hand in (9, 8, 7):
            await count(rig, on_hand)
        await tell(rig)
        await rig.bng.admin("POST", "/restore")
        await count(rig, 6)
        await tell(rig)
        assert await shop.quantity(SKU) == 6


# ── what moves meanwhile ──


async def test_stock_that_moves_while_it_is_read_is_read_again(opened: Opened, monkeypatch: Any) -> None:
    """A shipment between two reads would count twice, and what counts twice is sold twice."""
    async with opened() as (rig, shop):
        await count(rig, 10)
        await tell(rig)
        order = await buy(shop, 3)
        await rig.order(order)
        pages = rig.bng.client.pages

        async def late(resource: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
            if resource == "shipments":
                monkeypatch.undo()
                await ship(rig, order)
            async for each in pages(resource, **filters):
                yield each

        monkeypatch.setattr(rig.bng.client, "pages", late)
        with pytest.raises(DependencyMissing, match="moved while it was read"):
            await tell(rig)
        await tell(rig)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (10, 7)


async def test_no_shipment_is_made_in_the_shop_between_reading_its_stock_and_writing_it(
    opened: Opened, monkeypatch: Any
) -> None:
    """Or the piece would be added to a quantity that the shop has deducted it from, and sold once more."""
    async with opened() as (rig, shop):
        await count(rig, 10)
        await tell(rig)
        order = await buy(shop, 3)
        await rig.order(order)
        shipment = await ship(rig, order)
        pages, is_reading, may_read_on = rig.bng.client.pages, asyncio.Event(), asyncio.Event()

        async def slow(resource: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
            async for each in pages(resource, **filters):
                yield each
            if resource == "shipments" and "updated_since" in filters:
                is_reading.set()
                await may_read_on.wait()

        monkeypatch.setattr(rig.bng.client, "pages", slow)
        telling = asyncio.create_task(tell(rig))
        await is_reading.wait()
        shipping = asyncio.create_task(rig.hint(shipment))
        asked = "GET /rest/{store}/V1/orders/{id}"
        before = await shop.calls(asked)
        await asyncio.wait([shipping], timeout=0.5)
        assert await shop.calls(asked) == before
        may_read_on.set()
        await asyncio.gather(telling, shipping)
        assert (await shop.quantity(SKU), await shop.salable(SKU)) == (7, 7)


async def test_while_it_is_unknown_whether_the_shop_has_shipped_its_stock_waits(opened: Opened) -> None:
    async with opened() as (rig, shop):
        await count(rig, 10)
        await tell(rig)
        order = await buy(shop, 3)
        await rig.order(order)
        shipment = await ship(rig, order)
        key = keys.shipment_key("shop1", shipment.entity_id)
        await rig.store.write(lambda db: open_intent(db, key))
        with pytest.raises(DependencyMissing, match="is not known yet"):
            await tell(rig)
        await rig.store.write(lambda db: intents.close(db, key))
        await tell(rig)
        assert await shop.quantity(SKU) == Decimal(10)


def open_intent(db: sqlite3.Connection, key: str) -> None:
    intents.open_intent(db, Intent(key, 1, "magento", "shipment", {}, "", "r-1", at(0)), at(0))
