"""A daemon whose disk takes nothing amid orders ends with 69, after which systemd starts it again; and nothing is lost."""

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import KINDS
from bridge_sandbox.watch import compare_books, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=2.0)
ORDERS = 20


def test_a_bridge_whose_disk_is_full_amid_orders_ends_and_loses_nothing_and_writes_nothing_twice(stage: Stage) -> None:
    before = compare_books(stage).sales_orders
    with buying(stage):
        wait_until("the first of twenty", lambda: compare_books(stage).sales_orders > before, timeout_s=20)
        bridge = stage.program("bridge")
        fill_disk(bridge.pid)
        wait_until("the bridge to end", lambda: not bridge.is_alive, timeout_s=20)
        assert bridge.exit_code == 69, bridge.last_lines()
        stage.start("bridge")
    assert wait_until_settled(stage).sales_orders == before + ORDERS


def fill_disk(pid: int | None) -> None:
    """No file of this process grows beyond its first byte: EFBIG, as ENOSPC would be. The next process has room again."""
    assert pid is not None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))


@contextmanager
def buying(stage: Stage) -> Iterator[None]:
    with ThreadPoolExecutor(4) as pool:
        orders = [pool.submit(stage.shop.checkout, KINDS[number % len(KINDS)]) for number in range(ORDERS)]
        yield
    for order in orders:
        order.result()
