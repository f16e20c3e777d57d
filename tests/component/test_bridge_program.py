"""`bng-bridge` as a command: a mistake in its files ends in one sentence and exit code 78, never in a traceback."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from bng_bridge import schema
from bridge_sandbox.process import installed

GOOD = """\
[bridge]
state_dir = "{folder}/state"
socket = "{folder}/admin.sock"

[broker]
port = 9
tls = false
password_file = "{folder}/broker"

[bng]
base_url = "http://127.0.0.1:9"
client_id = "bng-bridge"
client_secret_file = "{folder}/bng"

[bng.webhooks]
port = 8440
secret_file = "{folder}/webhook"

[sites.shop1]

[sites.shop1.rest]
base_url = "https://shop.example.com"
token_file = "{folder}/token"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, secret in (("broker", "b"), ("bng", "c"), ("webhook", "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), ("token", "t")):
        (tmp_path / name).write_text(secret)
    path = tmp_path / "bridge.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "CREDENTIALS_DIRECTORY"}
    return subprocess.run(
        [installed("bng-bridge"), *arguments], capture_output=True, text=True, timeout=30, check=False,
        env={**clean, **environment},
    )  # fmt: skip


def assert_one_sentence(ended: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert all(part in last for part in parts), last


def test_a_good_configuration_is_said_to_be_good(config: Path) -> None:
    ended = run("config", "check", "--config", str(config))
    assert (ended.returncode, ended.stdout) == (0, f"{config}: good, sites: shop1\n")
    ended = run("config", "check", "--json", "--config", str(config))
    assert json.loads(ended.stdout) == {"ok": True, "sites": ["shop1"], "unchecked": []}


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("port = 9\n", "prot = 9\n", ("bridge.toml:6: broker.prot: unknown key. Did you mean 'port'?",)),
        ("tls = false", 'tls = "no idea"', ("bridge.toml:7: broker.tls: ", "boolean")),
        ("[bng]", "[bng", ("bridge.toml:10: not TOML: ",)),
        ("/bng\"", "/none\"", ("bridge.toml:13: bng.client_secret_file: the secret file ", "No such file", "mode 0600")),
        ("/broker\"", "/none\"", ("bridge.toml:8: broker.password_file: the secret file ", "No such file")),
        ("/webhook\"", "/none\"", ("bridge.toml:17: bng.webhooks.secret_file: the secret file ", "No such file")),
        ("/webhook\"", "/empty\"", ("bridge.toml:17: bng.webhooks.secret_file: not a secret of Standard Webhooks",)),
        ("/token\"", "/none\"", ("bridge.toml:23: sites.shop1.rest.token_file: the secret file ", "No such file")),
        ("token_file =", "admin_user =", ("bridge.toml:21: sites.shop1.rest: ", "admin_user and admin_password_file")),
    ],
    ids=["unknown key", "wrong type", "bad TOML", "no BNG secret", "no broker secret", "no webhook secret", "no whsec",
         "no token", "half a login"],
)  # fmt: skip
def test_a_mistake_in_the_configuration_ends_with_its_place(
    config: Path, old: str, new: str, parts: tuple[str, ...]
) -> None:
    (config.parent / "empty").write_text("whsec_")
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    assert_one_sentence(run("config", "check", "--config", str(config)), 78, *parts)


MISTAKES = {
    "mappings/order-to-customer.yaml": (
        "extends: order-to-customer.yaml\nfields:\n  Phone: order.billing_adress.telephone\n",
        (":3:16: fields.Phone: ", "Did you mean billing_address?"),
    ),
    "flows/order-to-sales-order.yaml": (
        "on: {event: magento/order, ordered_by: order}\nsteps:\n- goto: order\n",
        (":3:3: steps.1: ", "A flow has no loops"),
    ),
}


@pytest.mark.parametrize("command", ["config check", "run"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_mapping_or_flow_file_ends_with_its_place(
    config: Path, tmp_path: Path, command: str, name: str
) -> None:
    file, (text, (place, remedy)) = tmp_path / name, MISTAKES[name]
    file.parent.mkdir()
    config.write_text(
        config.read_text().replace("[broker]", f'{file.parent.name}_dir = "{file.parent}"\n\n[broker]', 1)
    )
    file.write_text(text)
    assert_one_sentence(run(*command.split(), "--config", str(config)), 78, f"{file}{place}", remedy)


def test_the_daemon_finds_a_missing_secret_before_it_connects_anywhere(config: Path) -> None:
    (config.parent / "bng").unlink()
    assert_one_sentence(run("run", "--config", str(config)), 78, "bridge.toml:13: bng.client_secret_file: ")


def test_a_relative_secret_is_left_to_the_service(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace(f"{tmp_path}/bng", "bng-secret"))
    ended = run("config", "check", "--config", str(config))
    assert ended.returncode == 0
    assert "checked at the start of the service: bng.client_secret_file" in ended.stdout
    ended = run("config", "check", "--config", str(config), CREDENTIALS_DIRECTORY=str(tmp_path))
    assert_one_sentence(ended, 78, "bng.client_secret_file: the secret file", "bng-secret cannot be read")


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    ended = run("config", "check", "--config", str(tmp_path / "none.toml"))
    assert_one_sentence(ended, 78, "none.toml: the configuration cannot be read: No such file", "--config FILE")


def test_migrate_makes_the_store_and_says_what_it_did(config: Path, tmp_path: Path) -> None:
    store = tmp_path / "state" / "bridge.sqlite"
    ended = run("migrate", "--config", str(config))
    assert (ended.returncode, ended.stdout) == (0, f"{store}: schema {schema.VERSION} (was 0)\n")
    assert run("migrate", "--config", str(config)).stdout == f"{store}: schema {schema.VERSION}\n"

    with sqlite3.connect(store) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    assert_one_sentence(run("migrate", "--config", str(config)), 78, "has schema 99", "Install the newer bridge")


def test_migrate_says_when_the_state_folder_cannot_be_made(config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert_one_sentence(run("migrate", "--config", str(config)), 78, "bridge.sqlite cannot be used", "state_dir")


def test_the_help_names_the_exit_codes() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    assert all(code in ended.stdout for code in ("69", "77", "78"))
