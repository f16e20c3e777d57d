"""Pages that tile all ids, whatever the shop cannot show and whatever no packet can hold."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bng_bridge.magento import listing
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Listing, Page, by_ids, pages
from bridge_common.errors import BridgeError, OutcomeUnknown, RejectedByTarget, TargetUnavailable

THINGS = Listing("/V1/things", "entity_id,name")
PREFIX = "searchCriteria[filter_groups]"


@dataclass
class Shop:
    """A list of ids. A page that holds a broken one fails; so does one with more than `room`, as too large."""

    ids: list[int]
    broken: set[int] = field(default_factory=set)
    room: int = 1000
    hidden: set[int] = field(default_factory=set)
    queries: list[dict[str, str]] = field(default_factory=list)
    site: str = "shop1"

    async def get(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        assert path == "/V1/things"
        self.queries.append(query)
        above = [number for number in self.ids if number > _after(query)]
        page = above[: int(query["searchCriteria[pageSize]"])]
        if self.broken & set(page):
            raise OutcomeUnknown("500", answered=True)
        if len(page) > self.room:
            raise RejectedByTarget("too large", status=413)
        items = [{"entity_id": number} for number in page if number not in self.hidden]
        return {"items": items or None, "total_count": len(above)}

    async def listed(self) -> list[Page]:
        return [page async for page in pages(cast("MagentoClient", self), THINGS, [])]


def _after(query: dict[str, str]) -> int:
    return int(next(value for name, value in query.items() if name.endswith("[value]") and "[0][filters][0]" in name))


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 4)


def ids(found: list[Page]) -> list[int]:
    return [item["entity_id"] for page in found for item in page.items]


def assert_tiled(found: list[Page]) -> None:
    """No id lies between two tiles, and the last one reaches to the end."""
    assert [page.after for page in found] == [0, *(page.upto for page in found[:-1])]
    assert found[-1].upto is None


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 11])
async def test_all_are_listed_once_in_tiles(count: int) -> None:
    numbers = list(range(10, 10 + 3 * count, 3))
    found = await Shop(numbers).listed()
    assert ids(found) == numbers
    assert_tiled(found)


async def test_a_page_that_is_too_large_is_halved_and_stays_so() -> None:
    shop = Shop(list(range(1, 12)), room=1)
    found = await shop.listed()
    assert ids(found) == shop.ids
    assert_tiled(found)
    sizes = [int(query["searchCriteria[pageSize]"]) for query in shop.queries]
    assert sizes == [4, 2, *[1] * 12][: len(sizes)]


@pytest.mark.parametrize("broken", [1, 5, 6, 11])
async def test_a_record_that_cannot_be_shown_is_stepped_over_in_a_tile_of_its_own(broken: int) -> None:
    found = await Shop(list(range(1, 12)), {broken}).listed()
    assert ids(found) == [number for number in range(1, 12) if number != broken]
    assert_tiled(found)
    assert (broken - 1, broken) in [(page.after, page.upto) for page in found if not page.items]


async def test_a_gap_of_ids_before_a_broken_record_is_walked_through() -> None:
    found = await Shop([1, 9, 10], {9}).listed()
    assert ids(found) == [1, 10]
    assert_tiled(found)


async def test_a_shop_that_fails_as_a_whole_is_given_up() -> None:
    shop = Shop([1000], {1000})
    with pytest.raises(OutcomeUnknown):
        await shop.listed()
    assert len(shop.queries) < 30


@pytest.mark.parametrize("error", [RejectedByTarget("no", status=400), TargetUnavailable("away")])
async def test_what_no_smaller_page_mends_is_raised_at_once(error: BridgeError) -> None:
    shop = Shop([1])

    async def refuse(_path: str, _query: dict[str, str]) -> None:
        shop.queries.append({})
        raise error

    shop.get = refuse  # type: ignore[assignment, method-assign]
    with pytest.raises(type(error)):
        await shop.listed()
    assert len(shop.queries) == 1


async def test_a_short_page_is_not_the_last_while_there_are_more() -> None:
    """An extension may hide what the search has found."""
    shop = Shop([1, 2, 3, 4, 5, 6], hidden={2})
    found = await shop.listed()
    assert ids(found) == [1, 3, 4, 5, 6]
    assert_tiled(found)


@pytest.mark.parametrize("body", [None, {"items": [{"name": "x"}]}, {"items": [{"entity_id": "x"}]}, {"other": []}])
async def test_an_answer_in_another_form_is_not_taken_for_an_empty_list(body: Any) -> None:
    shop = Shop([1])

    async def answer(_path: str, _query: dict[str, str]) -> Any:
        return body

    shop.get = answer  # type: ignore[assignment, method-assign]
    with pytest.raises(TargetUnavailable):
        await shop.listed()


async def test_filters_of_a_list_are_alternatives_beside_the_ids() -> None:
    shop = Shop([])
    filters = [("created_at", "gteq", "2026-01-01 00:00:00"), ("updated_at", "gteq", "2026-01-01 00:00:00")]
    found = [page async for page in pages(cast("MagentoClient", FirstGroup(shop)), THINGS, filters, after=7)]
    (query,) = shop.queries
    assert found[0].after == 7
    assert [query[f"{PREFIX}[0][filters][{number}][field]"] for number in (0, 1)] == ["created_at", "updated_at"]
    assert query[f"{PREFIX}[1][filters][0][field]"] == "entity_id"
    assert query[f"{PREFIX}[1][filters][0][value]"] == "7"
    assert query["fields"] == "items[entity_id,name],total_count"


async def test_named_records_are_asked_for_in_pieces() -> None:
    shop = Shop([])
    assert [page async for page in by_ids(cast("MagentoClient", FirstGroup(shop)), THINGS, {9, 2, 5, 7, 8})]
    named = [query[f"{PREFIX}[0][filters][0][value]"] for query in shop.queries]
    assert named == ["2,5,7,8", "9"]


@dataclass
class FirstGroup:
    """A list that is empty whatever its filters are."""

    shop: Shop
    site: str = "shop1"

    async def get(self, _path: str, query: dict[str, str]) -> dict[str, Any]:
        self.shop.queries.append(query)
        return {"items": [], "total_count": 0}
