"""Flow files are edited while orders come in: each order takes the old flow or the new one, none is lost or doubled."""

import threading

import pytest
from tests.acceptance.test_mapping_reload import ALERT, status, wait_for

from bng_bridge.flow_files import templates
from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan()
NAME = "order-to-sales-order.yaml"
SHIPPED = (templates.folder() / NAME).read_text(encoding="utf-8")
WRITE = "    mapping: order-to-sales-order\n"
PICKED_UP = SHIPPED.replace(WRITE, f"{WRITE}    fields: {{ShipVia: {{default: pick-up}}}}\n")


def edit(stage: Stage, text: str) -> None:
    """As a deployment does: a whole file is moved over the old one."""
    newer = stage.flows_dir / f".{NAME}"
    newer.write_text(text)
    newer.replace(stage.flows_dir / NAME)


def test_orders_that_are_placed_during_an_edit_take_either_flow_once(stage: Stage) -> None:
    identity = status(stage)["mappings"]["identity"]
    placed: list[JsonObject] = []
    stop = threading.Event()

    def buy() -> None:
        while not stop.is_set():
            placed.append(stage.shop.checkout("simple"))

    buyer = threading.Thread(target=buy)
    buyer.start()
    try:
        wait_until("a few orders", lambda: len(placed) > 5, timeout_s=30)
        edit(stage, PICKED_UP)
        wait_for(stage, "the edit is in force", lambda shown: shown["mappings"]["identity"] != identity)
        here = len(placed)
        wait_until("a few more orders", lambda: len(placed) > here + 5, timeout_s=30)
    finally:
        stop.set()
        buyer.join()
    wait_until_settled(stage)
    sold = [wait_for_sales_order(stage, order)["ShipVia"] for order in placed]
    assert (sold[0] != "pick-up", len(set(sold))) == (True, 2)
    assert sold[here + 1 :] == ["pick-up"] * len(sold[here + 1 :])
    books = compare_books(stage)
    assert books.sales_orders == len(placed)
    assert status(stage)["bridge"]["dead"] == 0


def test_a_broken_edit_changes_nothing_and_is_an_alert_until_a_good_one_comes(stage: Stage) -> None:
    edit(stage, PICKED_UP)
    good = wait_for(stage, "the good edit", lambda shown: not shown["mappings"]["refused"])["mappings"]["identity"]
    edit(stage, PICKED_UP.replace("when: parent and not", "goto: parent and not"))
    refused = wait_for(stage, "the alert", lambda shown: bool(shown["alerts"]))
    assert [each["key"] for each in refused["alerts"]] == [ALERT]
    assert "`goto` would be a loop" in refused["mappings"]["refused"]
    assert (refused["verdict"], refused["mappings"]["identity"]) == ("degraded", good)
    order = stage.shop.checkout("simple")
    assert wait_for_sales_order(stage, order)["ShipVia"] == "pick-up"
    edit(stage, PICKED_UP)
    wait_for(stage, "the alert ends", lambda shown: not shown["alerts"])
