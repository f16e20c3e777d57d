"""What each way in which a request can end says about whether it was executed, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bng_bridge import http
from bridge_common.errors import BridgeError, OutcomeUnknown, RateLimited, TargetUnavailable, TransientError
from bridge_common.http import Answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Callable[..., Awaitable[Answer]]]:
    """A call to a server that handles every request in this way: method → answer."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/x"
    try:
        async with aiohttp.ClientSession() as session:

            async def call(method: str = "POST", **options: Any) -> Answer:
                answer = await http.send(session, method, url, **{"timeout_s": 5, **options})
                return http.checked(method, url, answer)

            yield call
    finally:
        await runner.cleanup()


def answering(status: int, text: str = "", **headers: str) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    return handle


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never(_request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    """Headers, the beginning of a body, and then nothing."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"a":')
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize("handler", [cut, half])
async def test_a_lost_answer_leaves_a_write_open_and_a_read_undone(handler: Handler) -> None:
    async with serving(handler) as call:
        with pytest.raises(OutcomeUnknown) as lost:
            await call("POST", body={})
        assert not lost.value.answered
        with pytest.raises(TargetUnavailable):
            await call("GET")


async def test_an_answer_that_does_not_come_in_time_counts_as_lost() -> None:
    async with serving(never) as call:
        with pytest.raises(OutcomeUnknown):
            await call("PATCH", body={}, timeout_s=0.05)
        with pytest.raises(TargetUnavailable):
            await call("GET", timeout_s=0.05)


async def test_a_connection_that_was_never_made_executed_nothing() -> None:
    async with aiohttp.ClientSession() as session:
        for url in ("http://127.0.0.1:9/", "http://no-such-host.invalid/", "http:///"):
            with pytest.raises(TargetUnavailable):
                await http.send(session, "POST", url, timeout_s=5, body={})


@pytest.mark.parametrize(
    ("status", "when_read", "when_written"),
    [
        (429, RateLimited, RateLimited),
        (503, TargetUnavailable, TargetUnavailable),
        (502, TargetUnavailable, OutcomeUnknown),
        (504, TargetUnavailable, OutcomeUnknown),
    ],
)
async def test_a_status_that_means_not_now_is_an_error(
    status: int, when_read: type[BridgeError], when_written: type[BridgeError]
) -> None:
    async with serving(answering(status)) as call:
        with pytest.raises(when_read, match=f"answered {status}"):
            await call("GET")
        with pytest.raises(when_written, match=f"answered {status}"):
            await call("POST")


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 401, 404, 409, 412, 422, 500, 501])
async def test_any_other_status_is_an_answer(status: int) -> None:
    async with serving(answering(status, Location="/elsewhere")) as call:
        assert (await call("POST", body={})).status == status


async def test_a_redirected_write_is_not_sent_elsewhere_as_a_read() -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.path}")
        return web.Response(status=301, headers={"Location": "/elsewhere"})

    async with serving(handle) as call:
        assert (await call("POST", body={})).status == 301
    assert seen == ["POST /x"]


@pytest.mark.parametrize(
    ("value", "at_least", "at_most"),
    [
        ("12", 12, 12),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        ("Tue, 01 Jan 2999 00:00:00 GMT", 3600, 3600),
        ("Tue, 01 Jan 2019 00:00:00 GMT", 0, 0),
        ("999999999999", 3600, 3600),
        ("inf", 3600, 3600),
        ("nan", 0, 3600),
    ],
)
async def test_the_wait_that_is_asked_for_is_passed_on_within_reason(
    value: str, at_least: float, at_most: float
) -> None:
    """Beyond an hour it is some proxy's mistake, and beyond all years it would end the daemon."""
    for status in (429, 503):
        async with serving(answering(status, Retry_After=value)) as call:
            with pytest.raises(TransientError) as told:
                await call("POST")
            assert told.value.retry_after_s is not None
            assert at_least <= told.value.retry_after_s <= at_most


async def test_a_date_is_waited_for() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True)
    async with serving(answering(429, Retry_After=at)) as call:
        with pytest.raises(RateLimited) as told:
            await call("POST")
    assert told.value.retry_after_s is not None
    assert 1700 <= told.value.retry_after_s <= 1800


@pytest.mark.parametrize("value", ["", "soon", "Tue"])
async def test_a_wait_of_another_form_is_none(value: str) -> None:
    async with serving(answering(429, Retry_After=value)) as call:
        with pytest.raises(RateLimited) as told:
            await call("POST")
        assert told.value.retry_after_s is None


async def test_amounts_come_and_go_digit_for_digit() -> None:
    seen: list[bytes] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.Response(text='{"a": 0.10, "b": 24.6475}', headers={"ETag": '"7"'})

    async with serving(handle) as call:
        answer = await call("POST", body={"a": Decimal("0.10")})
    assert seen == [b'{"a":0.10}']
    assert answer.body == {"a": Decimal("0.10"), "b": Decimal("24.6475")}
    assert answer.etag == '"7"'


@pytest.mark.parametrize(
    ("text", "body"), [("", None), ("<html>down</html>", {"text": "<html>down</html>"}), ("null", None), ("7", 7)]
)
async def test_an_answer_of_any_form_is_an_answer(text: str, body: Any) -> None:
    async with serving(answering(400, text)) as call:
        assert (await call("POST")).body == body
