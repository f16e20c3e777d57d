"""Who is calling: OAuth 2.0 client credentials (RFC 6749, 4.4) or an API key."""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge_sandbox.bng.problems import UNAUTHORIZED, Problem
from bridge_sandbox.bng.settings import Settings

ACTOR = web.RequestKey("actor", str)
DOCUMENT_PATH = "/api/v1/openapi.json"
API_KEY_ACTOR = "api-key"


class Auth:
    """The tokens issued by this run; a restart forgets them, and clients must ask anew."""

    def __init__(self, settings: Settings, login: Mapping[str, str]) -> None:
        self._settings = settings
        self._login = login
        self.token_path = urlsplit(login["token_path"]).path
        self._key = login["key_value"].replace("{key}", settings.api_key)
        self._expires_s: dict[str, float] = {}

    @web.middleware
    async def require(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nobody unknown pass, except to the token and to the description of the API."""
        if request.path not in (self.token_path, DOCUMENT_PATH):
            request[ACTOR] = self._actor(request)
        return await handler(request)

    async def issue(self, request: web.Request) -> web.Response:
        """POST to the token's path: the client's id and secret in the form or by basic authentication."""
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        if self._login["scope"] and form.get("scope") != self._login["scope"]:
            return web.json_response({"error": "invalid_scope"}, status=400)
        if self._login["client"] == "form" and basic_credentials(request):
            return web.json_response({"error": "invalid_client"}, status=401)
        client_id, secret = basic_credentials(request) or (str(form.get("client_id")), str(form.get("client_secret")))
        known = self._settings.client_id, self._settings.client_secret
        if not (same(client_id, known[0]) and same(secret, known[1])):
            return web.json_response({"error": "invalid_client"}, status=401)
        token = secrets.token_urlsafe(32)
        self._expires_s[token] = time.monotonic() + self._settings.token_life_s
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self._settings.token_life_s}
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def expire_all(self) -> None:
        """All tokens count as expired from now on."""
        self._expires_s.clear()

    def _actor(self, request: web.Request) -> str:
        header = self._login["key_header"]
        if (key := request.headers.get(header or "-")) is not None:
            if same(key, self._key):
                return API_KEY_ACTOR
            if header != "Authorization" or not self.token_path:
                raise refusal("the API key is not valid")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise refusal(f"a bearer token or {header or 'no key'} is needed")
        if self._expires_s.get(token, 0.0) <= time.monotonic():
            raise refusal("the token is expired or unknown", ' error="invalid_token"')
        return self._settings.client_id


def refusal(detail: str, challenge: str = "") -> Problem:
    """401 with the challenge of RFC 6750."""
    return Problem(UNAUTHORIZED, detail, headers={"WWW-Authenticate": f"Bearer{challenge}"})


def basic_credentials(request: web.Request) -> tuple[str, str] | None:
    """Name and password of an Authorization: Basic header, None without a readable one."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password


def same(given: str, known: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given.encode(), known.encode())
