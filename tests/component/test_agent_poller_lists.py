"""Polling a shop: what an order's own list does not show, lists that fail, and entries that cannot be shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from tests.support.polled_shop import Crash, PollingRig, fail_when, polling_rig, section
from tests.support.shop import ShopRig

from bridge_common.errors import AccessDenied, RateLimited, TargetUnavailable
from bridge_common.magento_rest import MagentoRest
from magento_agent.capture_file import CaptureFile
from magento_agent.config import Polling
from magento_agent.health import OK, Health
from magento_agent.poller import Poller


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PollingRig]:
    async with polling_rig(tmp_path, monkeypatch) as rig:
        yield rig


# What an order's own list does not show


@pytest.mark.parametrize("name", ["shipments", "invoices", "creditmemos"])
async def test_what_belongs_to_an_order_is_a_change_of_that_order(rig: PollingRig, name: str) -> None:
    """A partial shipment does not move its order's `updated_at`."""
    rig.shop.put("orders", 74, "12:00:00")
    poller = rig.poller(lists=("orders", name))
    await poller.run_once()
    await rig.taken()
    rig.shop.put(name, 9, "12:03:00", order_id=74)
    await poller.run_once()
    assert await rig.taken() == [("order", 74)]


@pytest.mark.parametrize(("name", "path"), [("customers", "customers/search"), ("products", "products")])
async def test_customers_and_products_are_changes_of_their_own(rig: PollingRig, name: str, path: str) -> None:
    rig.shop.put(path, 5, "12:00:00")
    await rig.poller(lists=(name,)).run_once()
    assert await rig.taken() == [(name.removesuffix("s"), 5)]


# What fails


@pytest.mark.parametrize(("status", "error"), [(401, AccessDenied), (500, TargetUnavailable), (429, RateLimited)])
async def test_a_list_that_fails_does_not_stop_the_others(rig: PollingRig, status: int, error: type[Exception]) -> None:
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


async def test_a_failing_list_is_told_once(rig: PollingRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="bridge")
    rig.shop.answer = lambda _path: web.Response(status=503)
    poller = rig.poller()
    for _ in range(3):
        await poller.run_once()
    rig.shop.answer = lambda _path: None
    await poller.run_once()
    told = [record.getMessage().split()[0] for record in caplog.records]
    assert told == ["action=poll_failed", "action=shop_readable"]


async def test_a_shop_that_asks_for_time_gets_it(rig: PollingRig, monkeypatch: pytest.MonkeyPatch) -> None:
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
async def test_an_order_that_the_shop_cannot_show_does_not_hide_the_others(rig: PollingRig, broken: set[int]) -> None:
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


async def test_an_order_that_can_be_shown_again_is_taken_again(rig: PollingRig) -> None:
    rig.shop.put("orders", 3, "12:00:00")
    rig.shop.broken = {3}
    poller = rig.poller()
    await poller.run_once()
    rig.shop.broken = set()
    await poller.run_once()
    assert await rig.taken_orders() == [3, 3]


async def test_a_shipment_that_the_shop_cannot_show_is_told(rig: PollingRig) -> None:
    for number in (1, 2, 3):
        rig.shop.put("shipments", number, "12:00:00", order_id=70 + number)
    rig.shop.broken = {2}
    await rig.poller(lists=("shipments",)).run_once()
    assert await rig.taken() == [("order", 71), ("order", 73)]
    assert "cannot show [2]" in rig.health.polling


async def test_a_shop_that_fails_as_a_whole_is_not_searched_for_a_broken_order(rig: PollingRig) -> None:
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
async def test_an_answer_in_another_form_is_the_list_s_failure(rig: PollingRig, text: str) -> None:
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
