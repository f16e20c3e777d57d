"""Row 5, products and prices: BNG's core fields reach the shop, whose web content stays its own."""

from typing import Any
from urllib.parse import quote

import pytest

from bridge_sandbox.admin import CallFailed, JsonObject
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import ARRIVAL_S, wait_for_shop_stock, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)
SKU = "VASE/A+B 1"


@pytest.mark.every_mode
def test_a_product_and_its_stock_price_and_end_reach_the_shop_and_leave_its_web_content_alone(stage: Stage) -> None:
    stage.bridgectl("flow", "on", "bng-product-to-product", "--site", stage.site)
    stage.bng.set_stock(SKU, WAREHOUSE, 7)
    product = stage.bng.create("products", SKU=SKU, Name="Vase", ProductType="STOCK", ListPrice="19.95")
    wait_for(stage, name="Vase", price="19.95", status="2", visibility="1")
    wait_for_shop_stock(stage, SKU, 7)

    merchandise(stage, "all", status=1, visibility=4)
    merchandise(stage, "default", custom_attributes=[{"attribute_code": "description", "value": "Blue."}])
    change(stage, product, ListPrice="24.95", SpecialPrice="14.95", SpecialPriceTo="2026-07-31")
    wait_for(stage, price="24.95", special_price="14.950000", special_to_date="2026-07-31 00:00:00", status="1")

    stage.bng.pause_webhooks()
    change(stage, product, Active=False, SpecialPrice=None)
    wait_for(stage, status="2", special_price="None")
    stage.bng.resume_webhooks()
    change(stage, product, Active=True, Name="Tall vase")
    wait_for(stage, "default", name="Tall vase", status="1", visibility="4", description="Blue.")
    wait_until_settled(stage)


def change(stage: Stage, product: JsonObject, **fields: Any) -> None:
    stage.bng.edit("products", product["ProductID"], **fields)


def merchandise(stage: Stage, store: str, **fields: Any) -> None:
    """Somebody changes it in the shop."""
    stage.api().call("PUT", path(store), {"product": fields})


def wait_for(stage: Stage, store: str = "all", **wanted: str) -> None:
    def is_there() -> bool:
        found = shown(stage, store)
        return {name: str(found.get(name)) for name in wanted} == wanted

    wait_until(f"the shop's product with {wanted}", is_there, timeout_s=ARRIVAL_S)


def shown(stage: Stage, store: str) -> JsonObject:
    """With its custom attributes as fields; empty where the shop does not have it."""
    try:
        product = stage.api().get(path(store))
    except CallFailed as error:
        if error.status == 404:
            return {}
        raise
    return {**product, **{each["attribute_code"]: each["value"] for each in product["custom_attributes"]}}


def path(store: str) -> str:
    return f"/rest/{store}/V1/products/{quote(SKU, safe='')}"
