"""The sandbox shop as a process, its MariaDB, and what it does when that goes away."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
from click.testing import CliRunner
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin
from bridge_sandbox.mariadb import MariaDB, ShopAccount
from bridge_sandbox.shop.cli import shop as shop_command
from bridge_sandbox.shop.database import Database, DatabaseSettings
from bridge_sandbox.shop.schema import install

TOKEN = "token-of-the-process"


@pytest.fixture
def own_mariadb(tmp_path: Path) -> Iterator[MariaDB]:
    """One that a test may kill."""
    with MariaDB(tmp_path / "mariadb") as server:
        yield server


@contextmanager
def shop_process(folder: Path, account: ShopAccount, *options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    password = folder / "password"
    password.write_text(account.password)
    arguments = [
        "shop",
        f"--db-user={account.user}",
        f"--db-name={account.database}",
        f"--db-password-file={password}",
        f"--token={TOKEN}",
        "--init",
        *options,
    ]
    program = "from bridge_sandbox.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        words = process.stdout.readline().split()
        assert words[0] == "ready"
        assert words[2] == "admin"
        yield process, words[1], words[3]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def rest(url: str) -> Server:
    return Server(url, {"Authorization": f"Bearer {TOKEN}"})


def within(seconds: float, condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def test_a_shop_without_bearer_takes_signatures_with_the_keys_of_a_file(
    mariadb: MariaDB, shop_account: ShopAccount, tmp_path: Path
) -> None:
    keys = {"consumer_key": "key", "consumer_secret": "s1", "token_secret": "s2"}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    options = (f"--db-socket={mariadb.socket}", "--no-bearer", f"--oauth-file={tmp_path / 'keys.json'}")
    with shop_process(tmp_path, shop_account, *options) as (_, url, _):
        path = "/rest/V1/orders?searchCriteria%5BpageSize%5D=1"
        with pytest.raises(CallFailed, match="401"):
            rest(url).get(path)
        client = Client("key", "s1", TOKEN, "s2", signature_method=SIGNATURE_HMAC_SHA256)
        _, headers, _ = client.sign(url + path)
        assert Server(url, {name: str(value) for name, value in headers.items()}).get(path)["total_count"] == 0


@pytest.mark.parametrize(
    "options",
    [("--consumer-key=only",), ("--webhook-url=http://127.0.0.1:1/",), ("--webhook-secret=whsec_eA==",)],
)
def test_options_that_need_others_are_refused_alone(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "password").touch()
    needed = ["--token=t", f"--db-password-file={tmp_path / 'password'}"]
    result = CliRunner().invoke(shop_command, [*needed, *options])
    assert result.exit_code == 2


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_it_says_where_it_listens_and_ends_at_sigterm(
    mariadb: MariaDB, shop_account: ShopAccount, tmp_path: Path, way: str
) -> None:
    option = f"--db-socket={mariadb.socket}" if way == "socket" else f"--db-port={mariadb.port}"
    with shop_process(tmp_path, shop_account, option) as (process, url, admin_url):
        placed = ShopAdmin(admin_url).checkout("simple", second_update_delay_s=60)
        assert rest(url).get(f"/rest/V1/orders/{placed['order_id']}")["increment_id"] == "000000001"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_held_checkout_does_not_hold_up_the_stop(mariadb: MariaDB, shop_account: ShopAccount, tmp_path: Path) -> None:
    with (
        shop_process(tmp_path, shop_account, f"--db-socket={mariadb.socket}") as (process, url, admin_url),
        ThreadPoolExecutor(1) as pool,
    ):
        held = pool.submit(lambda: ignoring_errors(lambda: ShopAdmin(admin_url).checkout("simple", hold_s=60)))
        within(5, lambda: rest(url).get("/rest/V1/inventory/get-product-salable-quantity/MUG-WHITE/1") < 100_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        held.result()


def test_starting_it_again_keeps_what_was_there(mariadb: MariaDB, shop_account: ShopAccount, tmp_path: Path) -> None:
    option = f"--db-socket={mariadb.socket}"
    with shop_process(tmp_path, shop_account, option) as (process, _, admin_url):
        ShopAdmin(admin_url).checkout("simple")
        process.kill()
    with shop_process(tmp_path, shop_account, option) as (_, _, admin_url):
        ShopAdmin(admin_url).checkout("simple")
        orders = ShopAdmin(admin_url).book()["orders"]
    assert [order["increment_id"] for order in orders] == ["000000001", "000000002"]
    assert all(order["committed_at"] for order in orders)


def test_it_answers_503_while_mariadb_is_dead_and_goes_on_when_it_is_back(own_mariadb: MariaDB, tmp_path: Path) -> None:
    account = own_mariadb.create_shop_schema()
    with shop_process(tmp_path, account, f"--db-socket={own_mariadb.socket}") as (process, url, admin_url):
        placed = ShopAdmin(admin_url).checkout("simple")
        own_mariadb.kill()
        for _ in range(3):
            with pytest.raises(CallFailed) as failed:
                rest(url).get(f"/rest/V1/orders/{placed['order_id']}")
            assert failed.value.status == 503
        own_mariadb.start()
        found = within(10, lambda: ignoring_errors(lambda: rest(url).get(f"/rest/V1/orders/{placed['order_id']}")))
        assert found["grand_total"] == placed["grand_total"]
        assert ShopAdmin(admin_url).checkout("mixed")["increment_id"] == "000000002"
        assert process.poll() is None


def test_a_checkout_in_flight_when_mariadb_dies_leaves_no_half_order(own_mariadb: MariaDB, tmp_path: Path) -> None:
    account = own_mariadb.create_shop_schema()
    with (
        shop_process(tmp_path, account, f"--db-socket={own_mariadb.socket}") as (_, url, admin_url),
        ThreadPoolExecutor(1) as pool,
    ):
        held = pool.submit(ShopAdmin(admin_url).checkout, "simple", hold_s=1)
        within(5, lambda: rest(url).get("/rest/V1/inventory/get-product-salable-quantity/MUG-WHITE/1") < 100_000)
        own_mariadb.kill()
        with pytest.raises(CallFailed) as failed:
            held.result()
        assert failed.value.status == 503
        own_mariadb.start()
        assert within(10, lambda: ignoring_errors(lambda: ShopAdmin(admin_url).book()))["orders"] == []


class TestWithATablePrefix:
    @pytest.fixture
    def table_prefix(self) -> str:
        return "m2_"

    def test_every_table_and_trigger_has_it(self, shop: ShopAdmin, rows: Callable[..., list[dict[str, Any]]]) -> None:
        shop.checkout("mixed")
        tables = rows("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()")
        assert all(row["name"].startswith("m2_") for row in tables)
        triggers = rows(
            "SELECT trigger_name AS name, event_object_table AS tab FROM information_schema.triggers "
            "WHERE trigger_schema = DATABASE()"
        )
        assert len(triggers) == 27
        assert all(row["name"].startswith(f"trg_{row['tab']}_after_") for row in triggers)


def test_mariadb_keeps_what_was_committed_when_it_is_killed(own_mariadb: MariaDB) -> None:
    account = own_mariadb.create_shop_schema()
    own_mariadb.execute_root(f"CREATE TABLE {account.database}.t (a int)")
    own_mariadb.execute_root(f"INSERT INTO {account.database}.t VALUES (42)")
    port = own_mariadb.port
    own_mariadb.kill()
    own_mariadb.start()
    assert own_mariadb.port == port
    assert own_mariadb.execute_root(f"SELECT a FROM {account.database}.t") == [{"a": 42}]


def test_with_a_binlog_the_shops_account_may_create_triggers_only_when_it_is_trusted(tmp_path: Path) -> None:
    with MariaDB(tmp_path / "mariadb", log_bin=True) as server:
        account = server.create_shop_schema()
        database = Database(DatabaseSettings(account.database, account.user, account.password, server.socket))
        with pytest.raises(pymysql.err.OperationalError, match="1419"):
            database.call(install)
        server.execute_root(f"DROP DATABASE {account.database}")
        server.execute_root(f"CREATE DATABASE {account.database}")
        server.execute_root("SET GLOBAL log_bin_trust_function_creators = 1")
        assert database.call(install)
        database.close()


def ignoring_errors(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (CallFailed, OSError):
        return None
