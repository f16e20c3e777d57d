"""A MariaDB for all tests that need a shop, started when the first of them asks for it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.bridge import site
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bridge_sandbox.mariadb import MariaDB, ShopAccount


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def shop_account(mariadb: MariaDB) -> ShopAccount:
    """One shop for all of them: each places its own orders."""
    return new_account(mariadb)


@pytest.fixture
async def shop(mariadb: MariaDB, shop_account: ShopAccount) -> AsyncIterator[ShopRig]:
    async with running_shop_rig(mariadb, shop_account, site()) as rig:
        yield rig
