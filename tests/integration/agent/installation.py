"""`magento-agent outbox …` run against a schema, as an operator runs it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from bridge_sandbox.mariadb import MariaDB, ShopAccount
from magento_agent.cli import main


@dataclass
class Installation:
    folder: Path
    server: MariaDB
    shop: ShopAccount
    agent_user: str
    agent_password: str
    outbox: dict[str, Any] = field(default_factory=dict)
    owner: dict[str, Any] = field(default_factory=dict)

    def command(self, *arguments: str) -> Result:
        """Ends with an exit code; a traceback fails the test."""
        result = CliRunner().invoke(main, ["outbox", *arguments, "--config", str(self.config())])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def install(self) -> dict[str, Any]:
        result = self.command("install", "--json")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    def check(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and the findings that are not ok, by name."""
        result = self.command("check", "--json")
        return result.exit_code, {each["name"]: each for each in json.loads(result.stdout) if each["state"] != "ok"}

    def failures(self) -> tuple[int, list[str]]:
        """The exit code, and the names of the checks that failed."""
        code, findings = self.check()
        return code, [name for name, finding in findings.items() if finding["state"] == "fail"]

    def grant_agent(self, rights: str = "SELECT, INSERT, DELETE") -> None:
        table = f"{self.shop.database}.{self.outbox.get('table_prefix', '')}bng_outbox"
        self.server.execute_root(f"GRANT {rights} ON {table} TO %s@'localhost'", (self.agent_user,))

    def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        with self.server.connect_root(self.shop.database) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION foreign_key_checks = 0, sql_mode = ''")
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def captured(self) -> list[tuple[str, int, str]]:
        """The rows of the outbox, and the table empty after that."""
        table = f"{self.outbox.get('table_prefix', '')}bng_outbox"
        rows = self.rows(f"SELECT entity, entity_id, op FROM {table} ORDER BY id")
        self.rows(f"DELETE FROM {table}")
        return [(row["entity"], row["entity_id"], row["op"]) for row in rows]

    def trigger_names(self) -> list[str]:
        found = self.rows(
            "SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
        )
        return sorted(row["name"] for row in found if row["name"].startswith("bng_"))

    def config(self) -> Path:
        owner = self.owner or {"user": self.shop.user, "password_file": self._secret("owner", self.shop.password)}
        outbox: dict[str, Any] = {
            "socket": self.server.socket,
            "database": self.shop.database,
            "user": self.agent_user,
            "password_file": self._secret("agent", self.agent_password),
        } | self.outbox
        text = (
            '[agent]\nsite = "shop1"\n[magento]\nbase_url = "https://shop.example.com"\ntoken_file = "token"\n[outbox]\n'
            + "".join(f"{key} = {_toml(value)}\n" for key, value in outbox.items() if value is not None)
            + "[outbox.owner]\n"
            + "".join(f"{key} = {_toml(value)}\n" for key, value in owner.items())
        )
        path = self.folder / "agent.toml"
        path.write_text(text)
        return path

    def _secret(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.secret"
        path.write_text(text + "\n")
        return path


def _toml(value: Any) -> str:
    return json.dumps(value if isinstance(value, list | bool | int | float) else str(value))
