"""An admin user's login at a shop: one in flight, renewed in time, not repeated when it is refused."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.logins import PASSWORD, admin_section, serving
from tests.support.simulated import run_simulated

from bridge_common.errors import AccessDenied, TargetUnavailable
from bridge_common.magento_auth import REFUSED_FOR_S, AdminLogin
from bridge_common.magento_rest import MagentoRest

SIGN_IN_FAILED = (
    "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later."
)


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
        lambda: web.Response(status=503, text="due to maintenance downtime"),
        lambda: web.Response(text="<html>We will be back soon</html>", content_type="text/html"),
        lambda: web.json_response({"message": "Internal error"}, status=500),
    ],
    ids=["unavailable", "maintenance", "web page", "error"],
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
