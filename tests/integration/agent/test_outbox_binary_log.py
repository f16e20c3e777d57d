"""A server that writes a binary log lets few accounts create triggers."""

from collections.abc import Iterator

import pytest

from bridge_sandbox.mariadb import MariaDB

from .installation import Installation


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("binlog"), log_bin=True) as server:
        yield server


@pytest.fixture(autouse=True)
def _a_table(installation: Installation) -> None:
    installation.rows("CREATE TABLE sales_order_grid (entity_id INT UNSIGNED PRIMARY KEY)")


def test_both_remedies_are_told_before_trying(installation: Installation) -> None:
    result = installation.command("install")
    assert result.exit_code == 77
    assert "The server writes a binary log" in result.stderr
    assert "SET GLOBAL log_bin_trust_function_creators = 1;" in result.stderr
    assert f"GRANT SUPER ON *.* TO '{installation.shop.user}'@'localhost';" in result.stderr
    assert installation.rows("SHOW TABLES LIKE 'bng%%'") == []


def test_trusting_the_creators_is_a_remedy(installation: Installation) -> None:
    installation.server.execute_root("SET GLOBAL log_bin_trust_function_creators = 1")
    installation.install()
    installation.server.execute_root("SET GLOBAL log_bin_trust_function_creators = 0")
    installation.grant_agent()
    code, findings = installation.check()
    assert code == 0
    assert "triggers cannot be created again" in findings["binary log"]["text"]


def test_super_is_a_remedy(installation: Installation) -> None:
    installation.server.execute_root("GRANT SUPER ON *.* TO %s@'localhost'", (installation.shop.user,))
    installation.install()
