"""How the bridge proves itself to BNG: OAuth 2.0 client credentials, or a key in a header."""

import asyncio
import base64
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp

from bng_bridge.bng.profile import Login
from bng_bridge.config import Bng
from bridge_common.config import read_secret
from bridge_common.errors import AccessDenied, BridgeError, ConfigError, TargetUnavailable

UNTOLD_LIFE_S = 300.0
"""Of a token whose answer does not say how long it is good (RFC 6749 only recommends it)."""


class Auth(Protocol):
    async def headers(self) -> dict[str, str]: ...

    def refused(self) -> bool:
        """BNG said 401. True when another request may succeed (the token is fetched anew)."""
        ...


def auth_of(session: aiohttp.ClientSession, config: Bng, login: Login) -> Auth:
    """Raises ConfigError for a login that the profile does not have, and for a secret that cannot be read."""
    if config.api_key_file is not None:
        if not login.key_header:
            raise ConfigError(
                f"bng.api_key_file: profile {config.profile} has no login by key.",
                hint="Set client_id and client_secret_file in its place.",
            )
        return ApiKey(read_secret(config.api_key_file, key="bng.api_key_file"), login)
    if not login.token_path:
        raise ConfigError(
            f"bng.client_id: profile {config.profile} has no OAuth login.", hint="Set api_key_file in its place."
        )
    return ClientCredentials(session, config, login)


class ApiKey:
    def __init__(self, key: str, login: Login) -> None:
        self._headers = {login.key_header: login.key_value.format(key=key)}

    async def headers(self) -> dict[str, str]:
        return self._headers

    def refused(self) -> bool:
        return False


class ClientCredentials:
    """A bearer token, renewed at 80 % of its life; one renewal in flight."""

    def __init__(self, session: aiohttp.ClientSession, config: Bng, login: Login) -> None:
        assert config.client_id and config.client_secret_file  # noqa: PT018 # held by the configuration's own check
        secret = read_secret(config.client_secret_file, key="bng.client_secret_file")
        is_elsewhere = login.token_path.startswith(("https://", "http://"))
        self._session = session
        self._url = login.token_path if is_elsewhere else f"{config.base_url}{login.token_path}"
        self._client_id = config.client_id
        self._form, self._request_headers = _token_request(login, config.client_id, secret)
        self._timeout = aiohttp.ClientTimeout(total=config.timeout_s)
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
                self._url, data=self._form, headers=self._request_headers, timeout=self._timeout
            ) as response:
                status = response.status
                body = await response.json(content_type=None) if status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # Fetching a token executes nothing, whatever was lost.
            raise TargetUnavailable(f"POST {self._url}: {type(error).__name__} {error}".strip()) from error
        if status != 200:
            raise self._error(status)
        self._headers = {"Authorization": f"Bearer {_token_in(body, self._url)}"}
        self._renew_at = asyncio.get_running_loop().time() + 0.8 * _life_s(body)

    def _error(self, status: int) -> BridgeError:
        if status in (400, 401, 403):
            return AccessDenied(
                f"BNG refuses client {self._client_id!r} at {self._url} ({status}).",
                hint="Check [bng] client_id and client_secret_file against the client registered in BNG.",
            )
        return TargetUnavailable(f"{self._url} answered {status}")


def _token_in(body: Any, url: str) -> str:
    """Raises TargetUnavailable for an answer without one: a login page, or a token that no header can carry."""
    token = body.get("access_token") if isinstance(body, dict) else None
    if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
        raise TargetUnavailable(f"{url} answered 200 without an access_token")
    return token


def _life_s(body: dict[str, Any]) -> float:
    try:
        told_s = float(body["expires_in"])
    except (KeyError, TypeError, ValueError):
        return UNTOLD_LIFE_S
    return told_s if told_s > 0 else UNTOLD_LIFE_S


def _token_request(login: Login, client_id: str, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """(form, headers): the client names itself by basic authentication or in the form (RFC 6749, 2.3.1)."""
    form = {"grant_type": "client_credentials"}
    if login.scope:
        form["scope"] = login.scope
    if login.client == "form":
        return form | {"client_id": client_id, "client_secret": secret}, {}
    basic = base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()
    return form, {"Authorization": f"Basic {basic}"}
