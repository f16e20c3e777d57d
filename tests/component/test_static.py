"""What hardly changes in a shop is asked for once in a while, however many ask."""

import asyncio
from typing import Any

import pytest
from tests.support.bridge import site
from tests.support.simulated import run_simulated

from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.transport import RequestState
from bridge_common.errors import TargetUnavailable
from bridge_common.http import Answer

COUNTRY = "/V1/directory/countries/DE"


class Shop:
    """Answers each call after a second: with its number, with 404 while it is empty, with an error while it is away."""

    def __init__(self) -> None:
        self.client = MagentoClient("shop1", site(), self)
        self.calls: list[tuple[str, Any]] = []
        self.is_empty = False
        self.is_away = False

    async def request(self, method: str, path: str, *, query: Any = None, **_rest: Any) -> Answer:
        self.calls.append((path, query))
        await asyncio.sleep(1)
        if self.is_away:
            raise TargetUnavailable("nobody answers")
        return Answer(404, None) if self.is_empty else Answer(200, {"items": [{"call": len(self.calls)}]})

    async def amend(self, *_arguments: Any, **_options: Any) -> Answer | None:
        raise NotImplementedError

    async def state_of(self, request_id: str) -> RequestState | None:
        return None


def test_it_is_asked_for_again_when_its_time_is_over_and_not_before() -> None:
    async def body() -> None:
        shop = Shop()
        first = await shop.client.static(COUNTRY, kept_s=60)
        await asyncio.sleep(58)
        assert await shop.client.static(COUNTRY, kept_s=60) == first
        await asyncio.sleep(3)
        assert await shop.client.static(COUNTRY, kept_s=60) == {"items": [{"call": 2}]}

    run_simulated(body())


def test_those_who_ask_at_the_same_time_share_one_call() -> None:
    async def body() -> None:
        shop = Shop()
        found = await asyncio.gather(*(shop.client.search("/V1/products", kept_s=60, entity_id="7") for _ in range(9)))
        assert found == [[{"call": 1}]] * 9

    run_simulated(body())


def test_other_questions_are_other_calls() -> None:
    async def body() -> None:
        shop = Shop()
        for entity_id in ("7", "8", "7"):
            await shop.client.search("/V1/products", kept_s=60, entity_id=entity_id)
        await shop.client.search("/V1/shipments", kept_s=60, entity_id="7")
        assert len(shop.calls) == 3
        await shop.client.search("/V1/products", entity_id="7")
        assert len(shop.calls) == 4, "kept only for those who say so"

    run_simulated(body())


def test_what_was_not_found_or_failed_is_not_kept() -> None:
    async def body() -> None:
        shop = Shop()
        shop.is_empty = True
        assert await shop.client.static(COUNTRY) is None
        shop.is_away = True
        with pytest.raises(TargetUnavailable):
            await shop.client.static(COUNTRY)
        shop.is_empty = shop.is_away = False
        assert await shop.client.static(COUNTRY) == {"items": [{"call": 3}]}

    run_simulated(body())


def test_one_that_is_cut_off_leaves_the_call_to_the_next() -> None:
    async def body() -> None:
        shop = Shop()
        asking = [asyncio.create_task(shop.client.static(COUNTRY)) for _ in range(3)]
        await asyncio.sleep(0.5)
        asking[0].cancel()
        ends = await asyncio.gather(*asking, return_exceptions=True)
        assert ends[1:] == [{"items": [{"call": 2}]}] * 2

    run_simulated(body())
