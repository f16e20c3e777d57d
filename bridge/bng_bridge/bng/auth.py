"""How the bridge proves itself to BNG: OAuth 2.0 client credentials, or an API key."""

import asyncio
import base64
from typing import Protocol
from urllib.parse import quote

import aiohttp

from bridge_common.errors import AccessDenied, BridgeError, TargetUnavailable


class Auth(Protocol):
    async def headers(self) -> dict[str, str]: ...

    def refused(self) -> bool:
        """BNG said 401. True when another request may succeed (the token is fetched anew)."""
        ...


class ApiKey:
    def __init__(self, key: str) -> None:
        self._headers = {"X-API-Key": key}

    async def headers(self) -> dict[str, str]:
        return self._headers

    def refused(self) -> bool:
        return False


class ClientCredentials:
    """A bearer token, renewed at 80 % of its life; one renewal in flight."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, client_id: str, secret: str, *, timeout_s: float
    ) -> None:
        self._session = session
        self._url = f"{base_url}/oauth/token"
        basic = base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()
        self._basic = {"Authorization": f"Basic {basic}"}
        self._client_id = client_id
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._headers: dict[str, str] = {}
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        if asyncio.get_running_loop().time() >= self._renew_at:
            async with self._renewing:
                if asyncio.get_running_loop().time() >= self._renew_at:
                    await self._renew()
        return self._headers

    def refused(self) -> bool:
        self._renew_at = 0.0
        return True

    async def _renew(self) -> None:
        try:
            async with self._session.post(
                self._url, data={"grant_type": "client_credentials"}, headers=self._basic, timeout=self._timeout
            ) as response:
                status = response.status
                body = await response.json(content_type=None) if status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # Fetching a token executes nothing, whatever was lost.
            raise TargetUnavailable(f"POST {self._url}: {type(error).__name__} {error}".strip()) from error
        if status != 200:
            raise self._error(status)
        self._headers = {"Authorization": f"Bearer {body['access_token']}"}
        self._renew_at = asyncio.get_running_loop().time() + 0.8 * float(body["expires_in"])

    def _error(self, status: int) -> BridgeError:
        if status in (400, 401, 403):
            return AccessDenied(
                f"BNG refuses client {self._client_id!r} at {self._url} ({status}).",
                hint="Check [bng] client_id and client_secret_file against the client registered in BNG.",
            )
        return TargetUnavailable(f"{self._url} answered {status}")
