"""BNG inventory → the shop's source quantity: on hand, plus what BNG has shipped and the shop has not."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import site
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge.flows.shipments import stock_hint
from bng_bridge.inbox import Hint
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import shipment_hint
from bridge_common.errors import DependencyMissing
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
