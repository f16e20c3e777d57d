"""An order from before go-live stays where it is until an operator has it brought over; then it is like any other."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.bridge import at, site
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import order

from bng_bridge import windows
from bng_bridge.windows import HandOver

GO_LIVE = datetime(2026, 1, 1, tzinfo=UTC)
IN_WINDOW = "2025-03-01 12:00:00"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, sites={"shop1": site(go_live_at=GO_LIVE)}) as rig:
        yield rig


async def brought_over(rig: FlowRig, upto: int, *, entity: str = "order") -> int:
    """A window of March 2025 of which everything up to this id was handed over."""
    values = {"site": "shop1", "entity": entity, "first_day": "2025-03-01", "last_day": "2025-03-31",
              "since": datetime(2025, 3, 1, tzinfo=UTC), "until": datetime(2025, 4, 1, tzinfo=UTC)}  # fmt: skip
    number = await rig.store.write(lambda db: windows.begin(db, "ida", at(0), **values))
    window = windows.get(rig.store.read, number)
    assert window is not None
    assert await rig.store.write(lambda db: windows.hand_over(db, window, HandOver(upto, [str(upto)]), 0))
    return number


async def end_of(rig: FlowRig, order_id: int, created_at: str) -> tuple[str, str]:
    outcome = await rig.order(order(order_id=order_id, created_at=created_at))
    return outcome.state, outcome.reason


async def test_an_order_of_a_window_that_was_handed_over_is_written(rig: FlowRig) -> None:
    assert await end_of(rig, 74, IN_WINDOW) == ("skipped", "before go-live")
    await brought_over(rig, 74)
    assert (await end_of(rig, 74, IN_WINDOW))[0] == "done"
    (made,) = await rig.bng.records("sales_orders")
    assert made["ExternalID"] == "shop1-74"


@pytest.mark.parametrize(
    ("order_id", "created_at"),
    [(75, IN_WINDOW), (74, "2025-02-28 23:59:59"), (74, "2025-04-01 00:00:00")],
    ids=["not handed over yet", "made before the window", "made after the window"],
)
async def test_what_lies_in_no_window_stays_from_before_go_live(rig: FlowRig, order_id: int, created_at: str) -> None:
    await brought_over(rig, 74)
    assert await end_of(rig, order_id, created_at) == ("skipped", "before go-live")


async def test_a_window_of_customers_brings_no_order(rig: FlowRig) -> None:
    await brought_over(rig, 74, entity="customer")
    assert await end_of(rig, 74, IN_WINDOW) == ("skipped", "before go-live")


@pytest.mark.parametrize("state", ["paused", "done", "cancelled"])
async def test_what_was_brought_over_is_kept_up_to_date_for_ever(rig: FlowRig, state: str) -> None:
    number = await brought_over(rig, 74)
    await end_of(rig, 74, IN_WINDOW)
    await rig.store.write(lambda db: windows.set_state(db, number, state, at(1)))
    cancelled = order(order_id=74, created_at=IN_WINDOW, state="canceled", status="canceled")
    assert (await rig.order(cancelled)).state == "done"
    (made,) = await rig.bng.records("sales_orders")
    assert made["OrderStatus"] == 90


async def test_what_was_made_since_go_live_asks_for_no_window(rig: FlowRig) -> None:
    assert (await end_of(rig, 74, "2026-01-01 00:00:00"))[0] == "done"
