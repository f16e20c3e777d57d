"""Who may call the sandbox shop: bearer tokens, OAuth signatures, admin tokens that end."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, Client
from tests.integration.conftest import TOKEN

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin
from bridge_sandbox.shop.access import AccessSettings
from bridge_sandbox.shop.server import ShopSettings
from bridge_sandbox.shop.signature import OAuthKeys

KEYS = OAuthKeys("key-of-the-consumer", "secret of the consumer & more", TOKEN, "secret+of/the token")
PATH = "/rest/V1/orders?searchCriteria%5BpageSize%5D=1"
VIEWER = "token-of-a-viewer"
Get = Callable[..., Any]


@pytest.fixture
def access() -> AccessSettings:
    """Tests override it."""
    return AccessSettings(oauth=KEYS, limited={VIEWER: frozenset({"Magento_Sales::actions_view"})})


@pytest.fixture
def shop_settings(shop_settings: ShopSettings, access: AccessSettings) -> ShopSettings:
    return replace(shop_settings, access=access)


@pytest.fixture
def get(api: Server) -> Get:
    """GET PATH with these headers."""

    def call(headers: dict[str, str], path: str = PATH) -> Any:
        return Server(api.url, headers).get(path)

    return call


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed(url: str, keys: OAuthKeys = KEYS, method: str = SIGNATURE_HMAC_SHA256) -> dict[str, str]:
    client = Client(keys.consumer_key, keys.consumer_secret, keys.token, keys.token_secret, signature_method=method)
    _, headers, _ = client.sign(url)
    return {"Authorization": str(headers["Authorization"])}


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(CallFailed) as caught:
        call()
    return caught.value.status, caught.value.body


def log_in(api: Server) -> str:
    token: str = Server(api.url).post("/rest/V1/integration/admin/token", username="admin", password=TOKEN)
    return token


@pytest.mark.parametrize("access", [AccessSettings(bearer=False, oauth=KEYS)])
def test_a_shop_as_installed_takes_the_integration_s_signature_but_not_its_token(api: Server, get: Get) -> None:
    assert refused(lambda: get(bearer(TOKEN)))[0] == 401
    assert get(signed(api.url + PATH))["total_count"] == 0


def test_a_signature_covers_path_and_query_as_they_were_sent(api: Server, get: Get) -> None:
    for path in (
        "/rest/V1/products/LAMP%2FDESK%201",
        "/rest/all/V1/products/NUT%2BM4",
        f"{PATH}&fields=items%5Bsku%5D%2Ctotal_count",
    ):
        get(signed(api.url + path), path)


def test_a_signature_is_good_for_its_own_request_only(api: Server, get: Get) -> None:
    headers = signed(f"{api.url}{PATH}")
    status, body = refused(lambda: get(headers, f"{PATH}&fields=items"))
    assert (status, "The signature is invalid" in body) == (401, True)


def test_a_signature_cannot_be_used_twice(api: Server, get: Get) -> None:
    headers = signed(f"{api.url}{PATH}")
    get(headers)
    assert "nonce is already being used" in refused(lambda: get(headers))[1]


def test_each_of_the_four_keys_has_to_be_right(api: Server, get: Get) -> None:
    for field in ("consumer_key", "consumer_secret", "token", "token_secret"):
        wrong: Any = {field: "wrong"}
        headers = signed(api.url + PATH, replace(KEYS, **wrong))
        assert refused(partial(get, headers))[0] == 401


def test_sha1_and_incomplete_signatures_are_refused_unseen(api: Server, get: Get) -> None:
    status, body = refused(lambda: get(signed(api.url + PATH, method=SIGNATURE_HMAC_SHA1)))
    assert (status, "Signature method %1 is not supported" in body) == (400, True)
    assert refused(lambda: get({"Authorization": "OAuth garbled"}))[0] == 400


@pytest.mark.parametrize("access", [AccessSettings(oauth=KEYS, php_host="shop.example.com")])
def test_behind_a_proxy_the_signature_covers_the_host_that_php_sees(api: Server, get: Get) -> None:
    assert refused(lambda: get(signed(api.url + PATH)))[0] == 401
    assert get(signed(f"http://shop.example.com{PATH}"))["total_count"] == 0


def test_a_limited_token_reads_and_does_not_write(shop: ShopAdmin, api: Server, get: Get) -> None:
    placed = shop.checkout("simple")
    assert get(bearer(VIEWER))["total_count"] == 1
    viewer = Server(api.url, bearer(VIEWER))
    status, body = refused(lambda: viewer.post(f"/rest/V1/orders/{placed['order_id']}/comments", statusHistory={}))
    assert (status, "Magento_Sales::comment" in body) == (401, True)


def test_an_admin_token_works_until_it_is_expired(shop: ShopAdmin, api: Server, get: Get) -> None:
    token = log_in(api)
    get(bearer(token))
    assert shop.post("/tokens/expire") == {"expired": 1}
    assert refused(lambda: get(bearer(token)))[0] == 401
    get(bearer(log_in(api)))


@pytest.mark.parametrize("access", [AccessSettings(admin_token_life_s=0)])
def test_an_admin_token_ends_by_itself(api: Server, get: Get) -> None:
    token = log_in(api)
    assert refused(lambda: get(bearer(token)))[0] == 401
    get(bearer(TOKEN))


def test_a_wrong_password_and_a_missing_name_are_told_apart(api: Server) -> None:
    path = "/rest/V1/integration/admin/token"
    assert refused(lambda: Server(api.url).post(path, username="admin", password="nope"))[0] == 401
    assert refused(lambda: Server(api.url).post(path, password=TOKEN))[0] == 400
