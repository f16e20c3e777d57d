"""What the capture missed is found by one pass over the shop's lists, asked for once more, and told; and nothing else is.

Changes are hidden from the capture as they are in life: triggers are dropped and made again, rows are written by SQL, the
outbox is emptied while events wait in it, a polled shop's webhooks are lost where polling cannot see.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan, database_name
from bridge_sandbox.stage import OUTBOX, Stage
from bridge_sandbox.trade import KINDS, register
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_shipment, wait_until_settled

pytestmark = pytest.mark.acceptance
BEYOND_ALLOWANCE_S = 3.5
"""The shop's times are whole seconds, and what changed within two of them of an event is only asked for to be sure."""
BEYOND_OVERLAP_S = 7.0
"""A stage's polls look back five seconds behind the newest order."""


def test_a_pass_while_orders_are_placed_finds_nothing_missing(stage: Stage) -> None:
    with ThreadPoolExecutor(3) as pool:
        orders = [pool.submit(stage.shop.checkout, kind) for kind in KINDS * 3]
        reports = [run_pass(stage)]
        while not all(order.done() for order in orders):
            reports.append(run_pass(stage))
    wait_until_settled(stage)
    reports.append(run_pass(stage))
    assert [report["missing"] for report in reports] == [[]] * len(reports)
    assert [report["error"] for report in reports] == [""] * len(reports)
    assert reports[-1]["covered"] == reports[-1]["listed"] >= len(orders)


def test_an_order_that_no_trigger_saw_is_found_and_told_of(stage: Stage) -> None:
    with without_triggers(stage):
        order = stage.shop.checkout("simple")
    assert found(stage) == [f"order/{order['order_id']}"]
    wait_for_sales_order(stage, order)
    log = stage.program("bridge").output()
    assert "1 changes of shop1 were missed by its capture: re-emitted" in log
    assert f"action=manifest_missing site=shop1 entity=order/{order['order_id']}" in log
    (alert,) = status(stage)["alerts"]
    assert alert["key"] == "outbox-silent/shop1"
    settled(stage)
    stage.shop.checkout("simple")
    wait_until_settled(stage)
    assert found(stage) == []
    assert status(stage)["alerts"] == []


def test_what_a_truncated_outbox_held_is_found(stage: Stage) -> None:
    stage.stop("agent")
    orders = [stage.shop.checkout(kind) for kind in ("simple", "discount")]
    sql(stage, f"TRUNCATE {OUTBOX}")
    stage.start("agent")
    stage.wait_until_welcomed()
    assert found(stage) == sorted(f"order/{order['order_id']}" for order in orders)
    for order in orders:
        wait_for_sales_order(stage, order)
    settled(stage)


def test_a_row_that_was_changed_by_sql_is_found(stage: Stage) -> None:
    order = carried(stage)
    sql(stage, "UPDATE sales_order SET state = 'holded', status = 'holded' WHERE entity_id = %s", order["order_id"])
    assert found(stage) == [f"order/{order['order_id']}"]
    wait_until("BNG to hold it", lambda: wait_for_sales_order(stage, order)["OrderStatus"] == 30, timeout_s=15)
    settled(stage)


def test_a_lost_address_edit_is_found(stage: Stage) -> None:
    order = carried(stage)
    with without_triggers(stage):
        stage.shop.post("/address", order_id=order["order_id"], city="Plön")
    assert found(stage) == [f"order/{order['order_id']}"]
    wait_until("the new address at BNG", lambda: shipped_to(stage, order) == "Plön", timeout_s=15)
    settled(stage)


def test_a_lost_track_is_found(stage: Stage) -> None:
    order = carried(stage)
    shipment = wait_for_shop_shipment(stage, stage.bng.ship(f"shop1-{order['order_id']}", ["T1"]))
    wait_until_settled(stage)
    events = captured(stage, order)
    later(BEYOND_ALLOWANCE_S)
    with without_triggers(stage):
        track = {"parent_id": shipment["entity_id"], "order_id": order["order_id"], "track_number": "T2",
                 "title": "DHL", "carrier_code": "custom"}  # fmt: skip
        stage.api().post("/rest/V1/shipment/track", entity=track)
    assert found(stage) == [f"order/{order['order_id']}"]
    wait_until("the order once more", lambda: captured(stage, order) > events, timeout_s=15)
    settled(stage)


def test_a_customer_deleted_behind_the_triggers_is_inactive_at_bng(stage: Stage) -> None:
    customer_id = register(stage.api(), 500)
    wait_until("the customer at BNG", lambda: customer(stage, 500), timeout_s=15)
    wait_until_settled(stage)
    assert found(stage) == []
    with without_triggers(stage):
        stage.shop.call("DELETE", f"/customer/{customer_id}")
    assert found(stage) == [f"customer/{customer_id} D"]
    wait_until("it to be inactive", lambda: customer(stage, 500)["Status"] == "inactive", timeout_s=15)
    settled(stage)


def test_a_customer_changed_behind_the_triggers_is_found(stage: Stage) -> None:
    customer_id = register(stage.api(), 501)
    wait_until("the customer at BNG", lambda: customer(stage, 501), timeout_s=15)
    wait_until_settled(stage)
    with without_triggers(stage):
        stage.shop.post("/customer", customer_id=customer_id, lastname="Brandt-Voss")
    assert found(stage) == [f"customer/{customer_id}"]
    wait_until("the new name at BNG", lambda: customer(stage, 501)["LastName"] == "Brandt-Voss", timeout_s=15)
    settled(stage)


def test_a_pass_ends_with_its_reason_while_the_agent_is_away_and_the_next_one_finds_what_was_missed(
    stage: Stage,
) -> None:
    with without_triggers(stage):
        order = stage.shop.checkout("simple")
    stage.stop("agent")
    report = run_pass(stage)
    assert "offline" in report["error"]
    stage.start("agent")
    stage.wait_until_welcomed()
    assert found(stage) == [f"order/{order['order_id']}"]
    settled(stage)


@pytest.mark.parametrize("stage", [Plan(manifest_interval_s=1)], ids=["by itself"], indirect=True, scope="module")
def test_it_finds_by_itself_what_was_missed(stage: Stage) -> None:
    stage.shop.checkout("simple")
    with without_triggers(stage):
        orders = [stage.shop.checkout("simple") for _ in range(2)]
    for order in orders:
        wait_for_sales_order(stage, order)
    wait_until_settled(stage)
    log = stage.program("bridge").output()
    assert {line.split("entity=")[1].split()[0] for line in log.splitlines() if "action=manifest_missing" in line} == {
        f"order/{order['order_id']}" for order in orders
    }


@pytest.mark.parametrize(
    "stage", [Plan(hosted=("shop1",), direct=("shop1",))], ids=["hosted"], indirect=True, scope="module"
)
def test_of_a_polled_shop_it_finds_what_no_list_shows_as_changed(stage: Stage) -> None:
    """An address edit moves no updated_at, and the deletion of a customer is in no list. What the poll looks back to, it
    would see."""
    customer_id = register(stage.api(), 502)
    order = carried(stage)
    later(BEYOND_OVERLAP_S)
    carried(stage)
    stage.shop.pause_webhooks()
    stage.shop.post("/address", order_id=order["order_id"], city="Plön")
    stage.shop.call("DELETE", f"/customer/{customer_id}")
    assert found(stage) == [f"customer/{customer_id} D", f"order/{order['order_id']}"]
    wait_until("the new address at BNG", lambda: shipped_to(stage, order) == "Plön", timeout_s=15)
    wait_until("it to be inactive", lambda: customer(stage, 502)["Status"] == "inactive", timeout_s=15)
    settled(stage)


def run_pass(stage: Stage) -> JsonObject:
    (report,) = json.loads(stage.bridgectl("manifest", stage.site, "--json"))
    return dict(report)


def found(stage: Stage) -> list[str]:
    """What one pass finds missing."""
    report = run_pass(stage)
    assert report["error"] == ""
    return sorted(report["missing"])


def settled(stage: Stage) -> None:
    """Everything is at BNG, and another pass has nothing to say."""
    wait_until_settled(stage)
    assert found(stage) == []


def carried(stage: Stage) -> JsonObject:
    """An order that is at BNG, and known to be."""
    order = stage.shop.checkout("simple", second_update_delay_s=0.2)
    wait_for_sales_order(stage, order)
    wait_until_settled(stage)
    assert found(stage) == []
    return order


def later(seconds: float) -> None:
    """The wall clock moves on: the shop tells the times of its records in whole seconds."""
    ends_at = time.time() + seconds
    wait_until("some seconds to pass", lambda: time.time() > ends_at, timeout_s=seconds + 5)


@contextmanager
def without_triggers(stage: Stage) -> Iterator[None]:
    """Ours dropped, and made again as the shop's own account has them."""
    database = database_name(stage.site)
    rows = sql(stage, "SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = %s"
               " AND action_statement LIKE %s", database, f"%{OUTBOX}%")  # fmt: skip
    assert rows
    for row in rows:
        sql(stage, f"DROP TRIGGER {row['name']}")
    try:
        yield
    finally:
        stage.install_outbox()


def sql(stage: Stage, statement: str, *arguments: Any) -> list[dict[str, Any]]:
    with stage.mariadb.connect_root(database_name(stage.site)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


def status(stage: Stage) -> JsonObject:
    return dict(json.loads(stage.bridgectl("status", "--json")))


def shipped_to(stage: Stage, order: JsonObject) -> str:
    return str(wait_for_sales_order(stage, order)["ShippingAddress"]["City"])


def customer(stage: Stage, number: int) -> Any:
    """BNG's, by the e-mail of a registered buyer; None until it is there."""
    mail = f"buyer{number}@example.com"
    return next((each for each in stage.bng.book()["customers"] if each["Email"] == mail), None)


def captured(stage: Stage, order: JsonObject) -> int:
    """How many events of this order the bridge has."""
    return len(json.loads(stage.bridgectl("trace", str(order["increment_id"]), "--json"))["events"])
