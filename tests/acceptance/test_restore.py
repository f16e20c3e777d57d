"""The bridge's store is a copy of an hour ago, and everything went on meanwhile: nothing is lost, nothing is there twice.

The oracle is the two sandboxes' books.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge_sandbox.bng.profile import POOREST
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_stock, wait_until_settled

pytestmark = pytest.mark.acceptance
PLANS = {"keys": Plan(poll_interval_s=2.0), "no-keys": Plan(poll_interval_s=2.0, profile=POOREST)}
KINDS = ("simple", "mixed", "bundle_fixed", "configurable")


def test_the_store_is_put_back_and_what_came_after_the_copy_is_found_again(stage: Stage) -> None:
    for number in range(4):
        place_and_ship(stage, number)
    waiting = wait_for_sales_order(stage, stage.shop.checkout("simple"))
    before = wait_until_settled(stage).sales_orders
    copy, backup_at = back_up(stage)

    for number in range(4, 8):
        place_and_ship(stage, number)
    stage.bng.ship(waiting["ExternalID"], ["AFTER THE COPY"])
    stage.bng.set_stock("NUT+M4", WAREHOUSE, 77_777)
    wait_until_settled(stage)
    wait_until("the store to change its name", lambda: name_of(store(stage)) != name_of(copy), timeout_s=20)
    under_way(stage)
    accepted_and_not_applied(stage)
    stage.kill("bridge")
    stage.bng.clear_faults()
    put_back(stage, copy)
    stage.start("bridge")
    stage.program("bridge").wait_for_log('action=alert subject="the store is a copy that was put back"', 20)

    said = stage.bridgectl("restored", "--backup-time", backup_at)
    assert "looked at once more" in said
    after = wait_until_settled(stage, timeout_s=90)
    assert (after.sales_orders, after.lost, after.duplicated) == (before + 7, (), ())
    wait_for_shop_stock(stage, "NUT+M4", 77_777)
    assert "put back" not in stage.bridgectl("status")

    # Once more is harmless.
    stage.bridgectl("restored", "--backup-time", backup_at)
    again = wait_until_settled(stage, timeout_s=90)
    assert (again.sales_orders, again.shipments_in_shop) == (after.sales_orders, after.shipments_in_shop)


def place_and_ship(stage: Stage, number: int) -> None:
    sales_order = wait_for_sales_order(stage, stage.shop.checkout(KINDS[number % len(KINDS)]))
    stage.bng.ship(sales_order["ExternalID"], [f"SHIPPED-{number}-{stage.plan.profile}"])


def under_way(stage: Stage) -> None:
    """An order that BNG has taken, and whose answer the bridge does not live to hear."""
    method = stage.plan.bng.creates_by
    held = stage.bng.fault("hold", method=method, path="/sales-orders", seconds=30)
    stage.shop.checkout("simple")
    wait_until("an answer to be held", lambda: stage.bng.fault_hits(held), timeout_s=10)


def accepted_and_not_applied(stage: Stage) -> None:
    """Two orders whose rows are gone from the outbox, and which are nowhere but in the store that is about to be lost."""
    stage.bridgectl("pause", "bng", "--reason", "the test")
    for _ in range(2):
        stage.shop.checkout("simple")

    def are_accepted() -> bool:
        status = json.loads(stage.bridgectl("status", "--json"))
        return bool(status["sites"][0]["outbox_rows"] == 0 and status["bridge"]["inbox_pending"] >= 3)

    wait_until("both to be accepted", are_accepted, timeout_s=20)


def back_up(stage: Stage) -> tuple[Path, str]:
    """While the bridge runs, as an operator's cron job does it; and when."""
    backup_at = datetime.now(UTC).isoformat()
    copy = stage.folder / "backup.sqlite"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(store(stage))) as running, closing(sqlite3.connect(copy)) as target:
        running.backup(target)
    return copy, backup_at


def put_back(stage: Stage, copy: Path) -> None:
    path = store(stage)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, path)


def name_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as found:
        return str(found.execute("SELECT value FROM life").fetchone()[0])


def store(stage: Stage) -> Path:
    return stage.folder / "bridge" / "bridge.sqlite"
