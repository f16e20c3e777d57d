"""The sandbox BNG's webhooks, made to go wrong: what a receiver then gets, and what the operator can see of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
DEADLINE_S = 5.0
FAULTS = "/webhooks/faults"


@dataclass(frozen=True)
class Received:
    """`sequence` is that of the stock change it tells of; `refusal` why a receiver does not believe it."""

    message_id: str
    sequence: int
    refusal: str = ""


@dataclass
class Receiver:
    """Takes webhooks as a good receiver does: 401 for what was not signed by BNG just now, else 204."""

    queue: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.text()
        refusal = ""
        try:
            Webhook(SECRET).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            refusal = str(error)
        sequence = json.loads(body)["data"]["Sequence"]
        self.queue.put_nowait(Received(request.headers["webhook-id"], sequence, refusal))
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=401 if refusal else status)

    async def next(self, count: int) -> list[Received]:
        async with asyncio.timeout(DEADLINE_S):
            return [await self.queue.get() for _ in range(count)]

    async def sequences(self, count: int) -> list[int]:
        return [received.sequence for received in await self.next(count)]


@dataclass
class Bng:
    """The admin side of a running BNG; each stock change is one webhook, with Sequence 2 and on."""

    admin: aiohttp.ClientSession

    async def change_stock(self, times: int = 1) -> None:
        for _ in range(times):
            async with self.admin.post("/stock", json={"SKU": "TEE-S", "Delta": "1"}) as answer:
                assert answer.status == 200

    async def set(self, **switches: Any) -> dict[str, Any]:
        async with self.admin.post(FAULTS, json=switches) as answer:
            assert answer.status == 200, await answer.text()
            described: dict[str, Any] = await answer.json()
            return described

    async def clear(self) -> None:
        async with self.admin.delete(FAULTS) as answer:
            assert answer.status == 200

    async def done(self) -> dict[str, int]:
        """What the faults have done, without zeros."""
        async with self.admin.get(FAULTS) as answer:
            return {name: count for name, count in (await answer.json())["done"].items() if count}

    async def until_done(self, **counts: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await self.done() != counts:
                pass

    async def until_none_is_pending(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                async with self.admin.get("/webhooks") as answer:
                    if not (await answer.json())["pending"]:
                        return


@pytest.fixture
async def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def bng(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Bng]:
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.take)])
    async with TestServer(app) as server:
        url = str(server.make_url("/hook"))
        settings = Settings(tmp_path / "bng.sqlite", webhook_url=url, webhook_secret=SECRET)
        async with serving(settings) as running, aiohttp.ClientSession(running.admin_url) as admin:
            yield Bng(admin)


async def test_a_duplicate_has_the_id_of_the_first_and_comes_after_it_was_accepted(
    bng: Bng, receiver: Receiver
) -> None:
    await bng.set(duplicate=True)
    receiver.answers = [503]
    await bng.change_stock()
    received = await receiver.next(3)
    assert len(set(received)) == 1
    await bng.until_done(duplicated=1)
    await bng.set(duplicate=False)
    await bng.change_stock()
    assert await receiver.sequences(1) == [3]
    await bng.until_none_is_pending()
    assert await bng.done() == {"duplicated": 1}


async def test_reordered_webhooks_come_second_first(bng: Bng, receiver: Receiver) -> None:
    await bng.set(reorder=True)
    await bng.change_stock(2)
    assert await receiver.sequences(2) == [3, 2]
    await bng.change_stock(2)
    assert await receiver.sequences(2) == [5, 4]
    await bng.until_done(reordered=2)


async def test_a_webhook_that_nothing_overtakes_goes_on_after_a_while(bng: Bng, receiver: Receiver) -> None:
    await bng.set(reorder=True)
    await bng.change_stock()
    assert await receiver.sequences(1) == [2]
    await bng.until_none_is_pending()
    assert await bng.done() == {}


async def test_a_late_webhook_comes_when_its_time_is_over(bng: Bng, receiver: Receiver) -> None:
    await bng.set(late_s=0.3)
    await bng.change_stock()
    await bng.until_done(delayed=1)
    await bng.set(late_s=0)
    await bng.change_stock()
    assert await receiver.sequences(2) == [3, 2]
    assert await bng.done() == {"delayed": 1}


async def test_what_is_held_back_goes_at_once_when_the_faults_are_cleared(bng: Bng, receiver: Receiver) -> None:
    await bng.set(late_s=3600)
    await bng.change_stock()
    await bng.until_done(delayed=1)
    assert (await bng.set())["held"] == 1
    await bng.clear()
    assert await receiver.sequences(1) == [2]
    assert await bng.done() == {}


async def test_forged_and_stale_ones_come_before_the_true_one_under_its_id(bng: Bng, receiver: Receiver) -> None:
    described = await bng.set(forged=2, stale=1)
    assert (described["faults"]["forged"], described["faults"]["stale"]) == (2, 1)
    await bng.change_stock(2)
    received = sorted(await receiver.next(5), key=lambda each: each.sequence)
    assert len({each.message_id for each in received[:4]}) == 1
    assert [each.refusal for each in received] == [
        "No matching signature found",
        "No matching signature found",
        "Message timestamp too old",
        "",
        "",
    ]
    await bng.until_none_is_pending()
    assert await bng.done() == {"forged": 2, "stale": 1}


async def test_it_is_counted_how_many_forged_ones_were_accepted(tmp_path: Path) -> None:
    async def believe(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/hook", believe)])
    async with TestServer(app) as server:
        url = str(server.make_url("/hook"))
        settings = Settings(tmp_path / "bng.sqlite", webhook_url=url, webhook_secret=SECRET)
        async with serving(settings) as running, aiohttp.ClientSession(running.admin_url) as admin:
            bng = Bng(admin)
            await bng.set(forged=2)
            await bng.change_stock()
            await bng.until_done(forged=2, forged_accepted=2)


async def test_dropped_webhooks_are_the_next_ones_and_no_more(bng: Bng, receiver: Receiver) -> None:
    await bng.set(drop=2)
    await bng.change_stock(3)
    assert await receiver.sequences(1) == [4]
    await bng.until_none_is_pending()
    assert receiver.queue.empty()
    assert await bng.done() == {"dropped": 2}


async def test_a_post_changes_only_the_switches_that_it_names(bng: Bng) -> None:
    await bng.set(duplicate=True, late_s=1.5)
    described = await bng.set(drop=7)
    assert described["faults"] == {
        "duplicate": True, "reorder": False, "late_s": 1.5, "forged": 0, "stale": 0, "drop": 7,
    }  # fmt: skip


@pytest.mark.parametrize("switches", [{"forged": -1}, {"duplicate": 1}, {"lost": 3}, {"late_s": "soon"}])
async def test_a_switch_that_is_none_is_refused(bng: Bng, switches: dict[str, Any]) -> None:
    async with bng.admin.post(FAULTS, json=switches) as answer:
        assert answer.status == 422
        assert (await answer.json())["type"] == "urn:bng:problem:validation"
