"""One agent with its database, broker, shop and bridge, each of which a test may take away."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql

from bridge_common.config import load
from bridge_common.mqtt import BrokerAddress, connect
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.mosquitto import Mosquitto
from magento_agent import daemon
from magento_agent.config import AgentConfig

from .doubles import FakeBridge, FakeShop

SITE = "shop1"
OUTBOX = """
    CREATE TABLE bng_outbox (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, entity VARCHAR(16) NOT NULL,
      entity_id INT UNSIGNED NOT NULL, op CHAR(1) NOT NULL, created_at DATETIME(6) NOT NULL)
    COMMENT = 'bng-bridge outbox of the test'
"""


@dataclass
class Database:
    """The shop's schema as its own account, and the agent's account beside it."""

    server: MariaDB
    shop: ShopAccount
    agent_user: str
    agent_password: str

    def create_outbox(self) -> None:
        self.execute(OUTBOX)
        self.server.execute_root(
            f"GRANT SELECT, INSERT, DELETE ON {self.shop.database}.bng_outbox TO %s@'localhost'", (self.agent_user,)
        )

    def connect(self, *, autocommit: bool = True) -> "pymysql.Connection[Any]":
        return pymysql.connect(
            unix_socket=str(self.server.socket), user=self.shop.user, password=self.shop.password,
            database=self.shop.database, autocommit=autocommit,
        )  # fmt: skip

    def execute(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def note(self, entity: str, entity_id: int, op: str = "U") -> None:
        """One row, as a trigger writes it."""
        self.execute(NOTE, entity, entity_id, op)

    def waiting(self) -> list[int]:
        """The ids of the rows."""
        return [row[0] for row in self.execute("SELECT id FROM bng_outbox ORDER BY id")]


NOTE = "INSERT INTO bng_outbox (entity, entity_id, op, created_at) VALUES (%s, %s, %s, UTC_TIMESTAMP(6))"


@dataclass
class Rig:
    folder: Path
    database: Database
    broker: Mosquitto
    bridge: FakeBridge
    shop: FakeShop
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def write_config(self, **outbox: Any) -> Path:
        """The configuration file; keyword arguments are keys of [outbox]."""
        tables = {
            "agent": {"site": SITE, "state_dir": self.folder / "state"},
            "broker": {
                "host": self.broker.host, "port": self.broker.port, "tls": False,
                "password_file": self.secret("broker", self.broker.users[SITE]),
            },
            "magento": {"base_url": self.shop.url, "token_file": self.secret("token", "token"), "timeout_s": 2},
            "outbox": {
                "socket": self.database.server.socket, "database": self.database.shop.database,
                "user": self.database.agent_user,
                "password_file": self.secret("database", self.database.agent_password),
                "receipt_timeout_s": 3, **outbox,
            },
            "outbox.owner": {
                "user": self.database.shop.user, "password_file": self.secret("owner", self.database.shop.password),
            },
            "heartbeat": {"interval_s": 0.3},
        }  # fmt: skip
        path = self.folder / "agent.toml"
        path.write_text("".join(f"[{name}]\n{_lines(values)}\n" for name, values in tables.items()))
        return path

    def config(self, **outbox: Any) -> AgentConfig:
        return load(self.write_config(**outbox), AgentConfig)

    def secret(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.secret"
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    async def take_over(self) -> None:
        """Throw the agent off the broker: another client under its name. It comes back after a moment."""
        address = BrokerAddress(self.broker.host, self.broker.port, SITE, self.broker.users[SITE])
        async with connect(address):
            pass

    def receipt_later(self, batch: str, delay_s: float = 0.3) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, lambda: self._tasks.append(loop.create_task(self.bridge.send_receipt(batch))))

    @asynccontextmanager
    async def dying_agent(self) -> AsyncIterator["asyncio.subprocess.Process"]:
        """The service as a process, to be killed."""
        program = str(Path(sys.executable).with_name("magento-agent"))
        process = await asyncio.create_subprocess_exec(
            program, "run", "--config", str(self.write_config()), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.wait()

    @asynccontextmanager
    async def agent(self, **outbox: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """The service, running in this loop; stopped in good order at the end. Its errors come out here."""
        stop = asyncio.Event()
        task = asyncio.create_task(daemon.run(self.config(**outbox), stop), name="agent")
        try:
            yield task
        finally:
            stop.set()
            await task


async def program(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("magento-agent")), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def broker_users() -> dict[str, str]:
    return {name: secrets.token_hex(8) for name in (SITE, "bridge")}


def bridge_address(broker: Mosquitto) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, "bridge", broker.users["bridge"])


def _lines(values: dict[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
