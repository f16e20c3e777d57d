"""`bridgectl report lead-time` against the daemon's socket: what it takes from which side, and what it cannot know."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.component.test_admin import Bridge, operated
from tests.support.bridge import event

from bng_bridge import bindings, inbox, windows
from bng_bridge.bindings import Binding
from bng_bridge.windows import HandOver
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.magento_time import to_magento
from bridge_sandbox.bng import samples

HOP_KEYS = {"count", "unknown", "not_yet", "median_s", "p90_s"}
KEYS = {"schema", "at", "sites", "days", "before", "after"}
DAY_KEYS = {"day", "site", "is_live", "orders", "brought_over", "in_bng", "allocated", "shipped"}
PLACED = (utc_now() - timedelta(hours=1)).replace(microsecond=0)


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        placed(made, 74)
        yield made


def placed(bridge: Bridge, *order_ids: int) -> None:
    """What the shop lists: each an hour ago."""
    items = [{"entity_id": each, "increment_id": f"{each:09d}", "created_at": to_magento(PLACED)} for each in order_ids]
    bridge.answers["rest"] = lambda request: {
        "items": items if '"gt"' in json.dumps(request) and _is_first(request) else []
    }


def _is_first(request: dict[str, Any]) -> bool:
    """Of the pages: the one that begins above id 0."""
    return any(name.endswith("[field]") and value == "entity_id" and request["query"][name.replace("field", "value")] == "0"
               for name, value in request["query"].items())  # fmt: skip


async def at_bng(bridge: Bridge, external_id: str, *, sku: str = "MUG-WHITE", quantity: str = "1") -> dict[str, Any]:
    customer = await bridge.bng.customer(f"of-{external_id}")
    body = samples.order(customer, (sku, quantity, "9.99"), ExternalID=external_id)
    await bridge.bng.client.create("sales-orders", body, external_id, accept=())
    return next(each for each in await bridge.bng.records("sales_orders") if each["ExternalID"] == external_id)


async def bind(bridge: Bridge, order_id: int, document: dict[str, Any], *, applied_at: str | None = None) -> None:
    names = ("AllocationStatus", "CreatedAt")
    made = Binding(f"shop1/order/{order_id}/sales_order", "shop1", "bng", "sales_order", document["SalesOrderID"],
                   "", "", "", {name: document[name] for name in names})  # fmt: skip

    def put(db: Any) -> None:
        bindings.put(db, made, to_text(utc_now()))
        if applied_at:
            bindings.put(db, made, applied_at)

    await bridge.store.write(put)


async def report(bridge: Bridge) -> dict[str, Any]:
    ended = await bridge.ctl("report", "lead-time", "--json")
    assert ended.code == 0, ended.err
    return dict(ended.json())


async def test_the_report_has_every_key_of_the_schema(bridge: Bridge) -> None:
    answer = await report(bridge)
    assert answer.keys() == KEYS
    assert answer["schema"] == 1
    (day,) = answer["days"]
    assert day.keys() == DAY_KEYS
    assert day["shipped"].keys() == HOP_KEYS
    assert (day["orders"], day["in_bng"]["not_yet"]) == (1, 1)


async def test_times_are_bng_s_own_from_the_row_that_the_checkout_wrote(bridge: Bridge) -> None:
    document = await at_bng(bridge, "shop1-74")
    await bind(bridge, 74, document)
    await bridge.bng.admin("POST", "/ship", ExternalID="shop1-74")
    committed_at = PLACED + timedelta(seconds=0.75)
    made, published_at = event(entity_id="74")

    def put(db: Any) -> None:
        inbox.put_events(db, [(made, published_at)], to_text(utc_now()))
        db.execute("UPDATE inbox SET committed_at = ?", (to_text(committed_at),))

    await bridge.store.write(put)
    after = (await report(bridge))["after"]
    took = round((from_text(document["CreatedAt"]) - committed_at).total_seconds(), 3)
    assert (after["in_bng"]["median_s"], after["allocated"]["median_s"]) == (took, took)
    assert after["shipped"]["median_s"] > took


async def test_without_an_event_the_shop_s_own_time_counts(bridge: Bridge) -> None:
    document = await at_bng(bridge, "shop1-74")
    after = (await report(bridge))["after"]
    took = round((from_text(document["CreatedAt"]) - PLACED).total_seconds(), 3)
    assert after["in_bng"]["median_s"] == took


async def test_an_order_that_an_earlier_connector_put_there_is_known_by_its_number(bridge: Bridge) -> None:
    await at_bng(bridge, "000000074")
    assert (await report(bridge))["after"]["in_bng"]["count"] == 1


async def test_when_a_backordered_order_was_allocated_nobody_can_tell(bridge: Bridge) -> None:
    document = await at_bng(bridge, "shop1-74", quantity="9999999")
    await bind(bridge, 74, document)
    assert (await report(bridge))["after"]["allocated"]["not_yet"] == 1
    allocated = document | {"AllocationStatus": "allocated"}
    await bind(bridge, 74, allocated, applied_at=to_text(utc_now()))
    after = (await report(bridge))["after"]
    assert (after["allocated"]["count"], after["allocated"]["unknown"]) == (0, 1)
    assert "1 allocated at an unknown time" in (await bridge.ctl("report", "lead-time")).out


async def test_what_a_backfill_brought_over_is_not_measured(bridge: Bridge) -> None:
    await bind(bridge, 74, await at_bng(bridge, "shop1-74"))
    values = {"site": "shop1", "entity": "order", "first_day": "", "last_day": "",
              "since": datetime(2025, 1, 1, tzinfo=UTC), "until": utc_now()}  # fmt: skip

    def bring(db: Any) -> None:
        window = windows.get(db, windows.begin(db, "ida", to_text(utc_now()), **values))
        assert window is not None
        windows.hand_over(db, window, HandOver(74, ["74"]), 0)

    await bridge.store.write(bring)
    after = (await report(bridge))["after"]
    assert (after["orders"], after["brought_over"], after["in_bng"]["count"]) == (1, 1, 0)


async def test_a_day_without_orders_says_so(bridge: Bridge) -> None:
    placed(bridge)
    assert "No order was placed on these days." in (await bridge.ctl("report", "lead-time")).out
