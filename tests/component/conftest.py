"""What many tests ask for: a store, the clock of quiet periods, a poor BNG, and a shop over one MariaDB."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.bridge import BngRig, Clock, opened, running_bng, site
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge import deliver
from bng_bridge.store import Store
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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "bridge.sqlite") as store:
        yield store


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves only by hand; `deliver` goes by it."""
    clock = Clock()
    monkeypatch.setattr(deliver, "utc_now", clock)
    monkeypatch.setattr(deliver, "steady_now", clock)
    return clock


@pytest.fixture
async def poor(tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path, no_keys=True) as rig:
        yield rig
