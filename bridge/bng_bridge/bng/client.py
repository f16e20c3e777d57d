"""BNG's REST API: paths, headers, error forms. Knows no flow and no binding.

A call's class is its resource, the first part of its path. Tokens are no calls.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from bng_bridge import http
from bng_bridge.bng import problems
from bng_bridge.bng.auth import ApiKey, Auth, ClientCredentials
from bng_bridge.config import Bng
from bng_bridge.throttle import Throttle
from bridge_common.config import read_secret
from bridge_common.errors import AccessDenied, OutcomeUnknown, RejectedByTarget, TargetPaused
from bridge_common.http import Answer

PAGE = 100


class BngClient:
    """Reads take a throttle slot of their own; a write runs inside the slot that `deliver` took."""

    def __init__(self, session: aiohttp.ClientSession, config: Bng) -> None:
        self.config = config
        self.throttle = Throttle(
            "BNG", requests_per_s=config.requests_per_s, concurrency=config.concurrency, limits=config.limits
        )
        self._session = session
        self._base = f"{config.base_url}/api/v1"
        self._auth = _auth(session, config)

    async def check(self) -> None:
        """One harmless read. Raises AccessDenied or TargetUnavailable with a remedy."""
        try:
            await self._request("GET", "customers", query={"limit": "1"})
        except TargetPaused as error:
            raise AccessDenied(error.message, hint=error.hint) from error
        except RejectedByTarget as error:
            raise AccessDenied(
                f"BNG at {self.config.base_url} does not answer like BNG: {error.message}",
                hint="Check [bng] base_url: it is the address before /api/v1.",
            ) from error

    async def get(self, path: str) -> dict[str, Any] | None:
        """The record, or None when BNG has none (404)."""
        async with self.throttle.slot(endpoint_of(path)):
            answer = await self._request("GET", path, accept=(404,))
        return None if answer.status == 404 else dict(answer.body)

    async def search(self, resource: str, **filters: str) -> list[dict[str, Any]]:
        return [item async for item in self.pages(resource, **filters)]

    async def pages(self, resource: str, **filters: str) -> AsyncIterator[dict[str, Any]]:
        """Every record that matches, page by page."""
        query = {"limit": str(PAGE), **filters}
        while True:
            async with self.throttle.slot(resource):
                answer = await self._request("GET", resource, query=query)
            for item in answer.body["items"]:
                yield item
            cursor = answer.body.get("next_cursor")
            if not cursor:
                return
            query["cursor"] = cursor

    async def write(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        *,
        headers: dict[str, str],
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """Raises as http.send does, and RejectedByTarget on any 4xx that is not in `accept`."""
        await self.throttle.begin(endpoint_of(path))
        return await self._request(method, path, body=body, headers=headers, accept=accept)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        url = f"{self._base}/{path}"
        clock = asyncio.get_running_loop().time
        ends_at_s = clock() + self.config.timeout_s
        for last in (False, True):
            login = await self._login()
            answer = await http.send(
                self._session, method, url, timeout_s=max(ends_at_s - clock(), 0.001), query=query, body=body,
                headers={**(headers or {}), **login},
            )  # fmt: skip
            self.throttle.heed(answer)
            if answer.status != 401 or last or not self._auth.refused():
                break
            await self.throttle.again(endpoint_of(path))
        if answer.status in accept or answer.status < 400:
            return answer
        raise _error(method, url, answer)

    async def _login(self) -> dict[str, str]:
        try:
            return await self._auth.headers()
        except AccessDenied as error:
            # Once running, a refused login pauses BNG for all; it is no single event's fault.
            raise TargetPaused(error.message, hint=error.hint, delay_s=15) from error


def endpoint_of(path: str) -> str:
    return path.partition("/")[0]


def _auth(session: aiohttp.ClientSession, config: Bng) -> Auth:
    if config.api_key_file is not None:
        return ApiKey(read_secret(config.api_key_file, key="bng.api_key_file"))
    assert config.client_id and config.client_secret_file  # noqa: PT018 # held by the configuration's own check
    secret = read_secret(config.client_secret_file, key="bng.client_secret_file")
    return ClientCredentials(session, config.base_url, config.client_id, secret, timeout_s=config.timeout_s)


def _error(method: str, url: str, answer: Answer) -> Exception:
    """RFC 9457 problem+json to the tree of errors. A 401 pauses the target: credentials are not one event's fault."""
    message = problems.sentence(method, url, answer)
    if answer.status in (401, 403):
        return TargetPaused(message, hint="Check the credentials under [bng].", delay_s=15)
    if answer.status >= 500:
        return OutcomeUnknown(message, answered=True)
    return problems.rejected(message, answer)
