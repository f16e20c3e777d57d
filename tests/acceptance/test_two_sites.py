"""Two shops and one BNG: their records do not mix, and the trouble of one is not the other's.

Both on premises; and one of them hosted, whose agent polls so seldom here that what arrives came by a webhook.
"""

import pytest

from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_for_shop_stock

pytestmark = pytest.mark.acceptance
PLANS = {
    "both on premises": Plan(sites=("shop1", "shop2")),
    "one hosted": Plan(sites=("shop1", "shop2"), hosted=("shop2",), direct=("shop2",), shop_poll_interval_s=60),
}
ONLY_A_POLL_READS = "GET /rest/{store}/V1/creditmemos"


def test_equal_order_numbers_of_two_shops_are_two_sales_orders(stage: Stage) -> None:
    orders = [shop.checkout(kind) for shop, kind in zip(stage.shops.values(), ("simple", "us"), strict=True)]
    assert len({order["order_id"] for order in orders}) == 1
    wait_until("both sales orders", lambda: arrived(stage, "shop1") and arrived(stage, "shop2"), timeout_s=15)


@pytest.mark.parametrize("stage", [PLANS["one hosted"]], ids=["one hosted"], indirect=True, scope="module")
def test_an_order_of_a_hosted_shop_arrives_before_its_agent_polls_again(stage: Stage) -> None:
    shop = stage.shops["shop2"]
    polls = shop.calls()[ONLY_A_POLL_READS]
    order = shop.checkout("mixed")
    wait_for_sales_order(stage, order, site="shop2", timeout_s=15)
    assert shop.calls()[ONLY_A_POLL_READS] == polls


def test_stock_reaches_both_shops(stage: Stage) -> None:
    stage.bng.set_stock("NUT+M4", WAREHOUSE, 4321)
    for site in stage.plan.sites:
        wait_for_shop_stock(stage, "NUT+M4", 4321, site=site)


def test_one_shop_goes_on_while_the_agent_of_the_other_is_down(stage: Stage) -> None:
    stage.kill("agent-shop2")
    for shop in stage.shops.values():
        shop.checkout("simple")
    stage.bng.set_stock("NUT+M4", WAREHOUSE, 4320)
    wait_until("the order of the other shop", lambda: arrived(stage, "shop1"), timeout_s=15)
    wait_for_shop_stock(stage, "NUT+M4", 4320, site="shop1")
    assert not arrived(stage, "shop2")
    stage.start("agent-shop2")
    wait_until("the order that waited", lambda: arrived(stage, "shop2"), timeout_s=15)
    wait_for_shop_stock(stage, "NUT+M4", 4320, site="shop2")


def arrived(stage: Stage, site: str) -> bool:
    found = compare_books(stage, site)
    return found.orders_placed == found.sales_orders and not found.duplicated
