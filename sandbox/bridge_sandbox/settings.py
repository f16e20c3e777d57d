"""The configuration files of agent and bridge for one stage: what packaging/agent.toml and bridge.toml explain.

Quiet periods, heartbeats and polls are short here, so that what takes minutes at a shop can be watched in seconds.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge_sandbox.bng import profile as profiles
from bridge_sandbox.bng.profile import OWN, Profile
from bridge_sandbox.catalogue import SOURCE_CODE, WAREHOUSE

Value = str | int | float | bool | Path | dict[str, str] | list[str]
Tables = Mapping[str, Mapping[str, Value]]

CLIENT_ID = "bng-bridge"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """Where broker and BNG are: here, or behind a network.

    `within` is what a command begins with that starts there, `addresses` are those of that place by who wants to reach it,
    and `ours` is where what is there reaches us.
    """

    within: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    ours: str = LOOPBACK

    def address_for(self, who: str) -> str:
        return self.addresses.get(who, LOOPBACK)

    @property
    def listen(self) -> str:
        """Where a server there listens: to all who have an address of it."""
        return "0.0.0.0" if self.within else LOOPBACK


HERE = Place()
STAGE, BNG = "stage", "bng"
"""Who reaches broker and BNG, beside the broker's users: the stage that starts both, and the bridge on its way to BNG."""


@dataclass(frozen=True)
class Plan:
    """What a stage is to be like. Times are in seconds; `profile` is the ERP that BNG plays, for both sides."""

    sites: tuple[str, ...] = ("shop1",)
    profile: str = OWN
    poll_interval_s: float = 5.0
    quiet_period_s: float = 2.0
    timeout_s: float = 3.0
    requests_per_s: float = 50.0
    hosted: tuple[str, ...] = ()
    """Sites whose agent polls the shop's REST API and hears its webhooks; the others' shops have triggers."""
    direct: tuple[str, ...] = ()
    """Sites that the bridge writes into over HTTP; the others through their agent."""
    shop_poll_interval_s: float = 1.0
    without_sources: tuple[str, ...] = ()
    """Sites whose shop has no Multi-Source Inventory."""
    site_options: Mapping[str, Value] = field(default_factory=dict)
    """More of the table of each site in bridge.toml."""
    manifest_interval_s: float = 0.0
    """0: only when `bridgectl manifest` asks for it; a pass of its own accord would be in what a bench measures."""
    doors: bool = False
    """Each client of the broker connects to a port of its own, behind which somebody must let it through."""
    far: Place = HERE
    more: Tables = field(default_factory=dict)
    """Tables of bridge.toml beside these, by name, such as sites.shop1.export.unpaid."""
    clocks: bool = False
    """The daemons' wall clocks can be set, where libfaketime is installed."""

    @property
    def daemons(self) -> tuple[str, ...]:
        """The product's own programs, by the names of their parts."""
        return ("bridge", *(f"agent-{site}" for site in self.sites))

    @property
    def bng(self) -> Profile:
        """What the profile says."""
        return profiles.read(self.profile)


@dataclass(frozen=True)
class Endpoints:
    """Where the parts of a stage listen, known before any of them starts and the same after a restart."""

    bridgectl_socket: Path
    database_socket: Path
    broker_port: int
    webhook_port: int
    bng: "ServerPorts"
    shops: Mapping[str, "ServerPorts"]
    hooks: Mapping[str, int] = field(default_factory=dict)
    """By site, where its agent hears the shop's webhooks."""
    doors: Mapping[str, int] = field(default_factory=dict)
    """By user of the broker, where else than at the broker's own port it connects."""

    def broker_port_of(self, user: str) -> int:
        return self.doors.get(user, self.broker_port)

    def shop_webhook_url(self, site: str) -> str:
        return f"{local_url(self.hooks[site])}/webhooks/magento"


@dataclass(frozen=True)
class ServerPorts:
    """One sandbox server's API and its admin side."""

    api: int
    admin: int


class Secrets:
    """Passwords, each in a file of its own (mode 0600) in one folder; made up at the first look."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder

    def file(self, name: str) -> Path:
        """The file with the secret of that name."""
        path = self._folder / name
        if not path.exists():
            # Hex: a secret that begins with a dash would look like an option where a server takes it as an argument.
            self.put(name, secrets.token_hex(16))
        return path

    def put(self, name: str, secret: str) -> None:
        """Set a secret that someone else made up, or that has a form."""
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(secret + "\n")

    def read(self, name: str) -> str:
        return self.file(name).read_text().strip()


def webhook_secret() -> str:
    """In the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def database_name(site: str) -> str:
    return f"magento_{site}"


def shop_account(site: str) -> str:
    """The database account that owns the site's schema, as Magento's own."""
    return f"magento_{site}"


def agent_account(site: str) -> str:
    """The agent's database account: it may use the outbox, and nothing beside."""
    return f"agent_{site}"


def local_url(port: int, host: str = LOOPBACK) -> str:
    return f"http://{host}:{port}"


def bng_webhook_url(plan: Plan, endpoints: Endpoints) -> str:
    return f"{local_url(endpoints.webhook_port, plan.far.ours)}/webhooks/bng"


def agent_tables(plan: Plan, endpoints: Endpoints, secret: Secrets, site: str, state_dir: Path) -> Tables:
    """`agent.toml` of one site."""
    is_hosted = site in plan.hosted
    login = oauth_login(secret, site) if is_hosted else {"token_file": secret.file(f"token-{site}")}
    capture = _polling(plan, endpoints, secret, site) if is_hosted else _outbox(endpoints, secret, site)
    return {
        "agent": {"site": site, "state_dir": state_dir},
        "broker": _broker(plan, endpoints, secret, site),
        "magento": {
            "base_url": local_url(endpoints.shops[site].api),
            "timeout_s": plan.timeout_s,
            **login,
        },
        **capture,
        "heartbeat": {"interval_s": 1},
    }


def bridge_tables(plan: Plan, endpoints: Endpoints, secret: Secrets, state_dir: Path) -> Tables:
    """`bridge.toml` for all sites."""
    return {
        "bridge": {
            "state_dir": state_dir,
            "socket": endpoints.bridgectl_socket,
            "mappings_dir": state_dir.with_name("mappings"),
            "flows_dir": state_dir.with_name("flows"),
        },
        "broker": _broker(plan, endpoints, secret, "bridge"),
        "bng": {
            "base_url": local_url(endpoints.bng.api, plan.far.address_for(BNG)),
            "profile": str(profiles.path_of(plan.profile).resolve()),
            **_bng_login(plan, secret),
            "timeout_s": plan.timeout_s,
            "execution_limit_s": plan.quiet_period_s,
            "requests_per_s": plan.requests_per_s,
        },
        **_bng_webhooks(plan, endpoints, secret),
        "bng.poll": {"interval_s": plan.poll_interval_s, "overlap_s": 10},
        **{f"sites.{site}": _site(plan) for site in plan.sites},
        **{f"sites.{site}.manifest": _manifest(plan) for site in plan.sites},
        # Only when it is asked for, or it would be in what a bench measures.
        **{f"sites.{site}.stock_check": {"interval_s": 0, "grace_s": 0.5} for site in plan.sites},
        **{
            f"sites.{site}.rest": {"base_url": local_url(endpoints.shops[site].api), **oauth_login(secret, site)}
            for site in plan.direct
        },
        **plan.more,
    }


def _bng_login(plan: Plan, secret: Secrets) -> dict[str, Value]:
    if plan.bng["login"]["token_path"]:
        return {"client_id": CLIENT_ID, "client_secret_file": secret.file("bng-client")}
    return {"api_key_file": secret.file("bng-key")}


def _bng_webhooks(plan: Plan, endpoints: Endpoints, secret: Secrets) -> Tables:
    """None for an ERP that has none."""
    if not plan.bng.has_webhooks:
        return {}
    table: dict[str, Value] = {
        "host": plan.far.ours,
        "port": endpoints.webhook_port,
        "secret_file": secret.file("webhook"),
    }
    subscribes = "subscription" in plan.bng["webhooks"]
    return {"bng.webhooks": table | ({"public_url": bng_webhook_url(plan, endpoints)} if subscribes else {})}


def oauth_login(secret: Secrets, site: str) -> dict[str, Value]:
    """The integration of one shop, by its signature."""
    return {
        "consumer_key": f"consumer-{site}",
        "consumer_secret_file": secret.file(f"consumer-{site}"),
        "access_token": secret.read(f"token-{site}"),
        "access_token_secret_file": secret.file(f"token-secret-{site}"),
    }


def oauth_file(secret: Secrets, site: str) -> Path:
    """The same as the shop has it, for `bridge-sandbox shop --oauth-file`."""
    keys = {
        "consumer_key": f"consumer-{site}",
        "consumer_secret": secret.read(f"consumer-{site}"),
        "token_secret": secret.read(f"token-secret-{site}"),
    }
    secret.put(f"oauth-{site}.json", json.dumps(keys))
    return secret.file(f"oauth-{site}.json")


def write_toml(path: Path, tables: Tables) -> str:
    """The path as text, for a command line."""
    lines = []
    for name, values in tables.items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    path.write_text("\n".join(lines))
    return str(path)


def _broker(plan: Plan, endpoints: Endpoints, secret: Secrets, user: str) -> dict[str, Value]:
    host, port = plan.far.address_for(user), endpoints.broker_port_of(user)
    return {"host": host, "port": port, "tls": False, "password_file": secret.file(f"broker-{user}")}


def _outbox(endpoints: Endpoints, secret: Secrets, site: str) -> Tables:
    return {
        "outbox": {
            "socket": endpoints.database_socket,
            "database": database_name(site),
            "user": agent_account(site),
            "password_file": secret.file(f"database-agent-{site}"),
            "receipt_timeout_s": 3,
        },
        "outbox.owner": {"user": shop_account(site), "password_file": secret.file(f"database-shop-{site}")},
    }


def _polling(plan: Plan, endpoints: Endpoints, secret: Secrets, site: str) -> Tables:
    """The sandbox shop's transactions are short, and so is the overlap."""
    return {
        "polling": {"interval_s": plan.shop_poll_interval_s, "overlap_s": 5, "receipt_timeout_s": 3},
        "polling.webhooks": {"port": endpoints.hooks[site], "secret_file": secret.file(f"shop-webhook-{site}")},
    }


def _site(plan: Plan) -> dict[str, Value]:
    return {
        "sources": {WAREHOUSE: SOURCE_CODE},
        "execution_limit_s": plan.quiet_period_s,
        "timeout_s": plan.timeout_s,
        "requests_per_s": plan.requests_per_s,
        "stale_after_s": 5,
        **plan.site_options,
    }


def _manifest(plan: Plan) -> dict[str, Value]:
    return {"interval_s": plan.manifest_interval_s, "grace_s": 0.5}


def _toml(value: Value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    # JSON's strings, numbers and truth values are TOML's, too.
    return json.dumps(str(value) if isinstance(value, Path) else value)
