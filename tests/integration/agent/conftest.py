"""An agent with a real database and a real broker; the bridge and the shop beside it are doubles."""

import itertools
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.mosquitto import Mosquitto
from magento_agent import session

from .doubles import FakeBridge, FakeShop, fake_bridge, fake_shop
from .installation import Installation
from .rig import SITE, Database, Rig, bridge_address, broker_users

NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def _short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tests end with a receipt missing on purpose."""
    monkeypatch.setattr(session, "RECEIPTS_LIMIT_S", 1.0)


@pytest.fixture
def database(mariadb: MariaDB) -> Database:
    """An empty schema and two accounts, of this test alone."""
    number = next(NUMBERS)
    shop = mariadb.create_shop_schema(f"agent_test_{number}", f"owner_{number}")
    password = secrets.token_hex(8)
    mariadb.create_user(f"agent_{number}", password)
    return Database(mariadb, shop, f"agent_{number}", password)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto", broker_users()) as broker:
        yield broker


@pytest.fixture
async def shop() -> AsyncIterator[FakeShop]:
    async with fake_shop() as shop:
        yield shop


@pytest.fixture
async def bridge(broker: Mosquitto) -> AsyncIterator[FakeBridge]:
    async with fake_bridge(bridge_address(broker), SITE) as bridge:
        yield bridge


@pytest.fixture
def rig(tmp_path: Path, database: Database, broker: Mosquitto, bridge: FakeBridge, shop: FakeShop) -> Rig:
    """With the outbox table in place."""
    database.create_outbox()
    return Rig(tmp_path, database, broker, bridge, shop)


@pytest.fixture
def installation(tmp_path: Path, mariadb: MariaDB, shop_account: ShopAccount) -> Installation:
    """A shop's empty schema; ask for `running`, too, to have a sandbox shop in it."""
    number = next(NUMBERS)
    password = secrets.token_hex(8)
    mariadb.create_user(f"agent_{number}", password)
    return Installation(tmp_path, mariadb, shop_account, f"agent_{number}", password)
