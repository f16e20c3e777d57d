"""Flow files are edited while orders come in: each order takes the old flow or the new one, none is lost or doubled."""

import pytest
from tests.support.live_edits import ALERT, edit, placed_during, status, wait_for

from bng_bridge.flow_files import templates
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan()
NAME = "order-to-sales-order.yaml"
SHIPPED = (templates.folder() / NAME).read_text(encoding="utf-8")
WRITE = "    mapping: order-to-sales-order\n"
PICKED_UP = SHIPPED.replace(WRITE, f"{WRITE}    fields: {{ShipVia: {{default: pick-up}}}}\n")


def test_orders_that_are_placed_during_an_edit_take_either_flow_once(stage: Stage) -> None:
    placed, here = placed_during(stage, lambda: edit(stage.flows_dir / NAME, PICKED_UP))
    wait_until_settled(stage)
    sold = [wait_for_sales_order(stage, order)["ShipVia"] for order in placed]
    assert (sold[0] != "pick-up", len(set(sold))) == (True, 2)
    assert sold[here + 1 :] == ["pick-up"] * len(sold[here + 1 :])
    books = compare_books(stage)
    assert books.sales_orders == len(placed)
    assert status(stage)["bridge"]["dead"] == 0


def test_a_broken_edit_changes_nothing_and_is_an_alert_until_a_good_one_comes(stage: Stage) -> None:
    edit(stage.flows_dir / NAME, PICKED_UP)
    good = wait_for(stage, "the good edit", lambda shown: not shown["mappings"]["refused"])["mappings"]["identity"]
    edit(stage.flows_dir / NAME, PICKED_UP.replace("when: parent and not", "goto: parent and not"))
    refused = wait_for(stage, "the alert", lambda shown: bool(shown["alerts"]))
    assert [each["key"] for each in refused["alerts"]] == [ALERT]
    assert "`goto` would be a loop" in refused["mappings"]["refused"]
    assert (refused["verdict"], refused["mappings"]["identity"]) == ("degraded", good)
    order = stage.shop.checkout("simple")
    assert wait_for_sales_order(stage, order)["ShipVia"] == "pick-up"
    edit(stage.flows_dir / NAME, PICKED_UP)
    wait_for(stage, "the alert ends", lambda shown: not shown["alerts"])
