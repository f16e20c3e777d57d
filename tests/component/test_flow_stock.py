"""BNG inventory → the shop's source quantity: on hand, plus what BNG has shipped and the shop has not."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import site
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge import inbox
from bng_bridge.flows import stock
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.inbox import Hint
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import shipment_hint
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import DependencyMissing, TargetUnavailable
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.mariadb import MariaDB

pytestmark = pytest.mark.integration
SKU = "TEE-S"


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        yield rig


async def count(rig: FlowRig, on_hand: int, sku: str = SKU) -> None:
    await rig.bng.admin("POST", "/stock", SKU=sku, Warehouse="MAIN", QuantityOnHand=str(on_hand))


async def tell(rig: FlowRig, sku: str = SKU, warehouse: str = "MAIN") -> Outcome:
    return await rig.hint(stock_hint(sku, warehouse, f"test/{rig.claimed('x', '', {}).seq}"))


async def ship(rig: FlowRig, order: dict[str, Any]) -> Hint:
    """All of it leaves BNG; the hint is stored, and not handled yet."""
    made = await rig.bng.admin("POST", "/ship", ExternalID=f"shop1-{order['entity_id']}")
    return shipment_hint(made, rig.store.read)


async def test_the_quantity_on_hand_reaches_the_shop(rig: FlowRig, shop: ShopRig) -> None:
    for on_hand in (70, 65):
        await count(rig, on_hand)
        assert (await tell(rig)).state == "done"
        assert await shop.quantity(SKU) == on_hand


async def test_an_unchanged_quantity_is_not_written(rig: FlowRig, shop: ShopRig) -> None:
    await count(rig, 70)
    await tell(rig)
    before = await shop.calls("POST /rest/{store}/V1/inventory/source-items")
    await tell(rig)
    assert await shop.calls("POST /rest/{store}/V1/inventory/source-items") == before


async def test_an_open_order_does_not_lower_what_is_pushed(rig: FlowRig, shop: ShopRig) -> None:
    """The shop holds its own reservation for it; less here would count the piece twice."""
    await count(rig, 70)
    await rig.order(await shop.checkout(lines=[{"sku": SKU, "qty": 3}]))
    await tell(rig)
    assert await shop.quantity(SKU) == 70


async def test_what_bng_shipped_still_counts_until_the_shop_has_shipped_it(rig: FlowRig, shop: ShopRig) -> None:
    await count(rig, 70)
    await tell(rig)
    order = await shop.checkout(lines=[{"sku": SKU, "qty": 3}])
    await rig.order(order)
    hint = await ship(rig, order)
    await tell(rig)
    assert await shop.quantity(SKU) == 70

    outcome = await rig.hint(hint)
    assert await shop.quantity(SKU) == 67
    for follow_up in outcome.hints:
        await rig.hint(follow_up)
    assert await shop.quantity(SKU) == 67


async def bury(rig: FlowRig, hint: Hint, stored_at: str) -> None:
    """Its letter has been dead since then."""

    def kill(db: sqlite3.Connection) -> None:
        inbox.put_hint(db, hint, stored_at)
        (found,) = [each for each in inbox.claim(db, stored_at, 100) if each.event_key == hint.event_key]
        inbox.settle(db, found, "dead", started_at=stored_at, now=stored_at)

    await rig.store.write(kill)


async def retry(rig: FlowRig, hint: Hint) -> None:
    """The shop ships as well, or the pieces stay reserved in it for all tests to come."""
    await rig.run(rig.claimed("shipment", hint.entity_id, hint.data, site="", source="bng", kind="hint"))


@pytest.fixture
def listed_since(rig: FlowRig, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Since when BNG's shipments were listed, each time."""
    since: list[str] = []
    pages = rig.bng.client.pages

    def listed(resource: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
        if resource == "shipments" and "updated_since" in filters:
            since.append(filters["updated_since"])
        return pages(resource, **filters)

    monkeypatch.setattr(rig.bng.client, "pages", listed)
    return since


@pytest.mark.parametrize("most_by_id", [stock.MOST_BY_ID, 0], ids=["few letters", "many letters"])
async def test_shipments_of_old_dead_letters_count_and_few_do_not_make_the_list_long(
    rig: FlowRig, shop: ShopRig, listed_since: list[str], monkeypatch: pytest.MonkeyPatch, most_by_id: int
) -> None:
    monkeypatch.setattr(stock, "MOST_BY_ID", most_by_id)
    await count(rig, 70)
    began, hints = utc_now(), []
    for quantity in (3, 2):
        order = await shop.checkout(lines=[{"sku": SKU, "qty": quantity}])
        await rig.order(order)
        hints.append(await ship(rig, order))
        await bury(rig, hints[-1], to_text(began))
    monkeypatch.setattr(stock, "utc_now", lambda: began + timedelta(hours=1))
    await tell(rig)
    assert await shop.quantity(SKU) == 70
    minutes = 57 if most_by_id else -3
    assert listed_since == [to_text(began + timedelta(minutes=minutes))]
    assert await rig.bng.calls("GET /api/v1/shipments/{id}") == (2 if most_by_id else 0)
    for hint in hints:
        await retry(rig, hint)
    await tell(rig)
    assert await shop.quantity(SKU) == 65


async def test_a_dead_letter_whose_shipment_is_listed_anyway_counts_once(rig: FlowRig, shop: ShopRig) -> None:
    await count(rig, 70)
    order = await shop.checkout(lines=[{"sku": SKU, "qty": 3}])
    await rig.order(order)
    hint = await ship(rig, order)
    await bury(rig, hint, to_text(utc_now()))
    await tell(rig)
    assert await shop.quantity(SKU) == 70
    await retry(rig, hint)


async def test_a_dead_letter_of_no_order_of_the_site_is_not_fetched(rig: FlowRig, shop: ShopRig) -> None:
    """And one that names no sales order may be the site's, so it is, though BNG has forgotten its shipment."""
    await count(rig, 70)
    began = to_text(utc_now())
    await bury(rig, shipment_hint({"ShipmentID": "SH-8", "SalesOrderID": "SO-8"}, rig.store.read, "w8"), began)
    await bury(rig, shipment_hint({"ShipmentID": "SH-9"}, rig.store.read, "w9"), began)
    await tell(rig)
    assert await shop.quantity(SKU) == 70
    assert await rig.bng.calls("GET /api/v1/shipments/{id}") == 1


async def test_the_last_piece_can_be_shipped_in_the_shop_although_bng_has_none_left(
    tmp_path: Path, mariadb: MariaDB
) -> None:
    """In a shop of its own, where no other order has reserved any."""
    async with (
        running_shop_rig(mariadb, new_account(mariadb), site()) as shop,
        flow_rig(tmp_path, shop) as rig,
    ):
        await count(rig, 3)
        await tell(rig)
        order = await shop.checkout(lines=[{"sku": SKU, "qty": 3}])
        await rig.order(order)
        hint = await ship(rig, order)
        await tell(rig)
        await rig.hint(hint)
        assert len(await shop.shipments(order["entity_id"])) == 1
        await tell(rig)
        assert await shop.quantity(SKU) == 0


async def test_a_quantity_that_was_pushed_before_is_pushed_again_after_the_shop_deducted_from_it(
    rig: FlowRig, shop: ShopRig
) -> None:
    await count(rig, 70)
    await tell(rig)
    order = await shop.checkout(lines=[{"sku": SKU, "qty": 3}])
    await rig.order(order)
    await rig.hint(await ship(rig, order))
    assert await shop.quantity(SKU) == 67
    await count(rig, 70)
    await tell(rig)
    assert await shop.quantity(SKU) == 70


async def test_a_shipment_to_somebody_else_counts_for_nobody(rig: FlowRig, shop: ShopRig) -> None:
    await count(rig, 70)
    body = samples.order(await rig.bng.customer(), (SKU, "5", "24.95"), ExternalID="fax-7")
    headers = {"X-API-Key": Settings.api_key, "Idempotency-Key": "by-hand"}
    async with rig.bng.session.post(f"{rig.bng.url}/api/v1/sales-orders", json=body, headers=headers) as answer:
        assert answer.status == 201
    await rig.bng.admin("POST", "/ship", ExternalID="fax-7")
    await tell(rig)
    assert await shop.quantity(SKU) == 65


async def test_a_warehouse_that_no_site_shows_is_skipped(rig: FlowRig, shop: ShopRig) -> None:
    outcome = await tell(rig, warehouse="OUTLET")
    assert (outcome.state, outcome.reason) == ("skipped", "no site shows the stock of warehouse OUTLET")


async def test_a_sku_that_bng_keeps_no_stock_of_is_skipped(rig: FlowRig, shop: ShopRig) -> None:
    outcome = await tell(rig, "SET-FIXED")
    assert (outcome.state, outcome.reason) == ("skipped", "BNG keeps no stock of SET-FIXED in MAIN")


async def test_the_stock_of_an_unknown_product_is_parked_until_the_shop_has_it(rig: FlowRig, shop: ShopRig) -> None:
    """Magento itself would take it with a 200 and keep a row that belongs to nothing."""
    await count(rig, 5, "NEW-SKU")
    for _ in range(2):
        with pytest.raises(DependencyMissing, match="parked until the product NEW-SKU exists in shop1"):
            await tell(rig, "NEW-SKU")
    assert await shop.quantity("NEW-SKU") is None
    product = {"sku": "NEW-SKU", "name": "New", "price": 1, "attribute_set_id": 4, "type_id": "simple"}
    await shop.client.write("POST", "/V1/products", {"product": product}, "made")
    assert (await tell(rig, "NEW-SKU")).state == "done"
    assert await shop.quantity("NEW-SKU") == 5


async def test_a_product_that_one_shop_lacks_holds_up_no_other_shop(
    tmp_path: Path, shop: ShopRig, mariadb: MariaDB
) -> None:
    async with (
        running_shop_rig(mariadb, new_account(mariadb), site()) as other,
        flow_rig(tmp_path, shop, sites={"shop1": site(), "shop2": site()}) as rig,
    ):
        rig.context.magento["shop2"] = shop.client
        rig.context.magento["shop1"] = other.client
        product = {"sku": "ONLY-2", "name": "New", "price": 1, "attribute_set_id": 4, "type_id": "simple"}
        await shop.client.write("POST", "/V1/products", {"product": product}, "made")
        await count(rig, 5, "ONLY-2")
        with pytest.raises(DependencyMissing, match=r"parked until the product ONLY-2 exists in shop1$"):
            await tell(rig, "ONLY-2")
        assert await shop.quantity("ONLY-2") == 5


async def test_a_shop_that_cannot_be_asked_holds_up_no_other_shop(tmp_path: Path, shop: ShopRig) -> None:
    class Down:
        async def has_sources(self) -> bool:
            raise TargetUnavailable("shop1 is down")

    async with flow_rig(tmp_path, shop, sites={"shop1": site(), "shop2": site()}) as rig:
        rig.context.magento["shop2"] = rig.context.magento["shop1"]
        rig.context.magento["shop1"] = Down()  # type: ignore[assignment]
        await count(rig, 63)
        with pytest.raises(TargetUnavailable, match="shop1 is down"):
            await tell(rig)
        assert await shop.quantity(SKU) == 63


async def test_several_shops_that_lack_the_product_are_told_together(tmp_path: Path, shop: ShopRig) -> None:
    async with flow_rig(tmp_path, shop, sites={"shop1": site(), "shop2": site()}) as rig:
        rig.context.magento["shop2"] = shop.client
        await count(rig, 5, "NOWHERE")
        with pytest.raises(
            DependencyMissing, match=r"NOWHERE exists in shop1; parked until .* NOWHERE exists in shop2$"
        ):
            await tell(rig, "NOWHERE")


async def test_the_catalogue_is_not_asked_again_and_again_for_a_product_that_is_there(
    rig: FlowRig, shop: ShopRig
) -> None:
    before = await shop.calls("GET /rest/{store}/V1/products/{sku}")
    for on_hand in (41, 42, 43):
        await count(rig, on_hand)
        await tell(rig)
    assert await shop.calls("GET /rest/{store}/V1/products/{sku}") == before + 1


async def test_a_fraction_is_kept(rig: FlowRig, shop: ShopRig) -> None:
    await rig.bng.admin("POST", "/stock", SKU=SKU, Warehouse="MAIN", QuantityOnHand="12.75")
    await tell(rig)
    assert await shop.quantity(SKU) == Decimal("12.75")


async def test_a_site_without_that_warehouse_gets_nothing(tmp_path: Path, shop: ShopRig) -> None:
    async with flow_rig(tmp_path, shop, sites={"shop1": site(sources={"OUTLET": "default"})}) as rig:
        await count(rig, 1)
        before = await shop.quantity(SKU)
        assert (await tell(rig)).state == "skipped"
        assert await shop.quantity(SKU) == before
