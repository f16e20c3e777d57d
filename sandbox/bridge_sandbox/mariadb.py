"""A private MariaDB server in a folder: for the sandbox shop, the demo and the tests.

    with MariaDB(folder) as mariadb:
        account = mariadb.create_shop_schema()
        connection = mariadb.connect_root()

It is durable as a shop's would be: what was committed is there after `kill()` and `start()` again, on the same
socket and port. Nothing outside the folder is touched, but for a cache of one freshly initialised data
directory, since initialising is the slow part.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymysql
import pymysql.cursors

from bridge_sandbox.mariadb_template import (
    MariaDBError,
    as_current_user,
    data_template,
    default_cache,
    server_program,
)

__all__ = ["MariaDB", "MariaDBError", "ShopAccount", "free_port"]

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
LONGEST_SOCKET_PATH = 100
"""The kernel takes 107 bytes; a pytest folder easily has more."""


@dataclass(frozen=True)
class ShopAccount:
    """The account that owns the shop's schema, as Magento's `app/etc/env.php` would name it."""

    database: str
    user: str
    password: str


class MariaDB:
    """One server process with its data in `folder`; start, stop, kill and start again at will.

    `port` 0 takes a free one, and keeps it. With `log_bin` an account without SUPER may create triggers only while
    the global variable `log_bin_trust_function_creators` is 1 (else error 1419); set it for the shop's `--init`.
    """

    def __init__(self, folder: Path, *, port: int = 0, log_bin: bool = False, cache: Path | None = None) -> None:
        self._folder = folder
        self._log_bin = log_bin
        self._cache = cache or default_cache()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()
        self.socket = socket_path(folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.socket.parent != self._folder:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and return when it answers; raises `MariaDBError`. Initialises an empty folder."""
        if self._process is not None:
            return
        is_new = self._provide_data()
        self._tmp.mkdir(exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        self._wait_until_ready()
        if is_new:
            self._close_open_accounts()

    def stop(self) -> None:
        """End the server in good order; does nothing when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a crash would; `start()` recovers."""
        self._end(signal.SIGKILL)

    def connect_root(self, database: str | None = None) -> "pymysql.Connection[pymysql.cursors.DictCursor]":
        """A connection with all rights, autocommit on; the caller closes it."""
        connection = pymysql.Connection(
            user="root",
            database=database,
            autocommit=True,
            charset="utf8mb4",
            cursorclass=pymysql.cursors.DictCursor,
            defer_connect=True,
        )
        connection.connect(connected_socket(self.socket))
        return connection

    def execute_root(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """The rows of one statement run with all rights."""
        with self.connect_root() as connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def create_shop_schema(self, database: str = "shop", user: str = "magento") -> ShopAccount:
        """An empty utf8mb3 schema, and an account with all rights on it, TRIGGER included, and none beside."""
        account = ShopAccount(database, user, secrets.token_urlsafe(16))
        self.execute_root(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb3")
        self.create_user(user, account.password)
        for host in HOSTS:
            self.execute_root(f"GRANT ALL PRIVILEGES ON `{database}`.* TO %s@%s", (user, host))
        return account

    def create_user(self, user: str, password: str) -> None:
        """An account without rights, over the socket and over TCP."""
        for host in HOSTS:
            self.execute_root("CREATE USER %s@%s IDENTIFIED BY %s", (user, host, password))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _tmp(self) -> Path:
        return self._folder / "tmp"

    @property
    def _log_file(self) -> Path:
        return self._folder / "mariadb.log"

    def _command(self) -> list[str]:
        return [
            server_program(),
            "--no-defaults",
            f"--datadir={self._data}",
            f"--socket={self.socket}",
            f"--pid-file={self._folder / 'mariadb.pid'}",
            f"--tmpdir={self._tmp}",  # in a shared one, each server that starts deletes the temporary tables of all others
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            *SETTINGS,
            *as_current_user(),
            *(["--log-bin=binlog", "--server-id=1", "--sync-binlog=1"] if self._log_bin else []),
        ]

    def _provide_data(self) -> bool:
        if self._data.exists():
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(data_template(self._cache), self._data)
        return True

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.connect_root().close()
            except pymysql.err.OperationalError:
                if self._process is None or self._process.poll() is not None:
                    self._process = None
                    raise MariaDBError(f"mariadbd ended at its start: {self._log_tail()}") from None
                if time.monotonic() > deadline:
                    self.kill()
                    raise MariaDBError(f"mariadbd is not ready: {self._log_tail()}") from None
                time.sleep(0.02)
            else:
                return

    def _close_open_accounts(self) -> None:
        """Nobody but root on the socket: initialising leaves accounts without a password for TCP."""
        self.execute_root("DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost')")
        self.execute_root("FLUSH PRIVILEGES")

    def _end(self, signal_number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal_number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _log_tail(self) -> str:
        return self._log_file.read_text(errors="replace")[-2000:]


HOSTS = ("localhost", "127.0.0.1")
"""Without name resolution the socket's peer is `localhost` and the TCP peer is its address."""

SETTINGS = (
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=1",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--innodb-use-native-aio=0",  # containers often lack it
    "--performance-schema=OFF",
    "--max-connections=300",
    "--max-allowed-packet=64M",
    "--table-open-cache=400",
    "--thread-cache-size=32",
)


def socket_path(folder: Path) -> Path:
    """A path that fits a Unix socket: in the folder, or else in a short temporary one."""
    path = folder / "mariadb.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="mariadb-")) / "mariadb.sock"


def connected_socket(path: Path, timeout_s: float = 5.0) -> socket.socket:
    """A connection to a server's Unix socket; raises pymysql's OperationalError 2002, and leaves nothing open.

    pymysql itself forgets to close the socket of a refused connection (1.2), which makes Python warn.
    """
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.settimeout(timeout_s)
    try:
        found.connect(str(path))
    except OSError as error:
        found.close()
        raise pymysql.err.OperationalError(2002, f"cannot connect to {path}: {error}") from error
    return found


def free_port() -> int:
    """A TCP port on the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
