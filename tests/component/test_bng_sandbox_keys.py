"""How the sandbox BNG keeps a request from being done twice, and how it does not with --no-keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.profile import OWN, POOREST
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

CUSTOMERS = "/api/v1/customers"
DEADLINE_S = 5.0


class Bng:
    """A running BNG; `post` posts the sample customer."""

    def __init__(self, url: str, client: aiohttp.ClientSession, admin: aiohttp.ClientSession) -> None:
        self.url = url
        self.client = client
        self.admin = admin

    async def post(self, key: str | None, **changes: Any) -> tuple[int, dict[str, Any]]:
        headers = {} if key is None else {"Idempotency-Key": key}
        async with self.client.post(CUSTOMERS, json=samples.customer(**changes), headers=headers) as answer:
            return answer.status, await answer.json()

    async def count(self, **query: str) -> int:
        async with self.client.get(CUSTOMERS, params=query) as answer:
            return len((await answer.json())["items"])

    async def set_fault(self, **fault: Any) -> None:
        async with self.admin.post("/faults", json=fault) as answer:
            assert answer.status == 201

    async def until_hit(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                async with self.admin.get("/faults") as answer:
                    if (await answer.json())[0]["hits"]:
                        return


@asynccontextmanager
async def running_bng(path: Path, *, no_keys: bool = False) -> AsyncIterator[Bng]:
    settings = Settings(path, profile=POOREST if no_keys else OWN)
    headers = {"X-API-Key": settings.api_key}
    async with (
        serving(settings) as running,
        aiohttp.ClientSession(running.url, headers=headers) as client,
        aiohttp.ClientSession(running.admin_url) as admin,
    ):
        yield Bng(running.url, client, admin)


@pytest.fixture
async def bng(tmp_path: Path) -> AsyncIterator[Bng]:
    async with running_bng(tmp_path / "bng.sqlite") as running:
        yield running


async def test_a_post_without_a_key_is_refused(bng: Bng) -> None:
    status, problem = await bng.post(None)
    assert (status, problem["type"]) == (400, "urn:bng:problem:idempotency-key-missing")
    assert await bng.count() == 0


async def test_a_key_sent_again_brings_the_same_answer_and_no_second_record(bng: Bng) -> None:
    first = await bng.post("k1")
    assert first[0] == 201
    assert await bng.post("k1") == first
    assert await bng.post('"k1"') == first
    assert await bng.count() == 1


async def test_a_replay_carries_the_headers_of_the_first_answer(bng: Bng) -> None:
    _, created = await bng.post("k1")
    async with bng.client.post(CUSTOMERS, json=samples.customer(), headers={"Idempotency-Key": "k1"}) as answer:
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Location"] == f"{CUSTOMERS}/{created['CustomerID']}"
        assert answer.headers["Idempotent-Replayed"] == "true"


async def test_a_key_with_another_body_is_refused(bng: Bng) -> None:
    await bng.post("k1")
    status, problem = await bng.post("k1", LastName="Other")
    assert (status, problem["type"]) == (422, "urn:bng:problem:idempotency-key-reused")
    assert await bng.count() == 1


async def test_a_key_whose_request_was_refused_may_be_used_again(bng: Bng) -> None:
    assert (await bng.post("k1", CreditLimit="lots"))[0] == 422
    assert (await bng.post("k1"))[0] == 201


async def test_another_client_may_use_the_same_key(bng: Bng) -> None:
    await bng.post("k1")
    async with aiohttp.ClientSession(bng.url) as other:
        form = {"grant_type": "client_credentials"}
        headers = {"Authorization": aiohttp.encode_basic_auth(Settings.client_id, Settings.client_secret)}
        async with other.post("/oauth/token", data=form, headers=headers) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
        async with other.post(CUSTOMERS, json=samples.customer(), headers=headers) as answer:
            assert (answer.status, (await answer.json())["UpdatedBy"]) == (201, Settings.client_id)
    assert await bng.count() == 2


async def test_a_key_in_flight_is_refused_and_replayed_once_committed(bng: Bng) -> None:
    await bng.set_fault(kind="latency", method="POST", seconds=60)
    first = asyncio.create_task(bng.post("k1"))
    await bng.until_hit()

    status, problem = await bng.post("k1")
    assert (status, problem["type"]) == (409, "urn:bng:problem:idempotency-key-in-flight")

    await bng.admin.delete("/faults")
    assert (await first)[0] == 201
    assert await bng.post("k1") == await first
    assert await bng.count() == 1


async def test_a_write_whose_answer_is_held_is_replayed_to_another_request(bng: Bng) -> None:
    await bng.set_fault(kind="hold", method="POST")
    first = asyncio.create_task(bng.post("k1"))
    await bng.until_hit()
    again = await bng.post("k1")
    await bng.admin.delete("/faults")
    assert again == await first


async def test_a_write_whose_answer_was_cut_off_is_found_by_its_key(bng: Bng) -> None:
    await bng.set_fault(kind="cut_after", method="POST")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await bng.post("k1")
    assert (await bng.post("k1"))[0] == 201
    assert await bng.count() == 1


async def test_keys_outlive_a_restart(tmp_path: Path) -> None:
    async with running_bng(tmp_path / "bng.sqlite") as bng:
        first = await bng.post("k1")
    async with running_bng(tmp_path / "bng.sqlite") as bng:
        assert await bng.post("k1") == first


async def test_without_keys_every_post_creates_and_external_ids_repeat(tmp_path: Path) -> None:
    async with running_bng(tmp_path / "bng.sqlite", no_keys=True) as bng:
        assert (await bng.post("k1", ExternalID="7"))[0] == 201
        assert (await bng.post("k1", ExternalID="7"))[0] == 201
        assert (await bng.post(None, ExternalID="8"))[0] == 201
        assert await bng.count(external_id="7") == 2


async def test_without_keys_there_is_no_upsert_and_no_precondition(tmp_path: Path) -> None:
    async with running_bng(tmp_path / "bng.sqlite", no_keys=True) as bng:
        async with bng.client.put(f"{CUSTOMERS}/by-external-id/7", json=samples.customer()) as answer:
            assert answer.status == 404
        _, created = await bng.post(None)
        url = f"{CUSTOMERS}/{created['CustomerID']}"
        async with bng.client.patch(url, json={"Phone": "1"}, headers={"If-Match": '"77"'}) as answer:
            assert answer.status == 200
