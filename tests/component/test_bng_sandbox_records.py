"""The sandbox BNG's records: writing, reading, listing, and what it refuses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.catalogue import PRODUCTS, STOCKED

CUSTOMERS = "/api/v1/customers"
BY_EXTERNAL_ID = f"{CUSTOMERS}/by-external-id"


@pytest.fixture
async def bng(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    settings = Settings(tmp_path / "bng.sqlite")
    async with serving(settings) as running:
        headers = {"X-API-Key": settings.api_key}
        async with aiohttp.ClientSession(running.url, headers=headers) as client:
            yield client


async def put(bng: aiohttp.ClientSession, external_id: str, **changes: Any) -> dict[str, Any]:
    async with bng.put(f"{BY_EXTERNAL_ID}/{external_id}", json=samples.customer(**changes)) as answer:
        assert answer.status in {200, 201}, await answer.text()
        record: dict[str, Any] = await answer.json()
        return record


async def listed(bng: aiohttp.ClientSession, resource: str, **query: str) -> list[dict[str, Any]]:
    async with bng.get(f"/api/v1/{resource}", params=query) as answer:
        assert answer.status == 200, await answer.text()
        items: list[dict[str, Any]] = (await answer.json())["items"]
        return items


async def test_the_first_put_creates_and_the_second_updates_the_same_record(bng: aiohttp.ClientSession) -> None:
    async with bng.put(f"{BY_EXTERNAL_ID}/7", json=samples.customer()) as answer:
        created = await answer.json()
        assert answer.status == 201
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Location"] == f"{CUSTOMERS}/{created['CustomerID']}"
    async with bng.put(f"{BY_EXTERNAL_ID}/7", json={"Phone": "0301"}) as answer:
        updated = await answer.json()
        assert (answer.status, answer.headers["ETag"]) == (200, '"2"')

    assert created["CustomerID"] == "C-100001"
    assert created["UpdatedBy"] == "api-key"
    assert updated == created | {"Phone": "0301", "Version": 2, "UpdatedAt": updated["UpdatedAt"]}
    assert updated["UpdatedAt"] > created["UpdatedAt"]


async def test_if_none_match_star_refuses_to_update(bng: aiohttp.ClientSession) -> None:
    headers = {"If-None-Match": "*"}
    async with bng.put(f"{BY_EXTERNAL_ID}/7", json=samples.customer(), headers=headers) as answer:
        assert answer.status == 201
    async with bng.put(f"{BY_EXTERNAL_ID}/7", json=samples.customer(), headers=headers) as answer:
        assert (answer.status, answer.headers["ETag"]) == (412, '"1"')
        assert (await answer.json())["type"] == "urn:bng:problem:precondition-failed"


async def test_if_match_refuses_a_version_that_has_passed(bng: aiohttp.ClientSession) -> None:
    url = f"{CUSTOMERS}/{(await put(bng, '7'))['CustomerID']}"
    async with bng.patch(url, json={"Phone": "1"}, headers={"If-Match": '"1"'}) as answer:
        assert answer.status == 200
    async with bng.patch(url, json={"Phone": "2"}, headers={"If-Match": '"1"'}) as answer:
        assert answer.status == 412
    async with bng.put(f"{BY_EXTERNAL_ID}/8", json=samples.customer(), headers={"If-Match": "*"}) as answer:
        assert answer.status == 412
    async with bng.get(url) as answer:
        assert (await answer.json())["Phone"] == "1"


async def test_an_external_id_is_held_by_one_record_only(bng: aiohttp.ClientSession) -> None:
    await put(bng, "7")
    other = await put(bng, "8")
    async with bng.patch(f"{CUSTOMERS}/{other['CustomerID']}", json={"ExternalID": "7"}) as answer:
        assert answer.status == 409
        assert (await answer.json())["type"] == "urn:bng:problem:duplicate-external-id"


async def test_amounts_are_decimal_strings_whether_sent_as_string_or_number(bng: aiohttp.ClientSession) -> None:
    body = b'{"CreditLimit": 12345678901234.10, "LastName": "B"}'
    async with bng.put(f"{BY_EXTERNAL_ID}/7", data=body) as answer:
        assert (await answer.json())["CreditLimit"] == "12345678901234.10"
    assert (await put(bng, "7", CreditLimit="5"))["CreditLimit"] == "5.00"
    assert (await put(bng, "7", CreditLimit=7))["CreditLimit"] == "7.00"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"CreditLimit": "1,5"}, "/CreditLimit"),
        ({"CreditLimit": True}, "/CreditLimit"),
        ({"BillingAddress": {"Street": 5}}, "/BillingAddress/Street"),
        ({"BillingAddress": {"Planet": "Mars"}}, "/BillingAddress/Planet"),
        ({"Nickname": "I"}, "/Nickname"),
        ({"a/b~c": "I"}, "/a~1b~0c"),
    ],
)
async def test_a_wrong_field_is_refused_with_a_pointer_to_it(
    bng: aiohttp.ClientSession, changes: dict[str, Any], pointer: str
) -> None:
    async with bng.put(f"{BY_EXTERNAL_ID}/7", json=samples.customer(**changes)) as answer:
        problem = await answer.json()
        assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert problem["type"] == "urn:bng:problem:validation"
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await listed(bng, "customers") == []


async def test_a_record_that_was_read_can_be_sent_back_whole(bng: aiohttp.ClientSession) -> None:
    record = await put(bng, "7")
    async with bng.put(f"{BY_EXTERNAL_ID}/7", json=record) as answer:
        assert (await answer.json())["Version"] == 2


async def test_a_body_that_is_not_json_is_malformed(bng: aiohttp.ClientSession) -> None:
    for body in (b"{", b'{"CreditLimit": NaN}', b"\xff"):
        async with bng.put(f"{BY_EXTERNAL_ID}/7", data=body) as answer:
            assert answer.status == 400
            assert (await answer.json())["type"] == "urn:bng:problem:malformed"


async def test_what_does_not_exist_is_a_problem_too(bng: aiohttp.ClientSession) -> None:
    async with bng.get(f"{CUSTOMERS}/C-1") as answer:
        assert (answer.status, (await answer.json())["type"]) == (404, "urn:bng:problem:not-found")
    async with bng.get("/api/v1/moods") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
    async with bng.delete(CUSTOMERS) as answer:
        assert (answer.status, answer.content_type) == (405, "application/problem+json")


async def test_an_external_id_may_hold_any_character(bng: aiohttp.ClientSession) -> None:
    async with bng.put(f"{BY_EXTERNAL_ID}/a%2Fb%20%2B%25", json=samples.customer()) as answer:
        assert (await answer.json())["ExternalID"] == "a/b +%"
    assert len(await listed(bng, "customers", external_id="a/b +%")) == 1


async def test_a_list_is_read_page_by_page_in_order_of_change(bng: aiohttp.ClientSession) -> None:
    for external_id in ("1", "2", "3", "4", "5", "1"):
        await put(bng, external_id)
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        async with bng.get(CUSTOMERS, params=query) as answer:
            page = await answer.json()
        seen += [item["ExternalID"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": "2", "cursor": page["next_cursor"]}
    assert seen == ["2", "3", "4", "5", "1"]


async def test_updated_since_includes_its_own_instant(bng: aiohttp.ClientSession) -> None:
    await put(bng, "1")
    second = await put(bng, "2")
    await put(bng, "3")
    found = await listed(bng, "customers", updated_since=second["UpdatedAt"])
    assert [item["ExternalID"] for item in found] == ["2", "3"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"cursor": "%"},
        {"cursor": "5"},
        {"updated_since": "yesterday"},
        {"updated_since": "2025-01-01T00:00:00"},
        {"updated_sinse": "2025-01-01T00:00:00Z"},
    ],
)
async def test_a_list_with_an_unreadable_query_is_refused(bng: aiohttp.ClientSession, query: dict[str, str]) -> None:
    async with bng.get(CUSTOMERS, params=query) as answer:
        assert answer.status == 400


async def test_a_new_bng_knows_the_catalogue_and_its_opening_stock(bng: aiohttp.ClientSession) -> None:
    products = {item["SKU"] for item in await listed(bng, "products")}
    assert products == {product.sku for product in PRODUCTS} | {
        "ROUNDING",
        "GIFT-CARD",
        "STORE-CREDIT",
        "REWARD-POINTS",
    }
    stock = {item["SKU"]: item["QuantityAvailable"] for item in await listed(bng, "inventory-items")}
    assert stock == {product.sku: str(product.opening_stock) for product in STOCKED}
    assert len(await listed(bng, "inventory-items", sku="LAMP/DESK 1", warehouse="MAIN")) == 1
    assert await listed(bng, "inventory-items", sku="LAMP/DESK 1", warehouse="ATTIC") == []


async def test_a_product_is_put_by_its_sku(bng: aiohttp.ClientSession) -> None:
    url = "/api/v1/products/by-sku/LAMP%2FDESK%201"
    async with bng.put(url, json={"Name": "Lamp"}) as answer:
        assert (answer.status, (await answer.json())["SKU"]) == (200, "LAMP/DESK 1")
    async with bng.put("/api/v1/products/by-sku/VASE", json={"Name": "Vase"}) as answer:
        assert (answer.status, (await answer.json())["Active"]) == (201, True)
