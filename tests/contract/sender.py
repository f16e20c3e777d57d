"""Sends a recorded request to the sandbox: with its own ids, and credentials that stand as the recorded ones did."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, Client
from tests.contract.comparison import translate_filter
from tests.contract.contract_shop import KEYS, LIMITED_TOKEN, PHP_HOST, TOKEN, ContractShop
from tests.contract.identities import Identities, kind_of
from tests.contract.recording import Exchange

TIMEOUT_S = 20
ADMIN_TOKEN_LIFE_S = {"admin-jwt-1min": 60}
"""By the recording's word for the credentials: how long an admin token lived there."""
PATH_KINDS = {
    "orders": "order",
    "order": "order",
    "customers": "customer",
    "invoices": "invoice",
    "invoice": "invoice",
    "creditmemo": "creditmemo",
}
BODY_NOUNS = {"statusHistory": "history", "customer": "customer"}


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: Any


class Sender:
    """One client; remembers the admin token that it was last given."""

    def __init__(self, shop: ContractShop, identities: Identities) -> None:
        self._shop = shop
        self._identities = identities
        self._admin_token = ""
        self._logged_in: Exchange | None = None

    def send(self, exchange: Exchange, noun: str) -> Answer:
        """The sandbox's answer; `noun` says what the documents of the route are."""
        path = translate_path(self._identities, exchange.path)
        query = translate_query(self._identities, exchange.query, noun)
        target = f"{path}?{query}" if query else path
        headers = dict(exchange.headers) | self._credentials(exchange, target)
        url = self._shop.url_without_bearer if "disabled" in exchange.auth else self._shop.url
        answer = call(url, exchange.method, target, headers, payload(self._identities, exchange.body, noun))
        if exchange.path.endswith("/integration/admin/token") and answer.status == 200:
            self._admin_token, self._logged_in = answer.body, exchange
        return answer

    def _credentials(self, exchange: Exchange, target: str) -> dict[str, str]:
        match exchange.auth.partition("(")[0]:
            case "none" | "anonymous":
                return {}
            case "integration-bearer":
                return bearer(TOKEN)
            case "integration-limited":
                return bearer(LIMITED_TOKEN)
            case "integration-oauth1-sha256" | "integration-oauth1-sha1":
                return self._signed(exchange, target)
            case "admin-jwt" | "admin-jwt-1min":
                self._expire_if_due(exchange)
                return bearer(self._admin_token)
            case _:
                return bearer("a-token-that-nobody-gave-out")

    def _signed(self, exchange: Exchange, target: str) -> dict[str, str]:
        method = SIGNATURE_HMAC_SHA1 if exchange.auth.endswith("sha1") else SIGNATURE_HMAC_SHA256
        client = Client(KEYS.consumer_key, KEYS.consumer_secret, KEYS.token, KEYS.token_secret, signature_method=method)
        host = PHP_HOST if "without port" in exchange.name else urlsplit(self._shop.url).netloc
        _, headers, _ = client.sign(f"http://{host}{target.replace('[', '%5B').replace(']', '%5D')}")
        return {"Authorization": str(headers["Authorization"])}

    def _expire_if_due(self, exchange: Exchange) -> None:
        life_s = ADMIN_TOKEN_LIFE_S.get(exchange.auth)
        if life_s and self._logged_in and (exchange.at - self._logged_in.at).total_seconds() > life_s:
            self._shop.admin.post("/tokens/expire")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def translate_path(identities: Identities, path: str) -> str:
    """The path with the sandbox's ids."""
    parts = path.split("/")
    for place, (before, part) in enumerate(pairwise(parts), start=1):
        if before in PATH_KINDS and part.isdigit():
            parts[place] = identities.ours(PATH_KINDS[before], part)
    return "/".join(parts)


def translate_query(identities: Identities, query: str, noun: str) -> str:
    """The query with the sandbox's ids in the values of its filters; otherwise to the letter."""
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    sent = []
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        if name.endswith("[value]"):
            field = pairs[name.removesuffix("[value]") + "[field]"]
            ours = translate_filter(identities, noun, field, pairs[name])
            value = value if ours == pairs[name] else quote(str(ours))
        sent.append(f"{name}={value}")
    return "&".join(sent)


def payload(identities: Identities, body: Any, noun: str) -> bytes | None:
    """What goes over the wire; the recording keeps what is no JSON as text."""
    if body is None:
        return None
    if isinstance(body, dict) and "_raw" in body:
        return str(body["_raw"]).encode()
    if isinstance(body, dict) and body.get("password") == "REDACTED":
        body = body | {"password": TOKEN}
    return json.dumps(translate_body(identities, body, noun)).encode()


def translate_body(identities: Identities, value: Any, container: str, key: str = "") -> Any:
    """The body with the sandbox's ids."""
    if isinstance(value, dict):
        return {
            name: translate_body(identities, each, inside(container, name, each), name) for name, each in value.items()
        }
    if isinstance(value, list):
        return [translate_body(identities, each, container) for each in value]
    kind = kind_of(container, key, value)
    return value if kind is None else identities.ours(kind, value)


def inside(container: str, name: str, value: Any) -> str:
    """The noun of what stands under a name: an `entity` is what the route is about."""
    if not isinstance(value, dict | list) or name == "entity":
        return container
    return BODY_NOUNS.get(name, name)


def call(url: str, method: str, target: str, headers: dict[str, str], data: bytes | None) -> Answer:
    """One request, its path and query sent as they are."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    try:
        connection.request(method, target, data, headers)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    content_type = response.headers.get("Content-Type", "")
    body = json.loads(text) if content_type.startswith("application/json") else text
    return Answer(response.status, content_type, body)
