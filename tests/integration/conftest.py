"""A MariaDB for the whole run, and a sandbox shop with a schema of its own for each test that asks for one."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.shop_thread import shop_in_thread

from bridge_sandbox.admin import Server, ShopAdmin
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.server import ShopSettings

TOKEN = "token-of-the-test"
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class ShopUnderTest:
    """A shop that runs in a thread, and how to look behind it."""

    admin: ShopAdmin
    api: Server
    account: ShopAccount


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def shop_account(mariadb: MariaDB) -> ShopAccount:
    number = next(NUMBERS)
    return mariadb.create_shop_schema(f"shop_{number}", f"magento_{number}")


@pytest.fixture
def table_prefix() -> str:
    return ""


@pytest.fixture
def shop_settings(mariadb: MariaDB, shop_account: ShopAccount, table_prefix: str) -> ShopSettings:
    database = DatabaseSettings(
        shop_account.database, shop_account.user, shop_account.password, mariadb.socket, prefix=table_prefix
    )
    return ShopSettings(database, TOKEN, init=True)


@pytest.fixture
def running(shop_settings: ShopSettings, shop_account: ShopAccount) -> Iterator[ShopUnderTest]:
    with shop_in_thread(shop_settings) as shop:
        api = Server(shop.url, {"Authorization": f"Bearer {TOKEN}"})
        yield ShopUnderTest(ShopAdmin(shop.admin_url), api, shop_account)


@pytest.fixture
def shop(running: ShopUnderTest) -> ShopAdmin:
    """The shop's admin server."""
    return running.admin


@pytest.fixture
def api(running: ShopUnderTest) -> Server:
    """The shop's REST API with a valid token."""
    return running.api


@pytest.fixture
def rows(mariadb: MariaDB, running: ShopUnderTest) -> Callable[..., list[dict[str, Any]]]:
    """Rows of a statement run as root in the shop's schema."""

    def run(sql: str, *arguments: Any) -> list[dict[str, Any]]:
        with mariadb.connect_root(running.account.database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)
