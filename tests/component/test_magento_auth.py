"""The three logins at a shop: what they send, how they are renewed, and what a refusal says is to be done."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint
from tests.support.simulated import run_simulated

from bridge_common.errors import AccessDenied, BridgeError, ConfigError, TargetUnavailable
from bridge_common.magento_auth import REFUSED_FOR_S, AdminLogin
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import MagentoRest
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.shop.access import AccessSettings
from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.server import ShopSettings, running_shop
from bridge_sandbox.shop.signature import OAuthKeys

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEYS = OAuthKeys("consumer-key", "consumer-secret", "access-token", "token-secret")
PASSWORD = "the admin's password"
SIGN_IN_FAILED = (
    "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later."
)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def secret(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text + "\n")
    return path


def oauth_section(url: str, folder: Path, **options: Any) -> MagentoSection:
    return MagentoSection(
        base_url=url, consumer_key=KEYS.consumer_key, access_token=KEYS.token,
        consumer_secret_file=secret(folder, "consumer-secret", KEYS.consumer_secret),
        access_token_secret_file=secret(folder, "token-secret", KEYS.token_secret), **options,
    )  # fmt: skip


def admin_section(url: str, folder: Path, **options: Any) -> MagentoSection:
    file = secret(folder, "password", PASSWORD)
    return MagentoSection(base_url=url, admin_user="bridge", admin_password_file=file, **options)


# OAuth 1.0a


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


# An admin user


class AdminShop:
    """Gives tokens for the password and takes those it has not revoked; `calls` are the paths that were let in."""

    def __init__(self) -> None:
        self.logins = 0
        self.tokens: set[str] = set()
        self.calls: list[str] = []
        self.login_answer: Callable[[], web.Response | None] = lambda: None
        self.hold_login = False

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.endswith("/integration/admin/token"):
            return await self._log_in(await request.json())
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.tokens:
            message = "The consumer isn't authorized to access %resources."
            body = {"message": message, "parameters": {"resources": "Magento_Sales::actions_view"}}
            return web.json_response(body, status=401)
        self.calls.append(f"{request.method} {request.path.removeprefix('/rest/all')}")
        return web.json_response({"items": []})

    async def _log_in(self, body: dict[str, str]) -> web.Response:
        self.logins += 1
        if self.hold_login:
            await asyncio.sleep(60)
        if answer := self.login_answer():
            return answer
        if body != {"username": "bridge", "password": PASSWORD}:
            return web.json_response({"message": SIGN_IN_FAILED}, status=401)
        self.tokens.add(token := secrets.token_hex(8))
        return web.json_response(token)


@asynccontextmanager
async def admin_shop(folder: Path, **options: Any) -> AsyncIterator[tuple[AdminShop, MagentoRest]]:
    shop = AdminShop()
    async with serving(shop.handle) as url, MagentoRest(admin_section(url, folder, **options)) as rest:
        yield shop, rest


async def test_an_admin_logs_in_once_for_many_requests(tmp_path: Path) -> None:
    async with admin_shop(tmp_path) as (shop, rest):
        await asyncio.gather(*(rest.read("/V1/orders") for _ in range(20)))
        await rest.read("/V1/orders")
    assert (shop.logins, len(shop.calls)) == (1, 21)


async def test_a_token_that_ended_early_is_renewed_and_the_request_made_again(tmp_path: Path) -> None:
    async with admin_shop(tmp_path) as (shop, rest):
        await rest.read("/V1/orders")
        shop.tokens.clear()
        answer = await rest.send("POST", "/V1/order/1/ship", body={}, timeout_s=2)
    assert answer.status == 200
    assert shop.calls == ["GET /V1/orders", "POST /V1/order/1/ship"]
    assert shop.logins == 2


async def test_requests_that_find_the_same_token_ended_renew_it_once(tmp_path: Path) -> None:
    async with admin_shop(tmp_path) as (shop, rest):
        await rest.read("/V1/orders")
        shop.tokens.clear()
        await asyncio.gather(*(rest.read("/V1/orders") for _ in range(20)))
    assert (shop.logins, len(shop.calls)) == (2, 21)


async def test_a_right_that_the_admin_lacks_is_told_after_one_more_login(tmp_path: Path) -> None:
    async with admin_shop(tmp_path) as (shop, rest):
        shop.login_answer = lambda: web.json_response("a token that may nothing")
        with pytest.raises(AccessDenied, match="Magento_Sales::actions_view") as refused:
            await rest.read("/V1/orders")
    assert shop.logins == 2
    assert "role of [magento] admin_user" in refused.value.hint


def test_a_token_is_renewed_before_its_end() -> None:
    async def play() -> None:
        logins: list[float] = []
        loop = asyncio.get_running_loop()

        async def fetch() -> str:
            logins.append(loop.time())
            return f"token-{len(logins)}"

        login = AdminLogin(fetch, life_s=2880)
        for moment_s in (0, 1, 2879, 2880, 5000, 5760):
            await asyncio.sleep(moment_s - loop.time())
            headers = await login.headers("GET", "https://shop.example.com")
            assert headers == {"Authorization": f"Bearer token-{len(logins)}"}
        assert logins == [0, 2880, 5760]

    run_simulated(play())


def test_a_login_that_was_refused_is_not_repeated_at_every_request() -> None:
    """After a few failures Magento locks the account."""

    async def play() -> None:
        asked = 0

        async def fetch() -> str:
            nonlocal asked
            asked += 1
            if asked <= 2:
                raise AccessDenied("refused", hint="Check it.")
            return "token"

        login = AdminLogin(fetch)
        for _ in range(2):
            results = await asyncio.gather(*(login.headers("GET", "") for _ in range(8)), return_exceptions=True)
            assert [(str(each), getattr(each, "hint", "")) for each in results] == [("refused", "Check it.")] * 8
            await asyncio.sleep(REFUSED_FOR_S)
        assert await login.headers("GET", "") == {"Authorization": "Bearer token"}
        assert asked == 3

    run_simulated(play())


async def test_a_wrong_password_is_told_with_its_remedy_and_without_itself(tmp_path: Path) -> None:
    async with admin_shop(tmp_path) as (shop, rest):
        shop.login_answer = lambda: web.json_response({"message": SIGN_IN_FAILED}, status=401)
        with pytest.raises(AccessDenied, match="refuses the admin user 'bridge': The account sign-in") as refused:
            await rest.read("/V1/orders")
    assert refused.value.exit_code == 77
    assert "admin_user and admin_password_file in [magento]" in refused.value.hint
    assert PASSWORD not in refused.value.sentence()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=503, headers={"Retry-After": "7"}),
        lambda: web.Response(text="<html>We will be back soon</html>", content_type="text/html"),
        lambda: web.json_response({"message": "Internal error"}, status=500),
    ],
    ids=["maintenance", "web page", "error"],
)
async def test_a_shop_that_cannot_log_anybody_in_is_away(tmp_path: Path, answer: Callable[[], web.Response]) -> None:
    async with admin_shop(tmp_path) as (shop, rest):
        shop.login_answer = answer
        with pytest.raises(TargetUnavailable):
            await rest.send("POST", "/V1/order/1/ship", body={}, timeout_s=2)
    assert shop.calls == []


async def test_a_login_counts_towards_the_time_of_its_request(tmp_path: Path) -> None:
    """The quiet period after an unknown outcome counts from when the request was begun."""
    async with admin_shop(tmp_path) as (shop, rest):
        shop.hold_login = True
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(TargetUnavailable, match="the login was not answered in time"):
            await rest.send("POST", "/V1/order/1/ship", body={}, timeout_s=0.2)
        assert asyncio.get_running_loop().time() - begun_s < 2
    assert shop.calls == []


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
