"""Mapping files are edited while orders come in: none is lost or doubled, each is mapped by the old file or by the new."""

import json

import pytest
from tests.support.live_edits import ALERT, edit, placed_during, status, wait_for

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import compare_books, wait_for_sales_order, wait_until_settled

pytestmark = pytest.mark.acceptance
PLAN = Plan()
NAME = "order-to-sales-order.yaml"
UPPER = f"extends: {NAME}\nfields:\n  ShipVia: upper(order.shipping_description)\n"


def test_orders_that_are_placed_during_an_edit_are_mapped_by_either_file_once(stage: Stage) -> None:
    before = stage.shop.checkout("simple")
    assert wait_for_sales_order(stage, before)["ShipVia"] == before_edit(stage, before)
    placed, here = placed_during(stage, lambda: edit(stage.mappings_dir / NAME, UPPER))
    wait_until_settled(stage)
    sold = [wait_for_sales_order(stage, order)["ShipVia"] for order in placed]
    old, new = before_edit(stage, before), before_edit(stage, before).upper()
    assert old != new
    assert set(sold) == {old, new}
    assert (sold[0], sold[-1]) == (old, new)
    assert sold[here + 1 :] == [new] * len(sold[here + 1 :])
    # Sales orders of no other number: none lost, none doubled.
    books = compare_books(stage)
    assert books.sales_orders == len(placed) + 1
    assert status(stage)["bridge"]["dead"] == 0


def test_a_broken_edit_changes_nothing_and_is_an_alert_until_a_good_one_comes(stage: Stage) -> None:
    edit(stage.mappings_dir / NAME, UPPER)
    good = wait_for(stage, "the good edit", lambda shown: not shown["mappings"]["refused"])["mappings"]["identity"]
    edit(stage.mappings_dir / NAME, UPPER.replace("shipping_description", "shiping_description"))
    refused = wait_for(stage, "the alert", lambda shown: bool(shown["alerts"]))
    assert [each["key"] for each in refused["alerts"]] == [ALERT]
    assert f"{NAME}:3:24: fields.ShipVia" in refused["mappings"]["refused"]
    assert (refused["verdict"], refused["mappings"]["identity"]) == ("degraded", good)
    order = stage.shop.checkout("simple")
    assert wait_for_sales_order(stage, order)["ShipVia"] == before_edit(stage, order).upper()
    assert "refused" in stage.bridgectl("map", "reload")
    edit(stage.mappings_dir / NAME, UPPER)
    healthy = wait_for(stage, "the alert ends", lambda shown: not shown["alerts"])
    assert (healthy["mappings"]["refused"], healthy["mappings"]["identity"]) == ("", good)


def test_a_hangup_reloads_also_where_the_folder_itself_was_exchanged(stage: Stage) -> None:
    """As systemctl reload does. The watch is on the folder of before."""
    newer = stage.mappings_dir.with_name("newer")
    newer.mkdir()
    (newer / NAME).write_text(UPPER.replace("upper", "lower"))
    stage.mappings_dir.rename(stage.mappings_dir.with_name("older"))
    newer.rename(stage.mappings_dir)
    stage.program("bridge").reload()
    last = wait_until("in lower case", lambda: sold_in_lower_case(stage), timeout_s=15)
    assert last
    stage.check_alive()


def sold_in_lower_case(stage: Stage) -> bool:
    order = stage.shop.checkout("simple")
    return bool(wait_for_sales_order(stage, order)["ShipVia"] == before_edit(stage, order).lower())


def before_edit(stage: Stage, order: JsonObject) -> str:
    """The shop's own words for the way of shipping."""
    return str(stage.api().get(f"/rest/V1/orders/{order['order_id']}")["shipping_description"])


def test_a_trace_names_the_mapping_of_each_write(stage: Stage) -> None:
    order = stage.shop.checkout("simple")
    wait_for_sales_order(stage, order)
    wait_until_settled(stage)
    answer = json.loads(stage.bridgectl("trace", order["increment_id"], "--json"))
    named = {step["mapping"] for event in answer["events"] for step in event["steps"]}
    in_force = json.loads(stage.bridgectl("map", "reload", "--json"))["files"]
    assert named <= {each["identity"] for each in in_force}
    assert named
