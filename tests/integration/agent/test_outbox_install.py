"""`outbox install`: what it puts into a shop's database, and that the shop never suffers from it."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bridge_sandbox.admin import ShopAdmin
from bridge_sandbox.process import wait_until

from .installation import Installation

pytestmark = pytest.mark.usefixtures("running")
WAITS_FOR_A_LOCK = """
    SELECT 1 FROM information_schema.processlist
    WHERE db = DATABASE() AND state = 'Waiting for table metadata lock' AND info LIKE 'CREATE%%TRIGGER%%'
"""


@pytest.fixture
def checkouts(running: Any) -> ShopAdmin:
    admin: ShopAdmin = running.admin
    return admin


def test_a_checkout_notes_its_order(installation: Installation, checkouts: ShopAdmin) -> None:
    installation.install()
    order = checkouts.checkout("simple", second_update_delay_s=0)
    assert {(entity, entity_id) for entity, entity_id, _ in installation.captured()} == {("order", order["order_id"])}


def test_installing_again_changes_nothing(installation: Installation) -> None:
    first = installation.install()
    assert "created table bng_outbox" in first["changes"]
    triggers = installation.rows("SELECT trigger_name, created FROM information_schema.triggers")
    installation.grant_agent()
    assert installation.install()["changes"] == []
    assert installation.rows("SELECT trigger_name, created FROM information_schema.triggers") == triggers


def test_only_what_differs_is_put_right(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    installation.rows("DROP TRIGGER bng_sales_invoice_ai")
    installation.rows("DROP TRIGGER bng_sales_order_address_au")
    installation.rows(
        "CREATE TRIGGER bng_sales_order_address_au AFTER UPDATE ON sales_order_address FOR EACH ROW SET @nothing = 1"
    )
    code, failed = installation.failures()
    assert code == 78
    assert failed == ["triggers on sales_order_address", "triggers on sales_invoice", "definer root@localhost"]
    assert installation.install()["changes"] == [
        "replaced trigger bng_sales_order_address_au",
        "created trigger bng_sales_invoice_ai",
    ]
    assert installation.failures() == (0, [])


def test_only_the_deletion_of_the_own_row_is_the_deletion_of_the_entity(installation: Installation) -> None:
    installation.install()
    installation.rows("INSERT INTO customer_entity (entity_id, email) VALUES (5, 'a@example.com')")
    installation.rows("INSERT INTO customer_address_entity (entity_id, parent_id) VALUES (7, 5)")
    installation.captured()
    installation.rows("DELETE FROM customer_address_entity WHERE entity_id = 7")
    installation.rows("DELETE FROM customer_entity WHERE entity_id = 5")
    assert installation.captured() == [("customer", 5, "U"), ("customer", 5, "D")]


def test_rows_without_an_entity_are_not_noted(installation: Installation) -> None:
    installation.install()
    installation.rows("INSERT INTO customer_address_entity (entity_id, parent_id) VALUES (7, NULL)")
    installation.rows(
        "INSERT INTO newsletter_subscriber (store_id, customer_id, subscriber_email) VALUES (1, 0, 'b@x.de')"
    )
    installation.rows(
        "INSERT INTO newsletter_subscriber (store_id, customer_id, subscriber_email) VALUES (1, 9, 'c@x.de')"
    )
    assert installation.captured() == [("customer", 9, "I")]


def test_a_checkout_works_with_the_agents_account_dropped(installation: Installation, checkouts: ShopAdmin) -> None:
    installation.install()
    installation.grant_agent()
    for host in ("localhost", "127.0.0.1"):
        installation.server.execute_root("DROP USER %s@%s", (installation.agent_user, host))
    checkouts.checkout("simple")
    assert installation.captured()


@pytest.mark.parametrize(
    "harm", ["RENAME TABLE bng_outbox TO elsewhere", "ALTER TABLE bng_outbox DROP COLUMN op", "DROP TABLE bng_outbox"]
)
def test_an_error_in_a_trigger_does_not_fail_the_checkout(
    installation: Installation, checkouts: ShopAdmin, harm: str
) -> None:
    installation.install()
    installation.rows(harm)
    checkouts.checkout("simple")


def test_a_subscribed_table_is_refused_and_the_others_are_installed(installation: Installation) -> None:
    subscribe(installation, "sales_shipment_track")
    result = installation.command("install")
    assert result.exit_code == 78
    assert "refused sales_shipment_track: Magento's own indexing subscribes it" in result.stderr
    assert not [name for name in installation.trigger_names() if "shipment_track" in name]
    assert "bng_sales_shipment_ai" in installation.trigger_names()
    installation.outbox["without"] = ["sales_shipment_track"]
    assert installation.command("install").exit_code == 0


def test_a_table_that_becomes_subscribed_is_noticed_and_freed(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    subscribe(installation, "customer_entity")
    code, findings = installation.check()
    assert code == 78
    assert "subscribes this table now" in findings["triggers on customer_entity"]["text"]
    assert installation.command("install").exit_code == 78
    assert not [name for name in installation.trigger_names() if name.startswith("bng_customer_entity_a")]


def test_a_foreign_trigger_beside_ours_is_left_alone(installation: Installation) -> None:
    installation.rows("CREATE TRIGGER erp_sync AFTER INSERT ON sales_invoice FOR EACH ROW SET @erp = 1")
    installation.install()
    installation.rows("INSERT INTO sales_invoice (order_id, increment_id) VALUES (3, '000000001')")
    assert ("order", 3, "I") in installation.captured()
    names = installation.rows(
        "SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_name = 'erp_sync'"
    )
    assert len(names) == 1


def test_a_table_that_this_shop_lacks_is_skipped_with_a_note(installation: Installation) -> None:
    installation.rows("DROP TABLE newsletter_subscriber")
    assert installation.install()["notes"] == ["skipped newsletter_subscriber: this shop has no such table"]


def test_a_busy_table_holds_up_neither_the_shop_nor_the_installation(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open transaction has read the table: CREATE TRIGGER has to wait for it, and every write would wait behind it."""
    monkeypatch.setattr("magento_agent.owner.PAUSE_S", 0.3)
    reader = installation.server.connect_root(installation.shop.database)
    with closing(reader), reader.cursor() as cursor:
        reader.begin()
        cursor.execute("SELECT COUNT(*) FROM sales_order_grid")
        thread = threading.Timer(4.0, reader.rollback)
        thread.start()
        installation.install()
        thread.join()
    assert "bng_sales_order_grid_ai" in installation.trigger_names()


def test_an_insert_that_comes_while_the_installer_waits_waits_for_no_more_than_its_lock_limit(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open transaction outlasts the insert: only the installer's giving up lets it through."""
    monkeypatch.setattr("magento_agent.owner.PAUSE_S", 0.3)
    reader = installation.server.connect_root(installation.shop.database)
    buyer = installation.server.connect_root(installation.shop.database)
    with closing(reader), closing(buyer), reader.cursor() as reading, buyer.cursor() as buying:
        reader.begin()
        reading.execute("SELECT COUNT(*) FROM sales_order_grid")
        installing = threading.Thread(target=installation.install)
        installing.start()
        wait_until("the installer to wait", lambda: installation.rows(WAITS_FOR_A_LOCK), timeout_s=10)
        buying.execute("SET SESSION lock_wait_timeout = 15, foreign_key_checks = 0, sql_mode = ''")
        assert buying.execute("INSERT INTO sales_order_grid (entity_id) VALUES (9)") == 1
        reader.rollback()
        installing.join(30)
        assert not installing.is_alive()
    assert "bng_sales_order_grid_ai" in installation.trigger_names()


def test_a_table_that_stays_busy_is_explained(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("magento_agent.owner.PAUSE_S", 0.0)
    monkeypatch.setattr("magento_agent.owner.ATTEMPTS", 1)
    reader = installation.server.connect_root(installation.shop.database)
    with closing(reader), reader.cursor() as cursor:
        reader.begin()
        cursor.execute("SELECT COUNT(*) FROM sales_order_grid")
        result = installation.command("install")
    assert result.exit_code == 69
    assert "A long transaction holds a table" in result.stderr


def test_the_account_of_env_php_is_used(installation: Installation, tmp_path: Path) -> None:
    installation.owner = {"env_php": write_env_php(tmp_path, installation)}
    installation.install()
    definers = installation.rows(
        "SELECT DISTINCT definer FROM information_schema.triggers "
        "WHERE trigger_name LIKE 'bng%%' AND trigger_schema = DATABASE()"
    )
    assert [row["definer"] for row in definers] == [f"{installation.shop.user}@localhost"]


def test_an_env_php_of_another_shop_is_refused(installation: Installation, tmp_path: Path) -> None:
    installation.owner = {"env_php": write_env_php(tmp_path, installation, table_prefix="m2_")}
    result = installation.command("install")
    assert result.exit_code == 78
    assert "table_prefix is '', and the shop's env.php has 'm2_'" in result.stderr


def test_the_shops_account_grants_the_agent_its_rights_if_it_may(installation: Installation) -> None:
    database, user = installation.shop.database, installation.shop.user
    installation.server.execute_root(f"GRANT ALL ON {database}.* TO %s@'localhost' WITH GRANT OPTION", (user,))
    report = installation.install()
    assert f"granted {installation.agent_user}@localhost its rights on bng_outbox" in report["changes"]
    assert [each["state"] for each in report["agent"]] == ["ok"]


def test_uninstalling_leaves_nothing_behind(installation: Installation, checkouts: ShopAdmin) -> None:
    installation.install()
    result = installation.command("uninstall")
    assert result.exit_code == 0
    assert installation.trigger_names() == []
    assert installation.rows("SHOW TABLES LIKE 'bng%%'") == []
    checkouts.checkout("simple")


def test_uninstalling_is_refused_while_rows_wait(installation: Installation, checkouts: ShopAdmin) -> None:
    installation.install()
    checkouts.checkout("simple")
    result = installation.command("uninstall")
    assert result.exit_code == 78
    assert "rows wait in bng_outbox" in result.stderr
    assert "magento-agent once" in result.stderr
    assert installation.trigger_names()
    assert installation.command("uninstall", "--force").exit_code == 0
    assert installation.trigger_names() == []


class TestWithATablePrefix:
    @pytest.fixture
    def table_prefix(self) -> str:
        return "m2_"

    def test_table_and_triggers_carry_the_shops_prefix(self, installation: Installation, checkouts: ShopAdmin) -> None:
        installation.outbox["table_prefix"] = "m2_"
        installation.install()
        installation.grant_agent()
        assert "bng_m2_sales_order_grid_ad" in installation.trigger_names()
        checkouts.checkout("simple")
        assert installation.captured()
        assert installation.failures() == (0, [])


def subscribe(installation: Installation, table: str) -> None:
    """As Magento's indexer does in schedule mode."""
    installation.rows(f"CREATE TABLE {table}_cl (version_id INT AUTO_INCREMENT PRIMARY KEY, entity_id INT)")
    installation.rows(
        f"CREATE TRIGGER trg_{table}_after_insert AFTER INSERT ON {table} FOR EACH ROW "
        f"INSERT INTO {table}_cl (entity_id) VALUES (NEW.entity_id)"
    )


def write_env_php(folder: Path, installation: Installation, table_prefix: str = "") -> Path:
    path = folder / "env.php"
    path.write_text(
        f"""<?php
return [
    'backend' => ['frontName' => 'admin'], // who looks for it here?
    'db' => [
        'table_prefix' => '{table_prefix}',
        'connection' => array(
            'default' => [
                'host' => 'localhost', 'dbname' => '{installation.shop.database}',
                'username' => '{installation.shop.user}', 'password' => '{installation.shop.password}',
                'model' => 'mysql4', 'active' => '1', 'driver_options' => [1014 => false],
            ],
        ),
    ],
    'MAGE_MODE' => 'production',
];
"""
    )
    return path
