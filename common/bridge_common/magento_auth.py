"""How a program proves itself to Magento: bearer token, OAuth 1.0a signature, or an admin's login.

A bearer integration token works only where `oauth/consumer/enable_integration_as_bearer` is on (off since 2.4.4); OAuth 1.0a
with HMAC-SHA256 always does. An admin token lives 60 minutes by default and is renewed before.
Missing, garbage, expired and insufficient credentials all give 401, with a text that names the resource at best.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

ADMIN_TOKEN_LIFE_S = 0.8 * 3600


class Auth(Protocol):
    async def headers(self, method: str, url: str) -> dict[str, str]:
        """For one request to exactly this URL. Raises what fetching a token raises."""
        ...

    def refused(self) -> bool:
        """Magento said 401. True when the same request may succeed once more."""
        ...


class Bearer:
    def __init__(self, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}

    async def headers(self, method: str, url: str) -> dict[str, str]:
        return self._headers

    def refused(self) -> bool:
        return False


class OAuth1:
    """Signs the URL as PHP sees it: behind a proxy that changes the host, set base_url to the shop's own."""

    def __init__(self, consumer_key: str, consumer_secret: str, token: str, token_secret: str) -> None:
        self._client = Client(
            consumer_key,
            client_secret=consumer_secret,
            resource_owner_key=token,
            resource_owner_secret=token_secret,
            signature_method=SIGNATURE_HMAC_SHA256,
        )

    async def headers(self, method: str, url: str) -> dict[str, str]:
        """A JSON body is no part of an OAuth 1.0a signature (RFC 5849, 3.4.1.3)."""
        _, headers, _ = self._client.sign(url, http_method=cast(Any, method))
        return {str(name): str(value) for name, value in headers.items()}

    def refused(self) -> bool:
        return False


class AdminLogin:
    """`fetch` logs in and returns a token; one login in flight, repeated before the token ends and after a 401."""

    def __init__(self, fetch: Callable[[], Awaitable[str]], *, life_s: float = ADMIN_TOKEN_LIFE_S) -> None:
        self._fetch = fetch
        self._life_s = life_s
        self._token = ""
        self._renew_at_s = 0.0
        self._renewing = asyncio.Lock()

    async def headers(self, method: str, url: str) -> dict[str, str]:
        if self._is_stale():
            async with self._renewing:
                if self._is_stale():
                    self._token = await self._fetch()
                    self._renew_at_s = asyncio.get_running_loop().time() + self._life_s
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self) -> bool:
        self._token = ""
        return True

    def _is_stale(self) -> bool:
        return not self._token or asyncio.get_running_loop().time() >= self._renew_at_s
