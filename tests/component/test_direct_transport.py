"""The bridge at a hosted shop's REST API, directly: what each way of ending says about whether a write was executed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.bridge import Clock, giving, opened, site
from tests.support.shop import ShopRig

from bng_bridge import deliver, intents
from bng_bridge.daemon import check_shop
from bng_bridge.deliver import Deliver
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.target import MagentoTarget
from bng_bridge.magento.transport import DirectTransport
from bng_bridge.mapping import shipments
from bng_bridge.target import Write
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    ConfigError,
    InMaintenance,
    OutcomeUnknown,
    Overloaded,
    QuietPeriod,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
    TransientError,
)
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import MagentoRest

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SHIP = "/V1/order/74/ship"


@asynccontextmanager
async def rest_at(url: str, folder: Path, **options: Any) -> AsyncIterator[MagentoRest]:
    (folder / "secret").write_text("secret\n")
    login = options or {"token_file": folder / "secret"}
    async with MagentoRest(MagentoSection(base_url=url, timeout_s=2, **login), table="sites.shop1.rest") as rest:
        yield rest


@asynccontextmanager
async def shop_that(handler: Handler, folder: Path, **options: Any) -> AsyncIterator[MagentoRest]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with rest_at(f"http://127.0.0.1:{runner.addresses[0][1]}", folder, **options) as rest:
            yield rest
    finally:
        await runner.cleanup()


def answers(status: int, text: str = "{}", **headers: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    return handler


async def cut(request: web.Request) -> web.Response:
    """It may have been executed by now."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def late(_request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def call(rest: MagentoRest, method: str) -> Any:
    """Through the client, which says what a status means."""
    client = MagentoClient("shop1", site(timeout_s=0.3), DirectTransport(rest))
    if method == "GET":
        return await client.get("/V1/orders/74")
    return await client.write(method, SHIP, {"items": []}, "request-1")


@pytest.mark.parametrize(
    ("handler", "when_read", "when_written"),
    [
        (cut, TargetUnavailable, OutcomeUnknown),
        (late, TargetUnavailable, OutcomeUnknown),
        (answers(429), RateLimited, RateLimited),
        (answers(503, "<html>"), Overloaded, Overloaded),
        (answers(503, f"<html>{' ' * 900}due to Maintenance downtime"), TargetPaused, InMaintenance),
        (answers(503, '{"message": "maintenance mode"}'), TargetPaused, InMaintenance),
        (answers(400, '{"message": "maintenance mode"}'), RejectedByTarget, RejectedByTarget),
        (answers(502, "<html>"), TargetUnavailable, OutcomeUnknown),
        (answers(504, "<html>"), TargetUnavailable, OutcomeUnknown),
        (answers(500), OutcomeUnknown, OutcomeUnknown),
        (answers(401), TargetPaused, TargetPaused),
        (answers(403, "<html>blocked"), TargetPaused, TargetPaused),
        (answers(302, "", Location="/elsewhere"), TargetUnavailable, OutcomeUnknown),
        (answers(200, "<html>We will be back soon"), TargetUnavailable, OutcomeUnknown),
        (answers(400, '{"message": "no"}'), RejectedByTarget, RejectedByTarget),
    ],
    ids=[
        "cut",
        "late",
        "429",
        "503",
        "page",
        "maintenance",
        "no maintenance",
        "502",
        "504",
        "500",
        "401",
        "403",
        "redirect",
        "web page",
        "400",
    ],
)
async def test_how_a_request_ends_decides_whether_it_may_be_repeated(
    tmp_path: Path, handler: Handler, when_read: type[BridgeError], when_written: type[BridgeError]
) -> None:
    async with shop_that(handler, tmp_path) as rest:
        with pytest.raises(when_read):
            await call(rest, "GET")
        with pytest.raises(when_written):
            await call(rest, "POST")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_that_is_refused_executed_nothing(tmp_path: Path, method: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with rest_at(f"http://127.0.0.1:{nobody.getsockname()[1]}", tmp_path) as rest:
            with pytest.raises(TargetUnavailable):
                await call(rest, method)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_shop_that_names_a_time_is_believed(tmp_path: Path, status: int) -> None:
    async with shop_that(answers(status, **{"Retry-After": "7"}), tmp_path) as rest:
        with pytest.raises(TransientError) as caught:
            await call(rest, "POST")
    assert caught.value.retry_after_s == 7


async def test_an_answer_is_passed_on_with_its_amounts(tmp_path: Path) -> None:
    async with shop_that(answers(200, '"12"'), tmp_path) as rest:
        assert await call(rest, "POST") == "12"


async def test_a_query_arrives_as_it_was_meant(tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.query["searchCriteria[filter_groups][0][filters][0][value]"])
        return web.json_response({"items": []})

    async with shop_that(handler, tmp_path) as rest:
        client = MagentoClient("shop1", site(), DirectTransport(rest))
        assert await client.search("/V1/inventory/source-items", sku="NUT+M4 & Co") == []
    assert seen == ["NUT+M4 & Co"]


async def test_nothing_is_known_of_a_request_but_what_a_look_up_finds(tmp_path: Path) -> None:
    async with rest_at("http://127.0.0.1:1", tmp_path) as rest:
        assert await DirectTransport(rest).state_of("request-1") is None


async def test_an_admin_login_that_is_refused_pauses_the_site(tmp_path: Path) -> None:
    """It is no single event's fault."""
    (tmp_path / "secret").write_text("secret\n")
    login = {"admin_user": "bridge", "admin_password_file": tmp_path / "secret"}
    async with shop_that(answers(401, '{"message": "The account sign-in was incorrect"}'), tmp_path, **login) as rest:
        with pytest.raises(TargetPaused, match="refuses the admin user 'bridge'") as paused:
            await call(rest, "POST")
    assert "[sites.shop1.rest]" in paused.value.hint


async def test_a_site_that_is_held_is_sent_nothing(tmp_path: Path) -> None:
    calls: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.json_response({})

    reason = "shop1 was enrolled with another base_url"
    async with shop_that(handler, tmp_path) as rest:
        transport = DirectTransport(rest, held=lambda: reason)
        with pytest.raises(TargetPaused, match="the site is held: shop1 was enrolled with another base_url"):
            await transport.request("POST", SHIP, body={}, timeout_s=1)
        reason = ""
        await transport.request("POST", SHIP, body={}, timeout_s=1)
    assert calls == [f"/rest/all{SHIP}"]


# The start


@pytest.mark.parametrize(
    ("handler", "error"),
    [(answers(401), AccessDenied), (answers(404, "<html>"), ConfigError), (answers(301, ""), ConfigError)],
    ids=["refused", "no Magento", "moved"],
)
async def test_a_mistake_is_told_at_the_start(tmp_path: Path, handler: Handler, error: type[BridgeError]) -> None:
    async with shop_that(handler, tmp_path) as rest:
        with pytest.raises(error) as caught:
            await check_shop("shop1", "https://shop.example.com", rest)
    assert "[sites.shop1.rest]" in caught.value.hint


@pytest.mark.parametrize("handler", [answers(503), answers(500), answers(429), cut], ids=["503", "500", "429", "cut"])
async def test_a_shop_that_is_away_at_the_start_does_not_stop_the_others(tmp_path: Path, handler: Handler) -> None:
    async with shop_that(handler, tmp_path) as rest:
        await check_shop("shop1", "https://shop.example.com", rest)


# Through deliver, at the sandbox shop


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_a_shipment_whose_answer_was_cut_is_looked_up_and_made_once(
    shop: ShopRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    clock = Clock()
    monkeypatch.setattr(deliver, "utc_now", clock)
    monkeypatch.setattr(deliver, "steady_now", clock)
    order = await shop.checkout("simple")
    (tmp_path / "secret").write_text("token-of-the-test\n")
    section = MagentoSection(base_url=shop.url, token_file=tmp_path / "secret")
    async with MagentoRest(section) as rest, opened(tmp_path / "bridge.sqlite") as store:
        target = MagentoTarget(MagentoClient("shop1", site(), DirectTransport(rest)))
        write, body = shipment_of(order)

        async def ship() -> str:
            return (await Deliver(store, lambda _write: target)(1, write, giving(body))).action

        await shop.fault(kind, method="POST", path="/ship$")
        with pytest.raises(OutcomeUnknown):
            await ship()
        if kind == "cut_before":
            clock.advance(target.quiet_s() - 1)
            with pytest.raises(QuietPeriod):
                await ship()
            clock.advance(2)
        assert await ship() == ("unchanged" if kind == "cut_after" else "created")
        assert await ship() == "unchanged"
        assert intents.all_open(store.read) == []
    assert len(await shop.shipments(order["entity_id"])) == 1


def shipment_of(order: dict[str, Any]) -> tuple[Write, dict[str, Any]]:
    """A part of the order: a whole one the shop itself would not ship twice."""
    reference = shipments.reference("SH-1")
    write = Write(
        "magento", "shipment", "shop1", "shop1/shipment/SH-1/shipment", f"shop1/order/{order['entity_id']}", reference,
        create_only=True,
    )  # fmt: skip
    items = [{"order_item_id": order["items"][0]["item_id"], "qty": 1}]
    comment = {"comment": reference, "is_visible_on_front": 0}
    return write, {"items": items, "notify": False, "comment": comment, "tracks": []}
