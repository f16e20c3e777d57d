"""The stage's configuration files: valid TOML, secrets readable by nobody else."""

import json
import tomllib
from pathlib import Path

import pytest

from bng_bridge.config import BridgeConfig
from bridge_common.config import load
from bridge_sandbox.bng.profile import POOREST
from bridge_sandbox.commands import shop_options
from bridge_sandbox.process import WaitedInVain, free_ports, wait_until
from bridge_sandbox.settings import (
    Endpoints,
    Plan,
    Secrets,
    ServerPorts,
    Tables,
    agent_tables,
    bridge_tables,
    write_toml,
)
from bridge_sandbox.stage import draw_endpoints
from magento_agent.config import AgentConfig


@pytest.fixture
def endpoints(tmp_path: Path) -> Endpoints:
    shops = {"shop1": ServerPorts(5, 6), "shop2": ServerPorts(7, 8)}
    return Endpoints(tmp_path / 'a "b".sock', tmp_path / "db.sock", 1, 2, ServerPorts(3, 4), shops)


def test_the_bridge_knows_every_site(endpoints: Endpoints, tmp_path: Path) -> None:
    plan = Plan(sites=("shop1", "shop2"), profile=POOREST)
    tables = bridge_tables(plan, endpoints, Secrets(tmp_path / "secrets"), tmp_path)
    read = tomllib.loads(Path(write_toml(tmp_path / "bridge.toml", tables)).read_text())
    assert read["bridge"]["socket"] == str(tmp_path / 'a "b".sock')
    assert read["bng"]["base_url"] == "http://127.0.0.1:3"
    assert Path(read["bng"]["profile"]).name == f"{POOREST}.yaml"
    assert read["bng"]["webhooks"]["port"] == 2
    assert read["sites"]["shop2"]["sources"] == {"MAIN": "default"}


def test_an_agent_reaches_its_own_shop(endpoints: Endpoints, tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    tables = agent_tables(Plan(sites=("shop1", "shop2")), endpoints, secrets, "shop2", tmp_path)
    read = tomllib.loads(Path(write_toml(tmp_path / "agent.toml", tables)).read_text())
    assert read["magento"]["base_url"] == "http://127.0.0.1:7"
    assert read["outbox"]["owner"]["user"] == "magento_shop2"
    assert Path(read["magento"]["token_file"]).read_text().strip() == secrets.read("token-shop2")


def test_a_hosted_shop_is_polled_by_its_agent_and_written_to_by_the_bridge(tmp_path: Path) -> None:
    plan, secrets = Plan(hosted=("shop1",), direct=("shop1",)), Secrets(tmp_path / "secrets")
    endpoints = draw_endpoints(plan, tmp_path, tmp_path / "db.sock")
    agent = load(written(tmp_path, agent_tables(plan, endpoints, secrets, "shop1", tmp_path)), AgentConfig)
    bridge = load(written(tmp_path, bridge_tables(plan, endpoints, secrets, tmp_path)), BridgeConfig)
    assert agent.polling is not None
    assert endpoints.shop_webhook_url("shop1") == f"http://127.0.0.1:{agent.polling.webhooks.port}/webhooks/magento"
    rest = bridge.sites["shop1"].rest
    assert rest is not None
    assert (rest.base_url, rest.consumer_key) == (agent.magento.base_url, agent.magento.consumer_key)
    assert set(bridge.secret_files()) >= {
        "sites.shop1.rest.consumer_secret_file", "sites.shop1.rest.access_token_secret_file",
    }  # fmt: skip
    options = shop_options(plan, endpoints, secrets, "shop1")
    keys = json.loads(Path(options[options.index("--oauth-file") + 1]).read_text())
    assert rest.consumer_secret_file is not None
    assert rest.consumer_secret_file.read_text().strip() == keys["consumer_secret"]


def written(folder: Path, tables: Tables) -> Path:
    return Path(write_toml(folder / "written.toml", tables))


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    first = secrets.read("token")
    assert secrets.read("token") == first
    assert secrets.file("token").stat().st_mode & 0o077 == 0


def test_ports_are_below_those_that_clients_get() -> None:
    first_given_to_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert max(ports) < first_given_to_clients


def test_waiting_in_vain_says_what_for() -> None:
    with pytest.raises(WaitedInVain, match="the moon to turn green"):
        wait_until("the moon to turn green", lambda: False, timeout_s=0.01)
