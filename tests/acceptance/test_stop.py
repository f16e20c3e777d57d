"""SIGTERM in the middle of load: each daemon ends what is under way, within its limit, with 0; and nothing is lost."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bridge_sandbox.bng.profile import POOREST
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import KINDS
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_for_shop_shipment, wait_until_settled

pytestmark = pytest.mark.acceptance
PLANS = {"keys": Plan(poll_interval_s=2.0), "no-keys": Plan(poll_interval_s=2.0, profile=POOREST)}
LIMIT_S = 25.0
"""[bridge] drain_s and the agent's own limit are 20 s."""


@pytest.mark.parametrize("name", ["bridge", "agent"])
def test_a_daemon_told_to_stop_amid_orders_ends_within_its_limit_and_loses_nothing(stage: Stage, name: str) -> None:
    before = compare_books(stage).sales_orders
    stage.bng.fault("latency", method=stage.plan.bng.creates_by, path="/sales-orders", seconds=0.5, count=0)
    with buying(stage, 20):
        wait_until("the first of twenty", lambda: compare_books(stage).sales_orders > before, timeout_s=20)
        terminate(stage, name)
    stage.bng.clear_faults()
    stage.start(name)
    assert wait_until_settled(stage).sales_orders == before + 20


def test_a_write_that_is_under_way_is_answered_before_the_bridge_ends(stage: Stage) -> None:
    """Its outcome is known: nothing has to be looked up when the bridge is back."""
    sales_order = wait_for_sales_order(stage, stage.shop.checkout("simple"))
    slow = stage.shop.fault("latency", method="POST", path="/ship$", seconds=1.5)
    shipment = stage.bng.ship(sales_order["ExternalID"], ["WHILE STOPPING"])
    wait_until("the shop to be asked", lambda: stage.shop.fault_hits(slow), timeout_s=20)
    terminate(stage, "bridge")
    assert "outcome_unknown" not in stage.program("bridge").output()
    stage.start("bridge")
    wait_for_shop_shipment(stage, shipment)
    wait_until_settled(stage)
    assert "action=resolved" not in stage.program("bridge").output()


@pytest.mark.parametrize(
    "stage", [Plan(poll_interval_s=2.0, timeout_s=90.0)], ids=["patient"], indirect=True, scope="module"
)
def test_a_write_that_hangs_for_longer_than_the_limit_is_cut_off_and_made_once_all_the_same(stage: Stage) -> None:
    """BNG has made it and does not answer: the bridge would wait for a minute and a half."""
    held = stage.bng.fault("hold", method=stage.plan.bng.creates_by, path="/sales-orders", seconds=120)
    order = stage.shop.checkout("simple")
    wait_until("the write to be made", lambda: stage.bng.fault_hits(held), timeout_s=20)
    terminate(stage, "bridge")
    stage.bng.clear_faults()
    stage.start("bridge")
    wait_for_sales_order(stage, order)
    assert wait_until_settled(stage).sales_orders == 1


def terminate(stage: Stage, name: str) -> None:
    program = stage.program(name)
    assert program.pid is not None
    os.kill(program.pid, signal.SIGTERM)
    wait_until(f"{name} to end", lambda: not program.is_alive, timeout_s=LIMIT_S)
    assert program.exit_code == 0, program.last_lines()
    assert "Traceback" not in program.output()


@contextmanager
def buying(stage: Stage, count: int) -> Iterator[None]:
    with ThreadPoolExecutor(4) as pool:
        orders = [pool.submit(stage.shop.checkout, KINDS[number % len(KINDS)]) for number in range(count)]
        yield
    for order in orders:
        order.result()
