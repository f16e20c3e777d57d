"""Who may call: the integration by its token or its signature, an administrator by a token that ends.

An integration's token is accepted as Bearer only where `oauth/consumer/enable_integration_as_bearer` is on; its
OAuth signature always is. Missing, garbage, expired and insufficient tokens get one and the same 401.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import MagentoError, required, unauthorised
from bridge_sandbox.shop.signature import OAuthKeys, Signatures

ADMIN_TOKEN_LIFE_S = 3600.0
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class AccessSettings:
    """How the shop is set up for integrations.

    `limited` has the resources of further integrations by their tokens. `php_host` is the Host that PHP sees where a
    proxy changes it: signatures cover it.
    """

    bearer: bool = True
    oauth: OAuthKeys | None = None
    admin_token_life_s: float = ADMIN_TOKEN_LIFE_S
    limited: Mapping[str, frozenset[str]] = field(default_factory=dict)
    php_host: str | None = None


class Access:
    """The gate of one shop: `token` is the integration's. Admin tokens are known to this process only."""

    def __init__(self, token: str, settings: AccessSettings) -> None:
        self._token = token
        self._settings = settings
        self._signatures = Signatures(settings.oauth, settings.php_host)
        self._admin_tokens: dict[str, float] = {}

    def check(self, request: web.Request, resource: str) -> None:
        """Raise Magento's 401, or its 400 for a signature that it cannot even check."""
        if resource == ANONYMOUS:
            return
        header = request.headers.get("Authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "oauth":
            self._signatures.check(request, header)
        elif scheme.lower() != "bearer" or not self._is_admitted(token, resource):
            raise unauthorised(resource)

    def log_in(self, body: Document) -> str:
        """A new admin token for any name and the password that is the integration's token; raises 400 and 401."""
        for name in ("username", "password"):
            if name not in body:
                raise required(name)
        if body["password"] != self._token:
            raise MagentoError(
                401,
                "The account sign-in was incorrect or your account is disabled temporarily. "
                "Please wait and try again later.",
            )
        token = secrets.token_urlsafe(24)
        self._admin_tokens[token] = time.monotonic() + self._settings.admin_token_life_s
        return token

    def expire_admin_tokens(self) -> int:
        """End all admin tokens now; how many there were."""
        count = len(self._admin_tokens)
        self._admin_tokens.clear()
        return count

    def _is_admitted(self, token: str, resource: str) -> bool:
        if time.monotonic() < self._admin_tokens.get(token, 0.0):
            return True
        if not self._settings.bearer:
            return False
        return token == self._token or resource in self._settings.limited.get(token, ())
