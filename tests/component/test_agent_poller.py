"""Polling a shop: each change is taken once, whatever changes or dies in between."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.polled_shop import NOW, Crash, PollingRig, fail_when, polling_rig

from magento_agent import poller as poller_module
from magento_agent.listing import Entry


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PollingRig]:
    async with polling_rig(tmp_path, monkeypatch) as rig:
        yield rig


# Where it begins


async def test_the_first_pass_takes_nothing_of_the_past(rig: PollingRig) -> None:
    for number in range(1, 6):
        rig.shop.put("orders", number, f"12:00:0{number}")
    poller = rig.poller(since=None)
    assert await poller.run_once() == 0
    assert await poller.run_once() == 0
    rig.shop.put("orders", 2, "12:00:30", status="complete")
    rig.shop.put("orders", 6, "12:00:31")
    await poller.run_once()
    assert await rig.taken_orders() == [2, 6]


async def test_the_first_pass_reads_no_more_than_the_overlap(rig: PollingRig) -> None:
    for number in range(1, 60):
        rig.shop.put("orders", number, f"12:{number:02}:00")
    await rig.poller(since=None, page_size=10).run_once()
    assert rig.shop.searches("orders") == 2


async def test_a_shop_without_any_order_begins_with_the_first(rig: PollingRig) -> None:
    poller = rig.poller(since=None)
    await poller.run_once()
    rig.shop.put("orders", 1, "2020-01-01 00:00:00")
    await poller.run_once()
    assert await rig.taken_orders() == [1]


async def test_a_clock_that_is_ahead_of_the_shop_s_hides_nothing(
    rig: PollingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "utc_now", lambda: NOW + timedelta(hours=3))
    rig.shop.put("orders", 1, "18:00:00")
    poller = rig.poller(since=None)
    await poller.run_once()
    rig.shop.put("orders", 2, "18:00:05")
    await poller.run_once()
    assert await rig.taken_orders() == [2]


async def test_since_brings_what_changed_from_that_moment_on(rig: PollingRig) -> None:
    for number, updated_at in enumerate(["11:59:59", "12:00:00", "12:00:01", "13:00:00"], 1):
        rig.shop.put("orders", number, updated_at)
    await rig.poller(since=datetime.fromisoformat("2026-03-02T13:00:00+01:00")).run_once()
    assert await rig.taken_orders() == [2, 3, 4]


async def test_since_counts_for_the_first_pass_only(rig: PollingRig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    await rig.poller().run_once()
    rig.shop.put("orders", 2, "11:00:00")
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1]


# Watermark, overlap, crashes


async def test_the_watermark_moves_only_after_the_last_page(rig: PollingRig) -> None:
    for number in range(1, 6):
        rig.shop.put("orders", number, f"12:00:0{number}")
    rig.shop.answer = fail_when(lambda: len(rig.shop.calls) == 4, 503)
    poller = rig.poller()
    await poller.run_once()
    assert rig.capture.watermark("orders") is None
    assert await rig.taken_orders() == [1, 2, 3, 4]
    await poller.run_once()
    assert rig.capture.watermark("orders") == "2026-03-02 12:00:05"
    assert await rig.taken_orders() == [5]


@pytest.mark.parametrize("pages", [1, 2, 3])
async def test_a_crash_after_any_page_loses_nothing_and_takes_nothing_twice(
    rig: PollingRig, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        rig.shop.put("orders", number, f"12:00:0{number}")
    with pytest.raises(Crash):
        await crash_after(rig, pages, monkeypatch)
    rig.crash()
    await rig.poller().run_once()
    assert sorted(await rig.taken_orders()) == [1, 2, 3, 4, 5]


async def test_what_stands_in_the_overlap_is_taken_once(rig: PollingRig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    poller = rig.poller()
    for _ in range(3):
        await poller.run_once()
    rig.crash()
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1]


async def test_a_change_in_the_same_second_is_taken(rig: PollingRig) -> None:
    poller = rig.poller()
    for status in ("pending", "processing", "complete"):
        rig.shop.put("orders", 1, "12:00:00", status=status)
        await poller.run_once()
        assert await rig.taken_orders() == [1]


async def test_a_change_that_was_committed_late_is_taken(rig: PollingRig) -> None:
    rig.shop.put("orders", 2, "12:00:40")
    await rig.poller().run_once()
    rig.shop.put("orders", 1, "12:00:00")
    await rig.poller().run_once()
    assert await rig.taken_orders() == [2, 1]


async def test_what_is_below_the_overlap_is_not_listed_again(rig: PollingRig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    rig.shop.put("orders", 2, "12:05:00")
    poller = rig.poller()
    await poller.run_once()
    await poller.run_once()
    assert rig.shop.calls[-1][1] == [("updated_at", "gteq", "2026-03-02 12:04:00"), ("entity_id", "gt", "0")]


async def test_a_change_that_claims_to_come_from_the_future_hides_nothing(rig: PollingRig) -> None:
    rig.shop.put("orders", 1, "2099-01-01 00:00:00")
    rig.shop.put("orders", 2, "12:00:00")
    poller = rig.poller()
    await poller.run_once()
    rig.shop.put("orders", 3, "12:00:10")
    await poller.run_once()
    assert rig.capture.watermark("orders") == "2026-03-02 12:00:10"
    assert await rig.taken_orders() == [1, 2, 3]


async def test_a_first_pass_over_a_shop_with_a_date_in_the_future_hides_nothing(rig: PollingRig) -> None:
    rig.shop.put("orders", 1, "2099-01-01 00:00:00")
    poller = rig.poller(since=None)
    await poller.run_once()
    rig.shop.put("orders", 2, "12:00:10")
    await poller.run_once()
    assert await rig.taken_orders() == [2]


# Paging while rows change


async def test_an_order_that_changes_while_later_pages_are_read_is_listed_next_time(rig: PollingRig) -> None:
    """Also where the pass takes longer than the overlap: others in it are newer by then."""
    for number in range(1, 6):
        rig.shop.put("orders", number, f"12:00:0{number}")

    def change() -> None:
        if len(rig.shop.calls) == 3:
            rig.shop.put("orders", 1, "12:10:00", status="changed after page 1")
            rig.shop.put("orders", 6, "12:30:00")

    rig.shop.after = change
    poller = rig.poller()
    await poller.run_once()
    assert sorted(await rig.taken_orders()) == [1, 2, 3, 4, 5, 6]
    await poller.run_once()
    assert await rig.taken_orders() == [1]


async def test_an_order_that_goes_while_pages_are_read_moves_no_other_out_of_sight(rig: PollingRig) -> None:
    for number in range(1, 8):
        rig.shop.put("orders", number, "12:00:00")
    rig.shop.after = lambda: None if len(rig.shop.calls) != 1 else (rig.shop.lists["orders"].pop(1), None)[1]
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1, 2, 3, 4, 5, 6, 7]


async def test_more_changes_in_one_second_than_a_page_holds_are_all_taken(rig: PollingRig) -> None:
    for number in range(1, 12):
        rig.shop.put("orders", number, "12:00:00")
    await rig.poller().run_once()
    assert await rig.taken_orders() == list(range(1, 12))


async def test_a_page_that_an_extension_thinned_out_is_not_the_last(rig: PollingRig) -> None:
    for number in range(1, 8):
        rig.shop.put("orders", number, "12:00:00")
    rig.shop.filter_found = lambda found: [each for each in found if each["entity_id"] != 2]
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1, 3, 4, 5, 6, 7]


async def test_one_page_is_one_search(rig: PollingRig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    await rig.poller().run_once()
    assert rig.shop.searches("orders") == 1


async def crash_after(rig: PollingRig, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll that dies when so many pages have been committed."""
    take, committed = rig.capture.take, 0

    def counting(listing: str, entries: Iterable[Entry]) -> int:
        nonlocal committed
        count, committed = take(listing, entries), committed + 1
        if committed == pages:
            raise Crash
        return count

    monkeypatch.setattr(rig.capture, "take", counting)
    await rig.poller().run_once()
