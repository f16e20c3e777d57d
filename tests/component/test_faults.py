"""The fault switches, in front of a server that counts what it handled."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from bridge_sandbox.faults import Faults, OwnKind

DEADLINE_S = 5.0


@dataclass
class Site:
    """The server under test, its admin server and what it has handled."""

    client: aiohttp.ClientSession
    admin: aiohttp.ClientSession
    server: BaseTestServer
    handled: list[str] = field(default_factory=list)

    async def set_fault(self, kind: str, **details: Any) -> int:
        async with self.admin.post("/faults", json={"kind": kind} | details) as answer:
            assert answer.status == 201, await answer.text()
            number: int = (await answer.json())["id"]
            return number

    async def faults(self) -> list[dict[str, Any]]:
        async with self.admin.get("/faults") as answer:
            listed: list[dict[str, Any]] = await answer.json()
            return listed

    async def put(self, text: str) -> int:
        async with self.client.post(f"/things/{text}", data=text) as answer:
            return answer.status


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    handled: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        handled.append(await request.text())
        return web.Response(status=201)

    faults = Faults(
        lambda status, retry_after: web.Response(status=status, headers=headers(retry_after)),
        {"closed": OwnKind(lambda request: web.Response(status=503, text=request.path), count=0)},
    )
    app = web.Application(middlewares=[faults.middleware])
    app.add_routes([web.post("/things/{name}", handle)])
    faults.stand_before(app)
    admin = web.Application()
    admin.add_routes(faults.admin_routes())
    async with (
        TestServer(app) as server,
        TestServer(admin) as admin_server,
        aiohttp.ClientSession(server.make_url("/")) as client,
        aiohttp.ClientSession(admin_server.make_url("/")) as admin_client,
    ):
        yield Site(client, admin_client, server, handled)


def headers(retry_after: str | None) -> dict[str, str]:
    return {} if retry_after is None else {"Retry-After": retry_after}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - a server's state, which announces nothing
            await asyncio.sleep(0.005)


async def test_a_status_fault_answers_instead_of_the_server_and_only_as_often_as_asked(site: Site) -> None:
    await site.set_fault("status", status=429, retry_after=7)

    async with site.client.post("/things/a", data="a") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert site.handled == []

    assert await site.put("b") == 201
    assert site.handled == ["b"]


async def test_an_html_fault_answers_with_a_page_of_a_proxy(site: Site) -> None:
    await site.set_fault("html")

    async with site.client.post("/things/a", data="a") as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert site.handled == []


async def test_cut_after_handles_the_request_and_breaks_the_connection(site: Site) -> None:
    await site.set_fault("cut_after")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await site.put("a")

    assert site.handled == ["a"]


async def test_cut_before_breaks_the_connection_and_handles_nothing(site: Site) -> None:
    await site.set_fault("cut_before")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await site.put("a")

    assert site.handled == []


async def test_latency_delays_the_handling(site: Site) -> None:
    await site.set_fault("latency", seconds=0.2)

    started_s = time.monotonic()
    assert await site.put("a") == 201

    assert time.monotonic() - started_s >= 0.2


async def test_a_delayed_request_is_handled_although_its_client_has_left(site: Site) -> None:
    await site.set_fault("latency", seconds=60)
    waiting = asyncio.create_task(site.put("a"))
    async with asyncio.timeout(DEADLINE_S):
        while (await site.faults())[0]["hits"] == 0:
            pass
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert site.handled == []

    await site.admin.delete("/faults")

    await until(lambda: site.handled == ["a"])


async def test_hold_handles_at_once_and_answers_when_released(site: Site) -> None:
    number = await site.set_fault("hold")
    waiting = asyncio.create_task(site.put("a"))
    await until(lambda: site.handled == ["a"])
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done

    async with site.admin.post(f"/faults/{number}/release") as answer:
        assert (await answer.json())["hits"] == 1

    assert await waiting == 201


async def test_hold_answers_by_itself_after_its_seconds(site: Site) -> None:
    await site.set_fault("hold", seconds=0.05)

    async with asyncio.timeout(DEADLINE_S):
        assert await site.put("a") == 201


async def test_late_handles_when_released_and_never_answers(site: Site) -> None:
    number = await site.set_fault("late")
    waiting = asyncio.create_task(site.put("a"))
    async with asyncio.timeout(DEADLINE_S):
        while (await site.faults())[0]["hits"] == 0:
            pass
    assert site.handled == []

    async with site.admin.post(f"/faults/{number}/release"):
        await until(lambda: site.handled == ["a"])
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done

    await site.server.close()
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_a_kind_of_the_server_s_own_answers_in_its_place_until_cleared(site: Site) -> None:
    await site.set_fault("closed")

    assert [await site.put(name) for name in ("a", "b")] == [503, 503]
    assert site.handled == []

    await site.admin.delete("/faults")
    assert await site.put("c") == 201


async def test_a_held_answer_does_not_hold_up_the_stop(site: Site) -> None:
    await site.set_fault("hold", count=0)
    waiting = asyncio.create_task(site.put("a"))
    await until(lambda: site.handled == ["a"])

    async with asyncio.timeout(DEADLINE_S):
        await site.server.close()
        assert await waiting == 201


async def test_a_fault_meets_only_its_method_and_path(site: Site) -> None:
    await site.set_fault("status", method="GET")
    await site.set_fault("status", path="^/things/b$", count=0)

    assert [await site.put(name) for name in ("a", "b", "b")] == [201, 503, 503]
    assert [fault["hits"] for fault in await site.faults()] == [0, 2]


async def test_clearing_the_faults_ends_them(site: Site) -> None:
    await site.set_fault("status", count=0)
    assert await site.put("a") == 503

    await site.admin.delete("/faults")

    assert await site.put("a") == 201
    assert await site.faults() == []


async def test_calls_are_counted_by_route_and_not_by_id(site: Site) -> None:
    await site.set_fault("cut_before")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await site.put("a")
    await site.put("b")
    async with site.client.get("/nowhere"):
        pass

    async with site.admin.get("/calls") as answer:
        assert await answer.json() == {"POST /things/{name}": 2, "GET (no route)": 1}


async def test_a_route_that_nobody_called_is_counted_and_one_that_is_none_is_not_there(site: Site) -> None:
    async with site.admin.get("/calls") as answer:
        assert await answer.json() == {"POST /things/{name}": 0}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "earthquake"},
        {"kind": "latency"},
        {"kind": "status", "path": "("},
        {"kind": "status", "pth": "x"},
        {"kind": "status", "count": []},
        [],
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(site: Site, fault: object) -> None:
    async with site.admin.post("/faults", json=fault) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]
