"""OAuth 1.0a signatures as Magento checks them: HMAC-SHA256 over the URL that PHP sees.

A JSON body is not covered. HMAC-SHA1 was taken out of Magento and is refused with 400 before anything is compared.
"""

import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from aiohttp import web
from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature

from bridge_sandbox.shop.errors import MagentoError, required

METHOD = "HMAC-SHA256"
REQUIRED = ("consumer_key", "signature", "signature_method", "nonce", "timestamp", "token")
CLOCK_TOLERANCE_S = 600
NONCES_KEPT = 10_000


@dataclass(frozen=True)
class OAuthKeys:
    """The four strings that an integration's page shows."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


class Signatures:
    """Checks signatures of the one integration; remembers its nonces."""

    def __init__(self, keys: OAuthKeys | None, php_host: str | None = None) -> None:
        self._keys = keys
        self._php_host = php_host
        self._nonces: dict[tuple[str, str], None] = {}

    def check(self, request: web.Request, header: str) -> None:
        """Raise 400 for what is missing or not supported, 401 for keys, nonces and signatures that are wrong."""
        parameters = dict(read_header(header))
        refuse_incomplete(parameters)
        if self._keys is None or parameters["oauth_consumer_key"] != self._keys.consumer_key:
            raise MagentoError(401, "A consumer having the specified key does not exist")
        self._use_nonce(parameters["oauth_nonce"], parameters["oauth_timestamp"])
        if parameters["oauth_token"] != self._keys.token:
            raise MagentoError(401, "Specified token does not exist")
        expected = sign(request, header, self._keys, self._php_host or request.host)
        if parameters["oauth_signature"] != expected:
            raise MagentoError(401, "The signature is invalid. Verify and try again.")

    def _use_nonce(self, nonce: str, timestamp: str) -> None:
        at_s = int(timestamp) if timestamp.isdigit() else 0
        if not 0 < at_s <= time.time() + CLOCK_TOLERANCE_S:
            raise MagentoError(401, "Incorrect timestamp value in the oauth_timestamp parameter")
        if (nonce, timestamp) in self._nonces:
            raise MagentoError(401, "The nonce is already being used by the consumer with ID %1", [1])
        if len(self._nonces) >= NONCES_KEPT:
            self._nonces.pop(next(iter(self._nonces)))
        self._nonces[nonce, timestamp] = None


def read_header(header: str) -> list[tuple[str, str]]:
    """The OAuth parameters of an Authorization header; none of one that is garbled."""
    try:
        return signature.collect_parameters(headers={"Authorization": header}, exclude_oauth_signature=False)
    except ValueError:
        return []


def refuse_incomplete(parameters: dict[str, str]) -> None:
    """Raise the 400 of a missing parameter or another method."""
    for name in REQUIRED:
        if f"oauth_{name}" not in parameters:
            raise required(f"oauth_{name}")
    if parameters.get("oauth_version", "1.0") != "1.0":
        raise MagentoError(400, 'The "%1" Oauth version isn\'t supported.', [parameters["oauth_version"]])
    if parameters["oauth_signature_method"] != METHOD:
        raise MagentoError(400, "Signature method %1 is not supported", [parameters["oauth_signature_method"]])


def sign(request: web.Request, header: str, keys: OAuthKeys, host: str) -> str:
    """The signature that this request should have."""
    path, _, query = request.raw_path.partition("?")
    # Read here, leniently: clients send brackets in a query as they are, which oauthlib does not take.
    parameters = [
        *((name, value) for name, value in read_header(header) if name != "oauth_signature"),
        *parse_qsl(query, keep_blank_values=True),
    ]
    base = signature.signature_base_string(
        cast(Any, request.method),
        signature.base_string_uri(f"{request.scheme}://{host}{path}"),
        signature.normalize_parameters(cast(Any, parameters)),
    )
    client = Client(keys.consumer_key, client_secret=keys.consumer_secret, resource_owner_secret=keys.token_secret)
    return str(cast(Any, signature).sign_hmac_sha256_with_client(base, client))
