"""Logins at a shop: signatures as oauthlib and the sandbox check them, and what a refusal says is to be done."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint
from tests.support.logins import KEYS, Handler, admin_section, oauth_section, secret, serving

from bridge_common.errors import AccessDenied, BridgeError, ConfigError
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import MagentoRest
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.shop.access import AccessSettings
from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.server import ShopSettings, running_shop


class Validator(RequestValidator):  # type: ignore[misc,unused-ignore]
    """oauthlib's server side, for the one integration."""

    enforce_ssl = False
    client_key_length = access_token_length = (3, 40)
    nonces: set[str]

    def __init__(self) -> None:
        super().__init__()
        self.nonces = set()

    def check_client_key(self, _key: str) -> bool:
        return True

    def check_access_token(self, _token: str) -> bool:
        return True

    def check_nonce(self, _nonce: str) -> bool:
        return True

    def validate_timestamp_and_nonce(
        self, client_key: str, timestamp: Any, nonce: str, request: Any,
        request_token: str | None = None, access_token: str | None = None,
    ) -> bool:  # fmt: skip
        is_new = nonce not in self.nonces
        self.nonces.add(nonce)
        return is_new

    def validate_client_key(self, key: str, _request: Any) -> bool:
        return key == KEYS.consumer_key

    def validate_access_token(self, _key: str, token: str, _request: Any) -> bool:
        return token == KEYS.token

    def validate_realms(self, *_arguments: Any, **_more: Any) -> bool:
        return True

    def get_client_secret(self, _key: str, _request: Any) -> str:
        return KEYS.consumer_secret

    def get_access_token_secret(self, _key: str, _token: str, _request: Any) -> str:
        return KEYS.token_secret

    @property
    def dummy_client(self) -> str:
        return "nobody"

    @property
    def dummy_access_token(self) -> str:
        return "nothing"


def verifying(seen: list[str], host: str = "") -> Handler:
    """200 to what oauthlib finds rightly signed, else Magento's 401."""
    endpoint = ResourceEndpoint(Validator())

    async def handle(request: web.Request) -> web.Response:
        url = f"http://{host or request.host}{request.raw_path}"
        valid, found = endpoint.validate_protected_resource_request(
            url, http_method=request.method, body=None, headers={"Authorization": request.headers["Authorization"]}
        )
        seen.append(found.signature_method if found is not None else "")
        if valid:
            return web.json_response({"items": []})
        return web.json_response({"message": "The signature is invalid. Verify and try again."}, status=401)

    return handle


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/V1/orders", [("searchCriteria[filter_groups][0][filters][0][value]", "2026-03-02 12:00:00")]),
        ("/V1/orders", [("searchCriteria[pageSize]", "1"), ("a", ""), ("a", "ä+&=%25/~")]),
        ("/V1/products/LAMP%2FDESK%201", None),
        ("/V1/products/NUT%2BM4", None),
    ],
)
async def test_oauthlib_s_own_server_accepts_the_signature(
    tmp_path: Path, path: str, query: list[tuple[str, str]] | None
) -> None:
    seen: list[str] = []
    async with serving(verifying(seen)) as url, MagentoRest(oauth_section(url, tmp_path)) as rest:
        assert await rest.read(path, query) == {"items": []}
        answer = await rest.send("POST", path, query, {"items": [{"qty": 1}]}, timeout_s=2)
    assert answer.status == 200
    assert seen == ["HMAC-SHA256"] * 2


async def test_every_request_has_a_signature_of_its_own(tmp_path: Path) -> None:
    async with serving(verifying([])) as url, MagentoRest(oauth_section(url, tmp_path)) as rest:
        await asyncio.gather(*(rest.read("/V1/orders") for _ in range(20)))


async def test_a_shop_that_sees_another_host_refuses_and_the_remedy_says_so(tmp_path: Path) -> None:
    async with (
        serving(verifying([], "inside.example.com")) as url,
        MagentoRest(oauth_section(url, tmp_path)) as rest,
    ):
        with pytest.raises(AccessDenied, match="answered 401: The signature is invalid") as refused:
            await rest.read("/V1/orders")
    assert "the signature covers scheme, host and port" in refused.value.hint


@pytest.mark.integration
async def test_the_sandbox_shop_takes_the_signature_where_it_takes_no_bearer_token(
    mariadb: MariaDB, shop_account: ShopAccount, tmp_path: Path
) -> None:
    database = DatabaseSettings(shop_account.database, shop_account.user, shop_account.password, mariadb.socket)
    settings = ShopSettings(database, KEYS.token, init=True, access=AccessSettings(bearer=False, oauth=KEYS))
    async with running_shop(settings) as shop:
        async with MagentoRest(oauth_section(shop.url, tmp_path)) as rest:
            assert (await rest.read("/V1/orders", [("searchCriteria[pageSize]", "1")]))["total_count"] >= 0
        bearer = MagentoSection(base_url=shop.url, token_file=secret(tmp_path, "token", KEYS.token))
        async with MagentoRest(bearer) as rest:
            with pytest.raises(AccessDenied) as refused:
                await rest.read("/V1/store/storeConfigs")
        assert "enable_integration_as_bearer 1" in refused.value.hint


# Refusals


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("The signature is invalid. Verify and try again.", "consumer_secret_file and access_token_secret_file"),
        ("A consumer having the specified key does not exist", "Check [magento] consumer_key"),
        ("Specified token does not exist", "Check [magento] access_token"),
        ("Incorrect timestamp value in the oauth_timestamp parameter", "Set this host's clock"),
        ("The consumer isn't authorized to access %resources.", "integration is active and may use this resource"),
    ],
)
async def test_refusals_of_a_signature_are_told_apart(tmp_path: Path, message: str, hint: str) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"message": message}, status=401)

    async with serving(refuse) as url, MagentoRest(oauth_section(url, tmp_path)) as rest:
        refused = await refusal(rest)
    assert hint in refused.hint
    assert refused.exit_code == 77


@pytest.mark.parametrize("table", ["magento", "sites.shop1.rest"])
async def test_a_remedy_names_the_table_of_whoever_logs_in(tmp_path: Path, table: str) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"message": "The consumer isn't authorized to access %resources."}, status=401)

    section = MagentoSection(base_url="http://x", token_file=secret(tmp_path, "token", "token"))
    async with (
        serving(refuse) as url,
        MagentoRest(section.model_copy(update={"base_url": url}), table=table) as rest,
    ):
        assert f"Check [{table}] token_file" in (await refusal(rest)).hint


async def refusal(rest: MagentoRest) -> BridgeError:
    with pytest.raises(AccessDenied) as refused:
        await rest.read("/V1/orders")
    return refused.value


@pytest.mark.parametrize("key", ["token_file", "admin_password_file", "access_token_secret_file"])
def test_a_secret_that_cannot_be_read_is_told_before_anything_is_sent(tmp_path: Path, key: str) -> None:
    sections = {
        "token_file": MagentoSection(base_url="http://x", token_file=secret(tmp_path, "token", "x")),
        "admin_password_file": admin_section("http://x", tmp_path),
        "access_token_secret_file": oauth_section("http://x", tmp_path),
    }
    section = sections[key].model_copy(update={key: tmp_path / "nothing"})
    with pytest.raises(ConfigError, match=rf"sites\.shop1\.rest\.{key}: the secret file .*nothing cannot be read"):
        MagentoRest(section, table="sites.shop1.rest")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "set exactly one login"),
        ({"token_file": "t", "admin_user": "a", "admin_password_file": "p"}, "set exactly one login"),
        ({"consumer_key": "k"}, "OAuth 1.0a needs consumer_key, consumer_secret_file"),
        ({"admin_user": "a"}, "needs admin_user and admin_password_file"),
    ],
)
def test_one_login_is_named_completely(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        MagentoSection(base_url="https://shop.example.com", **options)
