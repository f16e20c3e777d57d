"""Every way in which a database refuses the installation or the agent ends in one sentence with its remedy."""

import re
from pathlib import Path

import pytest

from bridge_sandbox.mariadb import free_port

from .installation import Installation

TABLES = ("sales_order_grid", "sales_order_payment", "customer_entity")


@pytest.fixture(autouse=True)
def _some_tables(installation: Installation) -> None:
    for table in TABLES:
        installation.rows(f"CREATE TABLE {table} (entity_id INT UNSIGNED PRIMARY KEY, parent_id INT UNSIGNED)")


def test_a_wrong_password_of_the_shops_account(installation: Installation) -> None:
    installation.owner = {"user": installation.shop.user, "password_file": secret(installation, "wrong")}
    expect(installation, "install", 77, "refuses user 'magento", "Check user and password_file in [outbox.owner]")


def test_a_missing_right_is_told_before_anything_is_changed(installation: Installation) -> None:
    database, user = installation.shop.database, installation.shop.user
    for host in ("localhost", "127.0.0.1"):
        installation.server.execute_root(f"REVOKE TRIGGER ON {database}.* FROM %s@%s", (user, host))
    expect(
        installation, "install", 77, f"'{user}'@'localhost' may not TRIGGER in database '{database}'",
        f"GRANT CREATE, DROP, TRIGGER, SELECT, INSERT, DELETE ON `{database}`.* TO '{user}'@'localhost';",
    )  # fmt: skip
    assert installation.rows("SHOW TABLES LIKE 'bng%%'") == []


def test_an_account_without_any_right_in_the_database(installation: Installation) -> None:
    installation.server.create_user(f"nobody_{installation.shop.user}", "secret")
    installation.owner = {
        "user": f"nobody_{installation.shop.user}",
        "password_file": secret(installation, "secret"),
    }
    expect(installation, "install", 77, "lacks a right in the database", "Run as an administrator: GRANT CREATE")


def test_a_database_that_does_not_exist(installation: Installation) -> None:
    user = f"reader_{installation.shop.user}"
    installation.server.create_user(user, "secret")
    installation.server.execute_root("GRANT SELECT ON *.* TO %s@'localhost'", (user,))
    installation.owner = {"user": user, "password_file": secret(installation, "secret")}
    installation.outbox["database"] = "nowhere"
    expect(installation, "install", 78, "There is no database 'nowhere'", "Correct [outbox] database")


def test_a_server_that_is_not_there(installation: Installation, tmp_path: Path) -> None:
    installation.outbox["socket"] = tmp_path / "no.sock"
    expect(installation, "install", 69, "cannot be reached", "Check [outbox] socket, or host and port")


def test_a_port_where_nobody_listens(installation: Installation) -> None:
    installation.outbox = {"socket": None, "port": free_port()}
    expect(installation, "install", 69, "cannot be reached", "Check [outbox] socket, or host and port")


def test_a_table_of_that_name_which_is_no_outbox(installation: Installation) -> None:
    installation.rows("CREATE TABLE bng_outbox (id INT)")
    expect(installation, "install", 78, "There is a table 'bng_outbox' already", "RENAME TABLE")


def test_an_owner_that_is_not_configured(installation: Installation) -> None:
    installation.owner = {"env_php": "/nowhere/env.php"}
    expect(installation, "install", 78, "/nowhere/env.php cannot be read", "[outbox.owner] env_php")


def test_an_agent_without_rights_gets_the_statement_to_run(installation: Installation) -> None:
    result = installation.command("install")
    assert result.exit_code == 0
    database, user = installation.shop.database, installation.agent_user
    grant = f"GRANT SELECT, INSERT, DELETE ON `{database}`.`bng_outbox` TO '{user}'@'localhost';"
    assert grant in result.stdout
    assert installation.failures() == (77, ["agent account"])
    installation.server.execute_root(grant)
    assert installation.failures() == (0, [])


def test_an_agent_with_some_of_its_rights_is_told_which_are_missing(installation: Installation) -> None:
    installation.install()
    installation.grant_agent("SELECT")
    code, findings = installation.check()
    assert code == 77
    assert "may not INSERT, DELETE on bng_outbox" in findings["agent account"]["text"]


def test_an_agent_that_does_not_exist_gets_the_statements_to_run(installation: Installation) -> None:
    installation.outbox["user"] = "newcomer"
    result = installation.command("install")
    assert "CREATE USER 'newcomer'@'localhost'" in result.stdout
    assert "TO 'newcomer'@'localhost';" in result.stdout
    assert installation.check()[0] == 77


def test_more_rights_than_the_agent_needs_are_noted(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    installation.server.execute_root(
        f"GRANT SELECT ON {installation.shop.database}.* TO %s@'localhost'", (installation.agent_user,)
    )
    code, findings = installation.check()
    assert code == 0
    assert "has more than it needs: GRANT SELECT ON" in findings["agent rights"]["text"]
    assert "PASSWORD" not in findings["agent rights"]["text"]


def test_dropped_triggers_are_noticed(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    installation.rows("DROP TRIGGER bng_sales_order_payment_au")
    code, findings = installation.check()
    assert code == 78
    finding = findings["triggers on sales_order_payment"]
    assert finding["text"] == "missing: bng_sales_order_payment_au"
    assert finding["remedy"] == "Run: magento-agent outbox install"


def test_a_definer_without_its_rights_is_noticed(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    database, user = installation.shop.database, installation.shop.user
    installation.server.execute_root(f"REVOKE INSERT ON {database}.* FROM %s@'localhost'", (user,))
    code, findings = installation.check()
    assert code == 77
    assert "lacks INSERT: every write to these tables fails" in findings[f"definer {user}@localhost"]["text"]


def test_a_definer_that_was_dropped_is_noticed_and_replaced(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    server, database = installation.server, installation.shop.database
    successor = f"new_{installation.shop.user}"
    server.create_user(successor, "secret")
    server.execute_root(f"GRANT ALL ON {database}.* TO %s@'localhost'", (successor,))
    server.execute_root("DROP USER %s@'localhost'", (installation.shop.user,))
    installation.owner = {"user": successor, "password_file": secret(installation, "secret")}
    code, findings = installation.check()
    assert code == 78
    assert f"definer {installation.shop.user}@localhost" in findings
    assert len(installation.install()["changes"]) == 3 * len(TABLES)
    assert installation.check()[0] == 0


def test_asynchronous_grid_indexing_is_noted(installation: Installation) -> None:
    installation.install()
    installation.grant_agent()
    installation.rows("CREATE TABLE core_config_data (scope VARCHAR(8), path VARCHAR(255), value TEXT)")
    assert "grid indexing" not in installation.check()[1]
    installation.rows("INSERT INTO core_config_data VALUES ('default', 'dev/grid/async_indexing', '1')")
    assert "asynchronous" in installation.check()[1]["grid indexing"]["text"]


def expect(installation: Installation, command: str, code: int, *texts: str) -> None:
    result = installation.command(command)
    assert result.exit_code == code, result.output
    for text in texts:
        assert text in result.stderr, result.stderr
    assert len(re.findall(r"Traceback", result.stderr)) == 0


def secret(installation: Installation, text: str) -> Path:
    path = installation.folder / "other.secret"
    path.write_text(text + "\n")
    return path
