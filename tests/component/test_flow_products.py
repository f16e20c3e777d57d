"""Products and prices of BNG in a shop: what BNG owns is written, read back, and nothing else is touched."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig, new_account

from bng_bridge import bindings, switches
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.magento import products
from bng_bridge.magento.client import segment
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import product_hint
from bng_bridge.target import Write
from bridge_common.errors import DependencyMissing, OutcomeUnknown, QuietPeriod, RejectedByTarget
from bridge_sandbox.mariadb import MariaDB, ShopAccount

pytestmark = pytest.mark.integration
NUMBERS = itertools.count(1)
PUT = "PUT /rest/{store}/V1/products/{sku}"
FLOW = "bng-product-to-product"
POST = "POST /rest/{store}/V1/products"


@pytest.fixture(scope="module")
def shop_account(mariadb: MariaDB) -> ShopAccount:
    """Of its own: other tests count the products of theirs."""
    return new_account(mariadb)


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        await rig.store.write(lambda db: switches.switch_on(db, "shop1", FLOW, "2999-01-01T00:00:00.000000Z", at(0)))
        yield rig


@pytest.fixture
def sku() -> str:
    """A slash, a plus and a space, and one of its own for each test."""
    return f"VASE/A+B {next(NUMBERS)}"


async def tell(rig: FlowRig, sku: str, **fields: Any) -> Outcome:
    """Made or changed at BNG, and the bridge is told."""
    product = await rig.bng.product(sku, **fields)
    return await rig.hint(product_hint(product))


async def make(rig: FlowRig, sku: str, **fields: Any) -> Outcome:
    return await tell(rig, sku, **{"Name": "Vase", "ProductType": "STOCK", "ListPrice": "19.95"} | fields)


async def shown(shop: ShopRig, sku: str, store: str = "all") -> dict[str, Any]:
    document = await shop.client.get(f"/{store}/V1/products/{segment(sku)}")
    assert document is not None
    attributes = {each["attribute_code"]: each["value"] for each in document["custom_attributes"]}
    return {**document, **attributes}


async def merchandise(shop: ShopRig, sku: str, store: str = "all", **fields: Any) -> None:
    """Somebody changes it in the shop."""
    body = {"product": fields}
    await shop.client.write("PUT", f"/{store}/V1/products/{segment(sku)}", body, "00000000-0000-0000-0000-000000000001")


async def test_a_new_product_waits_for_its_web_content(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    outcome = await make(rig, sku, Category="Clothing", TaxCode="NONE", Weight="0.8", Cost="8", Description="A vase.")
    assert outcome.state == "done"
    found = await shown(shop, sku)
    names = ("name", "price", "weight", "status", "visibility", "attribute_set_id", "type_id", "tax_class_id", "cost")
    assert [str(found[name]) for name in names] == ["Vase", "19.95", "0.8", "2", "1", "9", "simple", "0", "8.000000"]
    assert found["description"] == "A vase."


async def test_a_price_is_changed_with_nothing_beside_it(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    """Name and text of the store view, visibility, status: all that is the shop's stays, and its own `use default`, too."""
    await make(rig, sku)
    await merchandise(shop, sku, status=1, visibility=4)
    await merchandise(shop, sku, "default", custom_attributes=[{"attribute_code": "description", "value": "Blue."}])
    await tell(rig, sku, ListPrice="24.95", Description="Of BNG")
    found = await shown(shop, sku, "default")
    assert (str(found["price"]), found["status"], found["visibility"]) == ("24.95", 1, 4)
    assert found["description"] == "Blue."
    await merchandise(shop, sku, name="Vase, tall")
    assert (await shown(shop, sku, "default"))["name"] == "Vase, tall"


async def test_a_name_goes_to_all_store_views(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await make(rig, sku)
    await tell(rig, sku, Name="Tall vase")
    assert [(await shown(shop, sku, store))["name"] for store in ("all", "default")] == ["Tall vase"] * 2


async def test_a_special_price_comes_and_goes(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await make(rig, sku)
    await tell(rig, sku, SpecialPrice="14.95", SpecialPriceFrom="2026-07-01", SpecialPriceTo="2026-07-31")
    found = await shown(shop, sku)
    days = found["special_from_date"], found["special_to_date"]
    assert (found["special_price"], *days) == ("14.950000", "2026-07-01 00:00:00", "2026-07-31 00:00:00")
    await tell(rig, sku, SpecialPrice=None, SpecialPriceFrom=None, SpecialPriceTo=None)
    assert [name for name in await shown(shop, sku) if name.startswith("special_")] == []


async def test_a_special_price_without_days_begins_today(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await make(rig, sku)
    assert (await tell(rig, sku, SpecialPrice="14.95")).state == "done"
    assert "special_from_date" in await shown(shop, sku)


async def test_what_bng_no_longer_sells_is_disabled_and_comes_back(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await make(rig, sku)
    await merchandise(shop, sku, status=1)
    for active, name, status in ((False, "Vase", 2), (False, "Old vase", 2), (True, "Old vase", 1)):
        await tell(rig, sku, Active=active, Name=name)
        assert (await shown(shop, sku))["status"] == status


async def test_what_the_shop_disabled_itself_stays_so(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await make(rig, sku)
    for active in (False, True):
        await tell(rig, sku, Active=active)
        assert (await shown(shop, sku))["status"] == 2


async def test_a_product_that_the_shop_has_already_keeps_its_set_and_its_status(
    rig: FlowRig, shop: ShopRig, sku: str
) -> None:
    product = {"sku": sku, "name": "Vase", "price": 1, "attribute_set_id": 10, "status": 1}
    await shop.client.write("POST", "/all/V1/products", {"product": product}, "00000000-0000-0000-0000-000000000002")
    before = await shop.calls(POST)
    await make(rig, sku)
    found = await shown(shop, sku)
    assert (str(found["price"]), found["attribute_set_id"], found["status"]) == ("19.95", 10, 1)
    assert await shop.calls(POST) == before


async def test_what_the_shop_shows_already_is_not_written(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await make(rig, sku)
    await merchandise(shop, sku, price=21)
    before = await shop.calls(PUT)
    await tell(rig, sku, ListPrice="21.00")
    await tell(rig, sku, Category="Garden")
    assert await shop.calls(PUT) == before


async def test_an_attribute_that_the_shop_does_not_have_is_a_dead_letter_with_its_name(
    rig: FlowRig, shop: ShopRig, sku: str, mariadb: MariaDB, shop_account: ShopAccount
) -> None:
    """Magento says 200 and keeps nothing of it."""
    await make(rig, sku)
    sql = f"DELETE FROM {shop_account.database}.eav_attribute WHERE attribute_code = 'cost'"
    mariadb.execute_root(sql)
    with pytest.raises(RejectedByTarget, match=r"did not take custom_attributes\.cost of product VASE") as refused:
        await tell(rig, sku, Cost="7.00", ListPrice="18.00")
    assert (refused.value.problem, refused.value.pointer) == ("not-taken", "/custom_attributes/cost")
    mariadb.execute_root(f"INSERT INTO {shop_account.database}.eav_attribute VALUES ('cost', 'decimal', 1)")
    await tell(rig, sku)
    assert (await shown(shop, sku))["cost"] == "7.000000"


async def test_an_unknown_set_of_attributes_is_refused(
    rig: FlowRig, sku: str, mariadb: MariaDB, shop_account: ShopAccount
) -> None:
    mariadb.execute_root(f"DELETE FROM {shop_account.database}.eav_attribute_set WHERE attribute_set_id = 11")
    with pytest.raises(RejectedByTarget, match="Invalid attribute set entity type"):
        await make(rig, sku, ProductType="SERVICE")


async def test_stock_that_came_first_waits_for_the_product_and_goes_on(rig: FlowRig, shop: ShopRig, sku: str) -> None:
    await rig.bng.admin("POST", "/stock", SKU=sku, Warehouse="MAIN", QuantityOnHand="7")
    with pytest.raises(DependencyMissing, match="parked until the product"):
        await rig.hint(stock_hint(sku, "MAIN", "test"))
    outcome = await make(rig, sku)
    (follow_up,) = outcome.hints
    assert (follow_up.entity, follow_up.entity_id) == ("stock", f"MAIN|{sku}")
    await rig.run(rig.claimed("stock", follow_up.entity_id, follow_up.data, site="", source="bng", kind="hint"))
    assert await shop.quantity(sku) == 7
    assert (await tell(rig, sku, Name="Tall vase")).hints == ()


async def test_a_kit_and_a_product_that_is_gone_are_skipped(rig: FlowRig, sku: str) -> None:
    assert (await make(rig, sku, ProductType="KIT")).reason == f"KIT {sku} is put together in the shop"
    product = await rig.bng.product(sku)
    await rig.bng.admin("DELETE", f"/records/products/{product['ProductID']}")
    product["Version"] += 1
    outcome = await rig.hint(product_hint(product))
    assert (outcome.state, outcome.reason) == ("skipped", "BNG no longer has the product")


async def test_a_product_that_the_shop_deleted_waits_for_a_person(
    rig: FlowRig, sku: str, mariadb: MariaDB, shop_account: ShopAccount
) -> None:
    await make(rig, sku)
    mariadb.execute_root(f"DELETE FROM {shop_account.database}.catalog_product_entity WHERE sku = '{sku}'")
    with pytest.raises(RejectedByTarget, match="no longer has product") as refused:
        await tell(rig, sku, ListPrice="9.00")
    assert refused.value.problem == "absent"


async def test_a_sku_that_bng_changed_waits_until_the_shop_has_it_too(
    rig: FlowRig, shop: ShopRig, sku: str, mariadb: MariaDB, shop_account: ShopAccount
) -> None:
    await make(rig, sku)
    product = await rig.bng.product(sku)
    await rig.bng.patch(f"products/{product['ProductID']}", SKU=f"{sku}b", ListPrice="9.00")
    hint = product_hint(await rig.bng.product(f"{sku}b"))
    with pytest.raises(RejectedByTarget, match="is called") as refused:
        await rig.hint(hint)
    assert refused.value.problem == "renamed"
    mariadb.execute_root(
        f"UPDATE {shop_account.database}.catalog_product_entity SET sku = '{sku}b' WHERE sku = '{sku}'"
    )
    await tell(rig, f"{sku}b")
    assert str((await shown(shop, f"{sku}b"))["price"]) == "9"
    (bound,) = bindings.under(rig.store.read, f"shop1/product/{product['ProductID']}/")
    assert bound.target_id == f"{sku}b"


async def test_an_unanswered_creation_is_looked_up_and_not_repeated(
    rig: FlowRig, shop: ShopRig, sku: str, clock: Any
) -> None:
    await shop.fault("cut_after", method="POST", path="/products$")
    with pytest.raises(OutcomeUnknown):
        await make(rig, sku)
    await shop.clear_faults()
    with pytest.raises(QuietPeriod):
        await tell(rig, sku)
    clock.advance(200)
    before = await shop.calls(POST)
    assert (await tell(rig, sku)).state == "done"
    assert await shop.calls(POST) == before
    assert (await shown(shop, sku))["status"] == 2


async def test_a_flow_that_is_off_asks_nobody(rig: FlowRig, sku: str) -> None:
    """That it is on since a day to come does not matter in the other tests: a product's price may be of today."""
    await rig.store.write(lambda db: switches.switch_off(db, "shop1", FLOW))
    outcome = await make(rig, sku)
    assert (outcome.state, outcome.reason) == ("skipped", f"flow {FLOW} is off for shop1")
    assert await rig.bng.calls("GET /api/v1/products/{id}") == 0


async def test_a_store_view_keeps_its_use_default_of_what_it_shows_already(
    rig: FlowRig, shop: ShopRig, sku: str
) -> None:
    """Of a mapping for one view only what is otherwise there becomes the view's own."""
    await make(rig, sku)
    write = Write(
        "magento", "product", "shop1", "shop1/product/P/product@default", f"shop1/product/{sku}",
        products.reference(sku, "default"), absolute=True,
    )  # fmt: skip
    description = {"attribute_code": "description", "value": "Blue."}
    body = {"sku": sku, "name": "Vase", "custom_attributes": [description]}
    await shop.target.update(write, sku, "", body, "00000000-0000-0000-0000-000000000003")
    await tell(rig, sku, Name="Tall vase")
    found = await shown(shop, sku, "default")
    assert (found["name"], found["description"]) == ("Tall vase", "Blue.")
    assert "description" not in await shown(shop, sku)
