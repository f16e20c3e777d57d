"""Servers to log in at, and the three logins as configuration."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from bridge_common.magento_config import MagentoSection
from bridge_sandbox.shop.signature import OAuthKeys

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEYS = OAuthKeys("consumer-key", "consumer-secret", "access-token", "token-secret")
PASSWORD = "the admin's password"


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
