"""The other side does what it is asked and its answer is lost: it is asked again, and does it once."""

import pytest

from bridge_sandbox.bng.profile import POOREST
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_shipment, wait_until_settled

pytestmark = pytest.mark.acceptance
PLANS = {"keys": Plan(), "no-keys": Plan(profile=POOREST)}


@pytest.mark.every_mode
@pytest.mark.parametrize("path", ["/sales-orders", "/customers"])
def test_bng_writes_once_though_its_answer_is_cut(stage: Stage, path: str) -> None:
    cut = stage.bng.fault("cut_after", method=creating(stage), path=path)
    order = stage.shop.checkout("mixed")
    wait_for_sales_order(stage, order)
    assert stage.bng.fault_hits(cut) == 1
    wait_until_settled(stage)


def test_bng_writes_once_though_it_answers_with_a_web_page(stage: Stage) -> None:
    stage.bng.fault("html", method=creating(stage), path="/sales-orders", count=2)
    order = stage.shop.checkout("simple")
    wait_for_sales_order(stage, order)
    wait_until_settled(stage)


def test_bng_writes_once_though_it_is_slower_than_we_wait(stage: Stage) -> None:
    slow = stage.bng.fault("latency", method=creating(stage), path="/sales-orders", seconds=stage.plan.timeout_s + 1)
    order = stage.shop.checkout("simple")
    wait_for_sales_order(stage, order)
    assert stage.bng.fault_hits(slow) == 1
    wait_until_settled(stage)


def test_bng_is_obeyed_when_it_asks_for_fewer_requests(stage: Stage) -> None:
    stage.bng.fault("status", status=429, retry_after=1, path="/sales-orders", count=3)
    wait_for_sales_order(stage, stage.shop.checkout("simple"))
    wait_until_settled(stage)


@pytest.mark.every_mode
def test_the_shop_ships_once_though_its_answer_is_cut(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    sales_order = wait_for_sales_order(stage, order)
    cut = stage.shop.fault("cut_after", method="POST", path="/ship$")
    # In part: the shop itself would refuse to ship a whole order twice.
    part = [{"LineNo": sales_order["Lines"][0]["LineNo"], "Quantity": "1"}]
    shipment = stage.bng.ship(sales_order["ExternalID"], ["CUT"], part)
    wait_for_shop_shipment(stage, shipment)
    assert stage.shop.fault_hits(cut) == 1
    wait_until_settled(stage)


def creating(stage: Stage) -> str:
    """How a record comes into being at BNG."""
    return stage.plan.bng.creates_by
