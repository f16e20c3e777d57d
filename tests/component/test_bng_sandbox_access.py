"""Who may use the sandbox BNG, and how fast."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge_sandbox.bng.rate import Bucket
from bridge_sandbox.bng.server import Running, serving
from bridge_sandbox.bng.settings import Settings

CUSTOMERS = "/api/v1/customers"
FORM = {
    "grant_type": "client_credentials",
    "client_id": Settings.client_id,
    "client_secret": Settings.client_secret,
}


@asynccontextmanager
async def client_of(path: Path, **options: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, Running]]:
    async with (
        serving(Settings(path / "bng.sqlite", **options)) as running,
        aiohttp.ClientSession(running.url) as client,
    ):
        yield client, running


async def status_with(client: aiohttp.ClientSession, **headers: str) -> int:
    async with client.get(
        CUSTOMERS, headers={name.replace("_", "-"): text for name, text in headers.items()}
    ) as answer:
        return answer.status


async def token_from(client: aiohttp.ClientSession) -> str:
    async with client.post("/oauth/token", data=FORM) as answer:
        assert answer.status == 200
        token: str = (await answer.json())["access_token"]
        return token


async def test_a_token_opens_the_api(tmp_path: Path) -> None:
    async with client_of(tmp_path, token_life_s=600) as (client, _):
        async with client.post("/oauth/token", data=FORM) as answer:
            granted = await answer.json()
        assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 600)
        assert await status_with(client, Authorization=f"Bearer {granted['access_token']}") == 200


async def test_a_client_may_name_itself_by_basic_authentication(tmp_path: Path) -> None:
    async with client_of(tmp_path) as (client, _):
        headers = {"Authorization": aiohttp.encode_basic_auth(Settings.client_id, Settings.client_secret)}
        async with client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_token_is_not_given_to_everyone(
    tmp_path: Path, changes: dict[str, str], status: int, error: str
) -> None:
    async with (
        client_of(tmp_path) as (client, _),
        client.post("/oauth/token", data=FORM | changes) as answer,
    ):
        assert (answer.status, await answer.json()) == (status, {"error": error})


async def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    async with client_of(tmp_path, token_life_s=0) as (client, _):
        headers = {"Authorization": f"Bearer {await token_from(client)}"}
        async with client.get(CUSTOMERS, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (401, "application/problem+json")
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            assert (await answer.json())["type"] == "urn:bng:problem:unauthorized"


async def test_the_operator_expires_all_tokens_at_once(tmp_path: Path) -> None:
    async with client_of(tmp_path) as (client, running):
        token = await token_from(client)
        assert await status_with(client, Authorization=f"Bearer {token}") == 200
        async with client.post(f"{running.admin_url}/tokens/expire") as answer:
            assert answer.status == 200
        assert await status_with(client, Authorization=f"Bearer {token}") == 401


async def test_an_api_key_opens_the_api_too(tmp_path: Path) -> None:
    async with client_of(tmp_path, api_key="sesame") as (client, _):
        assert await status_with(client, X_API_Key="sesame") == 200
        assert await status_with(client, X_API_Key="wrong") == 401
        assert await status_with(client) == 401
        assert await status_with(client, Authorization="Basic x") == 401


async def test_what_comes_too_fast_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with client_of(tmp_path, rate=0.5) as (client, _):
        headers = {"X-API-Key": Settings.api_key}
        async with client.get(CUSTOMERS, headers=headers) as answer:
            assert answer.status == 200
            assert answer.headers["RateLimit"] == '"default";r=0;t=2'
            assert answer.headers["RateLimit-Policy"] == '"default";q=1;w=2'
        async with client.get(CUSTOMERS, headers=headers) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
            assert (await answer.json())["type"] == "urn:bng:problem:rate-limited"


def test_a_bucket_lets_through_its_size_at_once_and_then_its_rate() -> None:
    bucket = Bucket(4)
    now_s = time.monotonic() + 10
    assert [bucket.take(now_s) for _ in range(5)] == [True] * 4 + [False]
    assert [bucket.take(now_s + 0.25 * step) for step in range(1, 5)] == [True] * 4
    assert not bucket.take(now_s + 1.1)
    assert [bucket.take(now_s + 100) for _ in range(5)] == [True] * 4 + [False]
