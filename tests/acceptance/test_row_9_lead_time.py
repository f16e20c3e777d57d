"""Row 9 of "every document, both ways": how long orders took, before and after going live, and what nobody can tell."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bridge_sandbox.bng import samples
from bridge_sandbox.history import Past, seed
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order

pytestmark = pytest.mark.acceptance
DAYS_AGO = 3
PLAN = Plan(go_live_at=(datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds"))


def test_lead_times_are_told_by_day_before_and_after_going_live(stage: Stage) -> None:
    day = datetime.now(UTC).date() - timedelta(days=DAYS_AGO)
    seed(stage, 2, Past(day, day))
    put_in_bng_by_hand(stage, stage.shop.book()["orders"][0]["increment_id"])
    took = datetime.now(UTC) - datetime.combine(day, datetime.min.time(), UTC)
    live = [stage.shop.checkout("simple") for _ in range(3)]
    for order in live:
        wait_for_sales_order(stage, order)
    # BNG has a sales order before the bridge knows what BNG answered.
    wait_until("the bridge to know of them", stage.is_idle, timeout_s=60)
    stage.bng.ship(f"shop1-{live[0]['order_id']}", ["JJD1"])

    # Since its agent was away the bridge leaves the shop alone for a while.
    told = wait_until("a report", lambda: stage.bridgectl("report", "lead-time", "--json"), timeout_s=60, poll_s=0.5)
    answer = json.loads(told)
    after, before = answer["after"], answer["before"]
    assert (after["orders"], after["in_bng"]["count"], after["allocated"]["count"]) == (3, 3, 3)
    assert (after["shipped"]["count"], after["shipped"]["not_yet"]) == (1, 2)
    assert 0 <= after["in_bng"]["median_s"] <= after["in_bng"]["p90_s"] <= after["shipped"]["p90_s"]

    assert (before["orders"], before["in_bng"]["count"], before["in_bng"]["not_yet"]) == (2, 1, 1)
    assert before["in_bng"]["median_s"] == pytest.approx(took.total_seconds(), abs=10)
    assert [(each["day"], each["is_live"]) for each in answer["days"]] == [
        (day.isoformat(), False), (datetime.now(UTC).date().isoformat(), True),
    ]  # fmt: skip
    assert "before go-live" in stage.bridgectl("report", "lead-time")


def put_in_bng_by_hand(stage: Stage, increment_id: str) -> None:
    """As an earlier connector did: under the order's number."""
    api = stage.bng_api()
    customer = api.call("PUT", "/api/v1/customers/by-external-id/old-1", samples.customer())
    body = samples.order(customer["CustomerID"])
    api.call("PUT", f"/api/v1/sales-orders/by-external-id/{increment_id}", body)
