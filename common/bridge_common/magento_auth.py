"""How a program proves itself to Magento: bearer token, OAuth 1.0a signature, or an admin's login.

A bearer integration token works only where `oauth/consumer/enable_integration_as_bearer` is on (off since 2.4.4); OAuth 1.0a
with HMAC-SHA256 always does. An admin token lives 60 minutes by default and is renewed before.
Missing, garbage, expired and insufficient credentials all give 401, with a text that names the resource at best.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from bridge_common.errors import AccessDenied

ADMIN_TOKEN_LIFE_S = 0.8 * 3600
REFUSED_FOR_S = 60.0
"""Magento locks an account after a few failed logins: a refused one is not repeated at every request."""

Headers = dict[str, str]


class Auth(Protocol):
    async def headers(self, method: str, url: str) -> Headers:
        """For one request to exactly this URL. Raises what fetching a token raises."""
        ...

    def refused(self, headers: Headers) -> bool:
        """Magento said 401 to these. True when the same request may succeed once more."""
        ...


class Bearer:
    def __init__(self, token: str) -> None:
        self._headers = _bearer(token)

    async def headers(self, method: str, url: str) -> Headers:
        return self._headers

    def refused(self, headers: Headers) -> bool:
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

    async def headers(self, method: str, url: str) -> Headers:
        """A JSON body is no part of an OAuth 1.0a signature (RFC 5849, 3.4.1.3)."""
        _, headers, _ = self._client.sign(url, http_method=cast(Any, method))
        return {str(name): str(value) for name, value in headers.items()}

    def refused(self, headers: Headers) -> bool:
        return False


class AdminLogin:
    """`fetch` logs in and returns a token; one login in flight, repeated before the token ends and after a 401."""

    def __init__(self, fetch: Callable[[], Awaitable[str]], *, life_s: float = ADMIN_TOKEN_LIFE_S) -> None:
        self._fetch = fetch
        self._life_s = life_s
        self._headers: Headers = {}
        self._renew_at_s = 0.0
        self._refusal: AccessDenied | None = None
        self._ask_again_at_s = 0.0
        self._renewing = asyncio.Lock()

    async def headers(self, method: str, url: str) -> Headers:
        """Raises AccessDenied when the login is refused, and for a minute after without asking."""
        if self._is_stale():
            async with self._renewing:
                if self._is_stale():
                    await self._renew()
        return self._headers

    def refused(self, headers: Headers) -> bool:
        """Of several requests that went out under one token, only the first ends it."""
        if headers is self._headers:
            self._headers = {}
        return True

    async def _renew(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._refusal is not None and now_s < self._ask_again_at_s:
            raise AccessDenied(self._refusal.message, hint=self._refusal.hint)
        try:
            self._headers = _bearer(await self._fetch())
        except AccessDenied as error:
            self._refusal, self._ask_again_at_s = error, now_s + REFUSED_FOR_S
            raise
        # From before the login: the token's life began at the shop, at some moment after it.
        self._refusal, self._renew_at_s = None, now_s + self._life_s

    def _is_stale(self) -> bool:
        return not self._headers or asyncio.get_running_loop().time() >= self._renew_at_s


def _bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}
