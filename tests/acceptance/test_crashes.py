"""A part dies in the middle and comes back: nothing is lost and nothing is there twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bridge_sandbox.admin import Admin, CallFailed, JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import KINDS
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=2.0)


@pytest.mark.every_mode
def test_the_agent_killed_in_the_middle_of_thirty_orders(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    with buying(stage, 30):
        wait_until("the first of thirty", lambda: compare_books(stage).sales_orders > before, timeout_s=10)
        stage.kill("agent")
        stage.start("agent")
    assert wait_until_settled(stage).sales_orders == before + 30


@pytest.mark.every_mode
def test_the_agent_down_while_orders_are_placed(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    stage.kill("agent")
    with buying(stage, 10):
        pass
    stage.start("agent")
    assert wait_until_settled(stage).sales_orders == before + 10


@pytest.mark.every_mode
def test_the_bridge_killed_between_a_write_and_its_answer(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    held = stage.bng.fault("hold", method="PUT", path="/sales-orders", seconds=30)
    with buying(stage, 30):
        wait_until("an answer to be held", lambda: stage.bng.fault_hits(held), timeout_s=10)
        stage.kill("bridge")
        stage.bng.clear_faults()
        stage.start("bridge")
    assert wait_until_settled(stage).sales_orders == before + 30


@pytest.mark.every_mode
def test_the_bridge_killed_while_the_shop_answers_a_shipment(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    wait_for_sales_order(stage, order)
    held = stage.shop.fault("hold", method="POST", path="/ship$", seconds=30)
    stage.bng.ship(f"{stage.site}-{order['order_id']}", ["HELD"])
    wait_until("an answer to be held", lambda: stage.shop.fault_hits(held), timeout_s=10)
    stage.kill("bridge")
    stage.shop.clear_faults()
    stage.start("bridge")
    wait_until_settled(stage)


def test_the_broker_killed_and_back_with_what_it_had_saved(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    with buying(stage, 20):
        wait_until("the first of twenty", lambda: compare_books(stage).sales_orders > before, timeout_s=10)
        stage.kill("broker")
        stage.start("broker")
    assert wait_until_settled(stage).sales_orders == before + 20


@pytest.mark.parametrize("bridge_is_away", [False, True], ids=["the bridge is there", "nobody had read it"])
def test_the_broker_loses_all_that_it_had_saved(stage: Stage, *, bridge_is_away: bool) -> None:
    """Sessions, queues and retained states: rows wait for a receipt, and the manifest, which is off here, mends nothing."""
    before = compare_books(stage).sales_orders
    with buying(stage, 20):
        wait_until("the first of twenty", lambda: compare_books(stage).sales_orders > before, timeout_s=10)
        if bridge_is_away:
            stage.kill("bridge")
            already = published(stage)
            stage.shop.checkout("simple")
            wait_until("a batch that the bridge does not read", lambda: published(stage) > already, timeout_s=10)
        stage.kill("broker")
        stage.wipe_broker()
        stage.start("broker")
        if bridge_is_away:
            stage.start("bridge")
    assert wait_until_settled(stage).sales_orders == before + 20 + bridge_is_away


def test_the_database_killed_and_back(stage: Stage) -> None:
    """Some checkouts fail; those that the shop has at the end are all in BNG."""
    before = compare_books(stage)
    with buying(stage, 20, patiently=True):
        wait_until("the first of twenty", lambda: compare_books(stage).sales_orders > before.sales_orders, timeout_s=10)
        stage.kill("mariadb")
        stage.start("mariadb")
    order = wait_until("a checkout to work again", lambda: try_checkout(stage), timeout_s=10)
    assert order is not None
    wait_for_sales_order(stage, order)
    assert wait_until_settled(stage).orders_placed > before.orders_placed


def test_bng_killed_and_back(stage: Stage) -> None:
    wait_until_settled(stage)
    before = compare_books(stage).sales_orders
    with buying(stage, 10):
        stage.kill("bng")
        stage.start("bng")
    wait_until("BNG to answer", lambda: answers(stage.bng), timeout_s=10)
    assert wait_until_settled(stage).sales_orders == before + 10


def test_the_shop_killed_and_back_while_shipments_come(stage: Stage) -> None:
    orders = [stage.shop.checkout("simple") for _ in range(5)]
    sales_orders = [wait_for_sales_order(stage, order) for order in orders]
    stage.kill("shop")
    for number, sales_order in enumerate(sales_orders):
        stage.bng.ship(sales_order["ExternalID"], [f"DOWN-{number}"])
    stage.start("shop")
    wait_until("the shop to answer", lambda: answers(stage.shop), timeout_s=10)
    wait_until_settled(stage)


@contextmanager
def buying(stage: Stage, count: int, *, patiently: bool = False) -> Iterator[None]:
    """Orders of all kinds placed by four buyers during the block; a patient buyer bears a shop that fails."""
    buy = try_checkout if patiently else checkout
    with ThreadPoolExecutor(4) as pool:
        orders = [pool.submit(buy, stage, KINDS[number % len(KINDS)]) for number in range(count)]
        yield
    for order in orders:
        order.result()


def published(stage: Stage) -> int:
    """Batches that the agent has given to the broker."""
    return stage.program("agent").output().count("action=published")


def checkout(stage: Stage, kind: str = "simple") -> JsonObject | None:
    return stage.shop.checkout(kind)


def try_checkout(stage: Stage, kind: str = "simple") -> JsonObject | None:
    """None when the shop has no database, lost it in the middle, or found a connection of before."""
    try:
        return checkout(stage, kind)
    except CallFailed as error:
        if error.status not in (400, 503):
            raise
        return None


def answers(server: Admin) -> bool:
    try:
        server.book()
    except OSError:
        return False
    return True
