"""The shop's REST API: what each way of failing says about whether a request was executed."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    OutcomeUnknown,
    RateLimited,
    RejectedByTarget,
    TargetUnavailable,
)
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import BadAnswer, MagentoRest
from magento_agent.hydrate import Hydrator

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def secret_file() -> Path:
    path = Path(tempfile.mkdtemp()) / "token"
    path.write_text("secret\n")
    return path


@asynccontextmanager
async def shop(handler: Handler, timeout_s: float = 2.0) -> AsyncIterator[MagentoRest]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        section = MagentoSection(base_url=f"http://127.0.0.1:{port}", token_file=secret_file(), timeout_s=timeout_s)
        async with MagentoRest(section) as rest:
            yield rest
    finally:
        await runner.cleanup()


def always(status: int, text: str = "{}", **headers: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    return handler


async def test_amounts_keep_their_digits() -> None:
    async with shop(always(200, '{"total": 0.10, "small": 1E-7}')) as rest:
        body = await rest.read("/V1/orders/7")
        assert body == {"total": Decimal("0.10"), "small": Decimal("1E-7")}
        assert str(body["total"]) == "0.10"


async def test_path_and_query_arrive_as_they_were_meant() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.raw_path.partition("?")[0], request.query["q[a]"]))
        assert request.headers["Authorization"] == "Bearer secret"
        return web.json_response({})

    async with shop(handler) as rest:
        await rest.read("/V1/products/LAMP%2FDESK%201", [("q[a]", "x y&z+ä")])
    assert seen == [("/rest/all/V1/products/LAMP%2FDESK%201", "x y&z+ä")]


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (401, "{}", AccessDenied),
        (403, "{}", AccessDenied),
        (429, "{}", RateLimited),
        (503, "<html>", TargetUnavailable),
        (502, "<html>", BadAnswer),
        (504, "<html>", BadAnswer),
        (200, "<html>", BadAnswer),
        (500, "{}", RejectedByTarget),
        (404, "{}", RejectedByTarget),
        (301, "", RejectedByTarget),
    ],
)
async def test_a_read_that_fails_is_classified(status: int, text: str, error: type[BridgeError]) -> None:
    async with shop(always(status, text)) as rest:
        with pytest.raises(error) as caught:
            await rest.read("/V1/orders")
        assert type(caught.value) is error


async def test_the_parameters_of_an_error_are_put_into_its_text() -> None:
    text = '{"message": "No %fieldName in %1.", "parameters": {"fieldName": "sku", "1": "cart"}}'
    async with shop(always(400, text)) as rest:
        with pytest.raises(RejectedByTarget, match=r"answered 400: No sku in cart\."):
            await rest.read("/V1/orders")


async def test_retry_after_is_a_number_or_a_date() -> None:
    async with shop(always(429, "{}", **{"Retry-After": "7"})) as rest:
        with pytest.raises(RateLimited) as caught:
            await rest.read("/V1/orders")
        assert caught.value.retry_after_s == 7
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    async with shop(always(429, "{}", **{"Retry-After": date})) as rest:
        answer = await rest.send("POST", "/V1/x", timeout_s=1)
        assert answer.retry_after_s == pytest.approx(100, abs=3)
    async with shop(always(429, "{}", **{"Retry-After": "soon"})) as rest:
        assert (await rest.send("POST", "/V1/x", timeout_s=1)).retry_after_s is None


async def test_a_write_without_an_answer_has_an_unknown_outcome() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("/cut"):
            assert request.transport is not None
            request.transport.abort()
        await asyncio.sleep(5)
        return web.Response()

    async with shop(handler) as rest:
        with pytest.raises(OutcomeUnknown):
            await rest.send("POST", "/V1/cut", body={}, timeout_s=1)
        with pytest.raises(OutcomeUnknown):
            await rest.send("POST", "/V1/slow", body={}, timeout_s=0.3)


async def test_a_refused_connection_is_surely_not_executed() -> None:
    async with shop(always(200)) as rest:
        pass
    section = MagentoSection(base_url="http://127.0.0.1:1", token_file=secret_file())
    async with MagentoRest(section) as rest:
        with pytest.raises(TargetUnavailable):
            await rest.send("POST", "/V1/x", body={}, timeout_s=1)


async def test_a_write_never_goes_over_a_kept_connection() -> None:
    connections: list[object] = []

    async def handler(request: web.Request) -> web.Response:
        connections.append(request.transport)
        return web.json_response({})

    async with shop(handler) as rest:
        for _ in range(3):
            await rest.send("POST", "/V1/x", body={}, timeout_s=1)
        assert len({id(each) for each in connections}) == 3
        connections.clear()
        for _ in range(3):
            await rest.read("/V1/x")
        assert len({id(each) for each in connections}) == 1


async def test_a_redirect_is_not_followed_with_a_write() -> None:
    async with shop(always(302, "", Location="/elsewhere")) as rest:
        assert (await rest.send("POST", "/V1/x", body={}, timeout_s=1)).status == 302


async def test_a_search_that_times_out_for_one_entity_leaves_the_others() -> None:
    async def handler(request: web.Request) -> web.Response:
        ids = request.query["searchCriteria[filter_groups][0][filters][0][value]"].split(",")
        if "13" in ids:
            await asyncio.sleep(5)
        return web.json_response({"items": [{"entity_id": int(each)} for each in ids if each != "0"]})

    async with shop(handler, timeout_s=0.3) as rest:
        found = await Hydrator(rest).read("order", [11, 12, 13, 14])
        assert sorted(found.documents) == [11, 12, 14]
        assert list(found.failed) == [13]


async def test_a_witness_that_fails_too_speaks_for_the_entities() -> None:
    broken = False

    async def handler(request: web.Request) -> web.Response:
        if broken:
            return web.json_response({"message": "Internal error"}, status=500)
        ids = request.query["searchCriteria[filter_groups][0][filters][0][value]"].split(",")
        return web.json_response({"items": [{"entity_id": int(each)} for each in ids if each != "0"]})

    async with shop(handler) as rest:
        hydrator = Hydrator(rest)
        await hydrator.read("order", [1])
        broken = True
        with pytest.raises(TargetUnavailable, match="fails as a whole"):
            await hydrator.read("order", [2, 3])


@pytest.mark.parametrize("text", ["[]", '{"items": [{}]}', '{"items": [{"entity_id": "x"}]}', '"x"', "null"])
async def test_an_answer_in_another_form_is_the_shops_failure(text: str) -> None:
    async with shop(always(200, text)) as rest:
        with pytest.raises(TargetUnavailable):
            await Hydrator(rest).read("order", [1])
