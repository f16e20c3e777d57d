"""Polling a shop: each change is taken once, whatever changes, fails or dies in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.polled_shop import PolledShop, polled_shop, section
from tests.support.shop import ShopRig

from bridge_common.errors import AccessDenied, RateLimited, TargetUnavailable
from bridge_common.magento_rest import MagentoRest
from magento_agent import poller as poller_module
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling
from magento_agent.health import OK, Health
from magento_agent.listing import Entry
from magento_agent.poller import Poller

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


@dataclass
class Rig:
    shop: PolledShop
    rest: MagentoRest
    folder: Path
    capture: CaptureFile
    health: Health = field(default_factory=Health)

    def poller(self, **options: Any) -> Poller:
        values: dict[str, Any] = {"lists": ("orders",), "page_size": 2, "since": SINCE}
        return Poller(Polling(**{**values, **options}), self.rest, self.capture, self.health)

    def crash(self) -> None:
        """The file as a killed agent leaves it to the next one."""
        self.capture = CaptureFile(self.folder / "capture.sqlite", self.shop.url)

    async def taken(self) -> list[tuple[str, int]]:
        """The rows, which then go, as by receipts."""
        rows = await self.capture.read_after(0, 1000)
        await self.capture.delete([(row.id, row.created_at) for row in rows])
        return [(row.entity, row.entity_id) for row in rows]

    async def taken_orders(self) -> list[int]:
        return [entity_id for _, entity_id in await self.taken()]


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(poller_module, "utc_now", lambda: NOW)
    async with polled_shop(tmp_path) as (shop, rest):
        rig = Rig(shop, rest, tmp_path, CaptureFile(tmp_path / "capture.sqlite", shop.url))
        yield rig
        rig.capture.close()


# Where it begins


async def test_the_first_pass_takes_nothing_of_the_past(rig: Rig) -> None:
    for number in range(1, 6):
        rig.shop.put("orders", number, f"12:00:0{number}")
    poller = rig.poller(since=None)
    assert await poller.run_once() == 0
    assert await poller.run_once() == 0
    rig.shop.put("orders", 2, "12:00:30", status="complete")
    rig.shop.put("orders", 6, "12:00:31")
    await poller.run_once()
    assert await rig.taken_orders() == [2, 6]


async def test_the_first_pass_reads_no_more_than_the_overlap(rig: Rig) -> None:
    for number in range(1, 60):
        rig.shop.put("orders", number, f"12:{number:02}:00")
    await rig.poller(since=None, page_size=10).run_once()
    assert rig.shop.searches("orders") == 2


async def test_a_shop_without_any_order_begins_with_the_first(rig: Rig) -> None:
    poller = rig.poller(since=None)
    await poller.run_once()
    rig.shop.put("orders", 1, "2020-01-01 00:00:00")
    await poller.run_once()
    assert await rig.taken_orders() == [1]


async def test_a_clock_that_is_ahead_of_the_shop_s_hides_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "utc_now", lambda: NOW + timedelta(hours=3))
    rig.shop.put("orders", 1, "18:00:00")
    poller = rig.poller(since=None)
    await poller.run_once()
    rig.shop.put("orders", 2, "18:00:05")
    await poller.run_once()
    assert await rig.taken_orders() == [2]


async def test_since_brings_what_changed_from_that_moment_on(rig: Rig) -> None:
    for number, updated_at in enumerate(["11:59:59", "12:00:00", "12:00:01", "13:00:00"], 1):
        rig.shop.put("orders", number, updated_at)
    await rig.poller(since=datetime.fromisoformat("2026-03-02T13:00:00+01:00")).run_once()
    assert await rig.taken_orders() == [2, 3, 4]


async def test_since_counts_for_the_first_pass_only(rig: Rig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    await rig.poller().run_once()
    rig.shop.put("orders", 2, "11:00:00")
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1]


# Watermark, overlap, crashes


async def test_the_watermark_moves_only_after_the_last_page(rig: Rig) -> None:
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
    rig: Rig, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        rig.shop.put("orders", number, f"12:00:0{number}")
    with pytest.raises(Crash):
        await crash_after(rig, pages, monkeypatch)
    rig.crash()
    await rig.poller().run_once()
    assert sorted(await rig.taken_orders()) == [1, 2, 3, 4, 5]


async def test_what_stands_in_the_overlap_is_taken_once(rig: Rig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    poller = rig.poller()
    for _ in range(3):
        await poller.run_once()
    rig.crash()
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1]


async def test_a_change_in_the_same_second_is_taken(rig: Rig) -> None:
    poller = rig.poller()
    for status in ("pending", "processing", "complete"):
        rig.shop.put("orders", 1, "12:00:00", status=status)
        await poller.run_once()
        assert await rig.taken_orders() == [1]


async def test_a_change_that_was_committed_late_is_taken(rig: Rig) -> None:
    rig.shop.put("orders", 2, "12:00:40")
    await rig.poller().run_once()
    rig.shop.put("orders", 1, "12:00:00")
    await rig.poller().run_once()
    assert await rig.taken_orders() == [2, 1]


async def test_what_is_below_the_overlap_is_not_listed_again(rig: Rig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    rig.shop.put("orders", 2, "12:05:00")
    poller = rig.poller()
    await poller.run_once()
    await poller.run_once()
    assert rig.shop.calls[-1][1] == [("updated_at", "gteq", "2026-03-02 12:04:00"), ("entity_id", "gt", "0")]


async def test_a_change_that_claims_to_come_from_the_future_hides_nothing(rig: Rig) -> None:
    rig.shop.put("orders", 1, "2099-01-01 00:00:00")
    rig.shop.put("orders", 2, "12:00:00")
    poller = rig.poller()
    await poller.run_once()
    rig.shop.put("orders", 3, "12:00:10")
    await poller.run_once()
    assert rig.capture.watermark("orders") == "2026-03-02 12:00:10"
    assert await rig.taken_orders() == [1, 2, 3]


async def test_a_first_pass_over_a_shop_with_a_date_in_the_future_hides_nothing(rig: Rig) -> None:
    rig.shop.put("orders", 1, "2099-01-01 00:00:00")
    poller = rig.poller(since=None)
    await poller.run_once()
    rig.shop.put("orders", 2, "12:00:10")
    await poller.run_once()
    assert await rig.taken_orders() == [2]


# Paging while rows change


async def test_an_order_that_changes_while_later_pages_are_read_is_listed_next_time(rig: Rig) -> None:
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


async def test_an_order_that_goes_while_pages_are_read_moves_no_other_out_of_sight(rig: Rig) -> None:
    for number in range(1, 8):
        rig.shop.put("orders", number, "12:00:00")
    rig.shop.after = lambda: None if len(rig.shop.calls) != 1 else (rig.shop.lists["orders"].pop(1), None)[1]
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1, 2, 3, 4, 5, 6, 7]


async def test_more_changes_in_one_second_than_a_page_holds_are_all_taken(rig: Rig) -> None:
    for number in range(1, 12):
        rig.shop.put("orders", number, "12:00:00")
    await rig.poller().run_once()
    assert await rig.taken_orders() == list(range(1, 12))


async def test_a_page_that_an_extension_thinned_out_is_not_the_last(rig: Rig) -> None:
    for number in range(1, 8):
        rig.shop.put("orders", number, "12:00:00")
    rig.shop.filter_found = lambda found: [each for each in found if each["entity_id"] != 2]
    await rig.poller().run_once()
    assert await rig.taken_orders() == [1, 3, 4, 5, 6, 7]


async def test_one_page_is_one_search(rig: Rig) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    await rig.poller().run_once()
    assert rig.shop.searches("orders") == 1


# What an order's own list does not show


@pytest.mark.parametrize("name", ["shipments", "invoices", "creditmemos"])
async def test_what_belongs_to_an_order_is_a_change_of_that_order(rig: Rig, name: str) -> None:
    """A partial shipment does not move its order's `updated_at`."""
    rig.shop.put("orders", 74, "12:00:00")
    poller = rig.poller(lists=("orders", name))
    await poller.run_once()
    await rig.taken()
    rig.shop.put(name, 9, "12:03:00", order_id=74)
    await poller.run_once()
    assert await rig.taken() == [("order", 74)]


@pytest.mark.parametrize(("name", "path"), [("customers", "customers/search"), ("products", "products")])
async def test_customers_and_products_are_changes_of_their_own(rig: Rig, name: str, path: str) -> None:
    rig.shop.put(path, 5, "12:00:00")
    await rig.poller(lists=(name,)).run_once()
    assert await rig.taken() == [(name.removesuffix("s"), 5)]


# What fails


@pytest.mark.parametrize(("status", "error"), [(401, AccessDenied), (500, TargetUnavailable), (429, RateLimited)])
async def test_a_list_that_fails_does_not_stop_the_others(rig: Rig, status: int, error: type[Exception]) -> None:
    rig.shop.put("orders", 1, "12:00:00")
    rig.shop.put("customers/search", 5, "12:00:00")
    rig.shop.answer = lambda path: web.Response(status=status, text="{}") if path == "creditmemos" else None
    poller = rig.poller(lists=("orders", "creditmemos", "customers"))
    await poller.run_once()
    assert await rig.taken() == [("order", 1), ("customer", 5)]
    assert rig.health.polling.startswith("creditmemos: ")
    assert rig.capture.watermark("creditmemos") is None
    with pytest.raises(error):
        await poller.poll("creditmemos")
    rig.shop.answer = lambda _path: None
    await poller.run_once()
    assert rig.health.polling == OK


async def test_a_failing_list_is_told_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="bridge")
    rig.shop.answer = lambda _path: web.Response(status=503)
    poller = rig.poller()
    for _ in range(3):
        await poller.run_once()
    rig.shop.answer = lambda _path: None
    await poller.run_once()
    told = [record.getMessage().split()[0] for record in caplog.records]
    assert told == ["action=poll_failed", "action=shop_readable"]


async def test_a_shop_that_asks_for_time_gets_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise Crash

    rig.shop.answer = fail_when(lambda: len(rig.shop.calls) == 1, 429, **{"Retry-After": "77"})
    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(Crash):
        await rig.poller(interval_s=15).run()
    assert pauses == [77, 15, 15]


@pytest.mark.parametrize("broken", [{1}, {5}, {11}, {4, 5}, {2, 7, 11}])
async def test_an_order_that_the_shop_cannot_show_does_not_hide_the_others(rig: Rig, broken: set[int]) -> None:
    """It is taken by its number, so that the relay reports it as unreadable."""
    for number in range(1, 12):
        rig.shop.put("orders", number, f"12:00:{number:02}")
    rig.shop.broken = broken
    poller = rig.poller(page_size=4)
    await poller.run_once()
    assert sorted(await rig.taken_orders()) == list(range(1, 12))
    assert rig.health.polling == OK
    await poller.run_once()
    assert await rig.taken_orders() == []


async def test_an_order_that_can_be_shown_again_is_taken_again(rig: Rig) -> None:
    rig.shop.put("orders", 3, "12:00:00")
    rig.shop.broken = {3}
    poller = rig.poller()
    await poller.run_once()
    rig.shop.broken = set()
    await poller.run_once()
    assert await rig.taken_orders() == [3, 3]


async def test_a_shipment_that_the_shop_cannot_show_is_told(rig: Rig) -> None:
    for number in (1, 2, 3):
        rig.shop.put("shipments", number, "12:00:00", order_id=70 + number)
    rig.shop.broken = {2}
    await rig.poller(lists=("shipments",)).run_once()
    assert await rig.taken() == [("order", 71), ("order", 73)]
    assert "cannot show [2]" in rig.health.polling


async def test_a_shop_that_fails_as_a_whole_is_not_searched_for_a_broken_order(rig: Rig) -> None:
    rig.shop.answer = lambda _path: web.json_response({"message": "Internal error"}, status=500)
    await rig.poller(page_size=100).run_once()
    assert rig.shop.searches("orders") == 2
    assert "the shop cannot be listed: GET /V1/orders answered 500" in rig.health.polling


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '{"items": [{"entity_id": 1}]}',
        '{"items": [{"entity_id": 1, "updated_at": null}]}',
        '{"items": [{"entity_id": 1, "updated_at": "yesterday"}]}',
        '{"items": [{"entity_id": "x", "updated_at": "2026-03-02 12:00:00"}]}',
    ],
)
async def test_an_answer_in_another_form_is_the_list_s_failure(rig: Rig, text: str) -> None:
    rig.shop.answer = lambda _path: web.Response(text=text, content_type="application/json")
    with pytest.raises(TargetUnavailable, match="in another form"):
        await rig.poller().poll("orders")
    assert rig.capture.watermark("orders") is None


# Against the sandbox shop


@pytest.mark.integration
async def test_every_list_of_the_sandbox_shop_can_be_polled(shop: ShopRig, tmp_path: Path) -> None:
    async with polling(shop, tmp_path) as (poller, capture):
        await poller.run_once()
        order = await shop.checkout("mixed", second_update_delay_s=0)
        customer = {"email": "polled@example.com", "firstname": "A", "lastname": "B", "website_id": 1, "store_id": 1}
        created = await shop.client.write("POST", "/V1/customers", {"customer": {**customer, "group_id": 1}}, "x")
        await poller.run_once()
        rows = {(row.entity, row.entity_id) for row in await capture.read_after(0, 1000)}
        assert {("order", order["entity_id"]), ("customer", created["id"])} <= rows
        assert {name: capture.watermark(name) is not None for name in Polling().lists} == dict.fromkeys(
            Polling().lists, True
        )


@pytest.mark.integration
async def test_a_partial_shipment_in_the_sandbox_shop_is_a_change_of_its_order(shop: ShopRig, tmp_path: Path) -> None:
    async with polling(shop, tmp_path) as (poller, capture):
        order = await shop.checkout("simple", second_update_delay_s=0)
        await until_quiet(poller)
        last_id = max((row.id for row in await capture.read_after(0, 1000)), default=0)
        items = [{"order_item_id": order["items"][0]["item_id"], "qty": 1}]
        await shop.client.write("POST", f"/V1/order/{order['entity_id']}/ship", {"items": items}, "x")
        assert await poller.poll("shipments") == 1
        (row,) = await capture.read_after(last_id, 10)
        assert (row.entity, row.entity_id) == ("order", order["entity_id"])


@asynccontextmanager
async def polling(shop: ShopRig, folder: Path) -> AsyncIterator[tuple[Poller, CaptureFile]]:
    capture = CaptureFile(folder / "capture.sqlite", shop.url)
    async with MagentoRest(section(shop.url, folder)) as rest:
        health = Health()
        yield Poller(Polling(page_size=3), rest, capture, health), capture
        assert health.polling == OK
    capture.close()


async def until_quiet(poller: Poller) -> None:
    """Until the shop's own second update of an order is taken, too."""
    async with asyncio.timeout(10):
        quiet = 0
        while quiet < 3:
            quiet = 0 if await poller.run_once() else quiet + 1


class Crash(Exception):
    pass


async def crash_after(rig: Rig, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
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


def fail_when(condition: Callable[[], bool], status: int, **headers: str) -> Callable[[str], web.Response | None]:
    return lambda _path: web.Response(status=status, headers=headers) if condition() else None
