"""The sandbox shop in the state of the recorded Magento at its first request: just installed, nothing in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.shop_thread import shop_in_thread

from bridge_sandbox.admin import ShopAdmin
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.shop.access import AccessSettings
from bridge_sandbox.shop.database import DatabaseSettings
from bridge_sandbox.shop.server import ShopSettings
from bridge_sandbox.shop.signature import OAuthKeys

TOKEN = "token-of-the-contract"
LIMITED_TOKEN = "token-that-may-only-look"
KEYS = OAuthKeys("consumer-key", "consumer-secret", TOKEN, "token-secret")
PHP_HOST = "127.0.0.1"
"""The recorded Magento saw its host without the port, so signatures that cover the port were wrong there."""


@dataclass(frozen=True)
class ContractShop:
    """One database with two shops before it, of which one does not accept the integration's token as Bearer."""

    url: str
    url_without_bearer: str
    admin: ShopAdmin
    mariadb: MariaDB
    account: ShopAccount

    def rows(self, *statements: str, arguments: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Rows of the last of these statements, run as root over one connection."""
        with self.mariadb.connect_root(self.account.database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, arguments if "%s" in statement else ())
            return list(cursor.fetchall())


@contextmanager
def contract_shop(mariadb: MariaDB) -> Iterator[ContractShop]:
    account = mariadb.create_shop_schema("contract", "magento_contract")
    database = DatabaseSettings(account.database, account.user, account.password, mariadb.socket)
    access = AccessSettings(
        oauth=KEYS, php_host=PHP_HOST, limited={LIMITED_TOKEN: frozenset({"Magento_Sales::actions_view"})}
    )
    with_bearer = ShopSettings(database, TOKEN, init=True, access=access)
    with (
        shop_in_thread(with_bearer) as shop,
        shop_in_thread(ShopSettings(database, TOKEN, access=AccessSettings(bearer=False))) as strict,
    ):
        found = ContractShop(shop.url, strict.url, ShopAdmin(shop.admin_url), mariadb, account)
        found.rows("DELETE FROM catalog_product_entity", "DELETE FROM inventory_source_item")
        yield found
