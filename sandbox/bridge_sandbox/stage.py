"""The whole system on one machine, in one folder, on free ports: databases, broker, shops, BNG, agents and bridge.

    with Stage(Plan(), say=print) as stage:
        order = stage.shop.checkout("bundle_fixed")
        stage.kill("bridge")
        stage.start("bridge")

Agent and bridge run as processes and are reached as an operator reaches them: configuration files, signals, logs and
`bridgectl`. At the end all children are stopped, by their process ids, and the folder goes; it stays when `keep` is
set or the block raised an error.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from bridge_sandbox import clock, settings
from bridge_sandbox.admin import BngAdmin, Server, ShopAdmin
from bridge_sandbox.clock import Clock
from bridge_sandbox.commands import bng_options, shop_options
from bridge_sandbox.mariadb import MariaDB, MariaDBError
from bridge_sandbox.mosquitto import Mosquitto
from bridge_sandbox.process import Program, ProgramFailed, free_ports, installed
from bridge_sandbox.settings import Endpoints, Plan, Secrets, ServerPorts, local_url

START_TIMEOUT_S = 30.0
READY = r"(?m)^ready http"
OUTBOX = "bng_outbox"
BRIDGECTL_COLUMNS = 120


class Part(Protocol):
    """Anything on the stage that can be started, stopped and killed, over and over."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Stage:
    """Parts by name: mariadb, broker, bng, bridge, and for each site shop-SITE and agent-SITE.

    `shop` and `agent` alone mean the first site's. `clocks` are the daemons', if the plan has any and libfaketime is there.
    """

    def __init__(
        self, plan: Plan | None = None, *, keep: bool = False, say: Callable[[str], None] = lambda _text: None
    ) -> None:
        self.plan = plan or Plan()
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix="bng-bridge-"))
        self.mariadb = MariaDB(self.folder / "mariadb", port=free_ports(1)[0])
        self.endpoints = draw_endpoints(self.plan, self.folder, self.mariadb.socket)
        self.shops = {site: ShopAdmin(local_url(ports.admin)) for site, ports in self.endpoints.shops.items()}
        self.bng = BngAdmin(local_url(self.endpoints.bng.admin, self.plan.far.address_for(settings.STAGE)))
        self._say = say
        self._secrets = Secrets(self.folder / "secrets")
        self._secrets.put("webhook", settings.webhook_secret())
        for site in self.plan.hosted:
            self._secrets.put(f"shop-webhook-{site}", settings.webhook_secret())
        users = {name: self._secrets.read(f"broker-{name}") for name in ("bridge", *self.plan.sites)}
        self.clocks = self._make_clocks()
        self.broker = Mosquitto(
            self.folder / "mosquitto",
            users,
            port=self.endpoints.broker_port,
            host=self.plan.far.address_for(settings.STAGE),
            within=self.plan.far.within,
        )
        self._parts: dict[str, Part] = dict(self._furnish())

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end()
        if self.keep or isinstance(error, Exception):
            self._say(f"logs and data are kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def site(self) -> str:
        """The first site."""
        return self.plan.sites[0]

    @property
    def mappings_dir(self) -> Path:
        """Empty, so that the shipped mapping files count, until somebody puts one there."""
        return self.folder / "mappings"

    @property
    def flows_dir(self) -> Path:
        """Empty, so that the shipped flows count, until somebody puts one there."""
        return self.folder / "flows"

    @property
    def shop(self) -> ShopAdmin:
        """The first site's shop."""
        return self.shops[self.site]

    def api(self, site: str | None = None) -> Server:
        """The shop's REST API with a valid token."""
        name = site or self.site
        token = self._secrets.read(f"token-{name}")
        return Server(local_url(self.endpoints.shops[name].api), {"Authorization": f"Bearer {token}"})

    def bng_api(self) -> Server:
        """BNG's API with a valid key, as somebody else's program uses it."""
        return Server(local_url(self.endpoints.bng.api), {"X-API-Key": self._secrets.read("bng-key")})

    def pids(self) -> dict[str, int]:
        """The process ids of the programs of ours that run."""
        programs = [part for part in self._parts.values() if isinstance(part, Program)]
        return {program.name: program.pid for program in programs if program.pid}

    def webhook_secret(self) -> str:
        """What BNG signs with."""
        return self._secrets.read("webhook")

    def revive(self) -> list[str]:
        """Start again the programs of ours that have died, as systemd would; their names."""
        dead = self._dead()
        for program in dead:
            program.start()
        return [program.name for program in dead]

    def check_alive(self) -> None:
        """Raise ProgramFailed if one of our programs has ended by itself."""
        for program in self._dead():
            raise ProgramFailed(f"{program.name} has ended by itself. {program.last_lines()}")

    def start(self, name: str) -> None:
        """Start a part again, in the same place and with the same data; it may still be connecting on return."""
        self._part(name).start()

    def stop(self, name: str) -> None:
        """End a part in good order."""
        self._part(name).stop()

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._part(name).kill()

    def wipe_broker(self) -> None:
        """The broker forgets all sessions and queues; only while it is down."""
        broker = self._part("broker")
        assert isinstance(broker, Mosquitto)
        broker.wipe()

    def program(self, name: str) -> Program:
        """The process behind a part: its log, its pid."""
        part = self._part(name)
        assert isinstance(part, Program)
        return part

    def wait_until_welcomed(self, site: str | None = None) -> None:
        """Until the bridge has answered the site's agent, as that was last started."""
        self.program(f"agent-{site or self.site}").wait_for_log("action=welcomed", START_TIMEOUT_S)

    def install_outbox(self, site: str | None = None) -> None:
        """By the shop's own account, which then defines the triggers; those that are missing are made."""
        config = self.folder / f"agent-{site or self.site}.toml"
        command = [installed("magento-agent"), "outbox", "install", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ProgramFailed(f"magento-agent outbox install ended with {done.returncode}: {done.stderr.strip()}")

    def bridgectl(self, *arguments: str) -> str:
        """What `bridgectl` prints on standard output, whatever it ends with: a degraded bridge is not an error here."""
        command = [installed("bridgectl"), "--socket", str(self.endpoints.bridgectl_socket), *arguments]
        wide = os.environ | {"COLUMNS": str(BRIDGECTL_COLUMNS)}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=wide).stdout

    def is_idle(self) -> bool:
        """Whether the bridge runs and says that nothing waits: not in its inbox, not in any shop's outbox."""
        answer = self.bridgectl("status", "--json")
        if not answer.strip():
            return False
        status = json.loads(answer)
        # What BNG told belongs to no site: the bridge's own count has it.
        waiting = (status["bridge"]["inbox_pending"], *(site["outbox_rows"] for site in status["sites"]))
        return not any(waiting)

    def _dead(self) -> list[Program]:
        return [part for part in self._parts.values() if isinstance(part, Program) and not part.is_alive]

    def _part(self, name: str) -> Part:
        return self._parts[f"{name}-{self.site}" if name in ("shop", "agent") else name]

    def _furnish(self) -> Iterable[tuple[str, Part]]:
        """All parts in the order of starting; the configuration files are written, nothing runs yet."""
        yield "mariadb", self.mariadb
        yield "broker", self.broker
        plan, endpoints, secrets = self.plan, self.endpoints, self._secrets
        bng = ("bridge-sandbox", "bng", *bng_options(plan, endpoints, secrets, self.folder))
        yield self._program("bng", *bng, within=plan.far.within)
        yield self._program("bridge", "bng-bridge", "run", "--config", self._write_bridge_config())
        for site in self.plan.sites:
            yield self._program(f"shop-{site}", "bridge-sandbox", "shop", *shop_options(plan, endpoints, secrets, site))
            yield self._program(f"agent-{site}", "magento-agent", "run", "--config", self._write_agent_config(site))

    def _program(self, name: str, script: str, *arguments: str, within: Sequence[str] = ()) -> tuple[str, Program]:
        environment = self.clocks[name].environment if name in self.clocks else None
        return name, Program(name, [*within, installed(script), *arguments], self.folder, environment)

    def _make_clocks(self) -> dict[str, Clock]:
        library = clock.library()
        if library is None or not self.plan.clocks:
            return {}
        return {name: Clock(library, self.folder / f"{name}.clock") for name in self.plan.daemons}

    def _build(self) -> None:
        """The bridge's side and the shops' side at once: most of a start is Python importing, on one core each."""
        with ThreadPoolExecutor() as pool:
            self._say("starting MariaDB, mosquitto, BNG")
            broker = pool.submit(self._start_broker)
            bridge = pool.submit(self._build_bridge_side, broker)
            self._start_mariadb()
            self._say("starting shop, agent, bridge")
            shops = [pool.submit(self._build_shop_side, site, broker) for site in self.plan.sites]
            for side in (broker, bridge, *shops):
                side.result()
        for site in self.plan.sites:
            self.wait_until_welcomed(site)
        for site in self.plan.hosted:
            # The last of its lists: what is placed from now on is seen as new.
            self.program(f"agent-{site}").wait_for_log("action=polled listing=products", START_TIMEOUT_S)

    def _start_broker(self) -> None:
        try:
            self.start("broker")
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            raise ProgramFailed(str(error)) from error

    def _start_mariadb(self) -> None:
        try:
            self.start("mariadb")
        except MariaDBError as error:
            raise ProgramFailed(str(error)) from error

    def _build_bridge_side(self, broker: "Future[None]") -> None:
        self.start("bng")
        self.program("bng").wait_for_log(READY, START_TIMEOUT_S)
        broker.result()
        self.start("bridge")
        self.program("bridge").wait_for_log("action=broker_connected", START_TIMEOUT_S)

    def _build_shop_side(self, site: str, broker: "Future[None]") -> None:
        account = self.mariadb.create_shop_schema(settings.database_name(site), settings.shop_account(site))
        self._secrets.put(f"database-shop-{site}", account.password)
        self.start(f"shop-{site}")
        self.program(f"shop-{site}").wait_for_log(READY, START_TIMEOUT_S)
        if site not in self.plan.hosted:
            self.install_outbox(site)
            self._admit_agent(site)
        broker.result()
        self.start(f"agent-{site}")

    def _admit_agent(self, site: str) -> None:
        """Its account is granted the outbox only."""
        user = settings.agent_account(site)
        self.mariadb.create_user(user, self._secrets.read(f"database-agent-{site}"))
        table = f"`{settings.database_name(site)}`.`{OUTBOX}`"
        self.mariadb.execute_root(f"GRANT SELECT, INSERT, DELETE ON {table} TO %s@'localhost'", (user,))

    def _write_bridge_config(self) -> str:
        state_dir = self._make_folder("bridge")
        for folder in (self.mappings_dir, self.flows_dir):
            self._make_folder(folder.name)
        tables = settings.bridge_tables(self.plan, self.endpoints, self._secrets, state_dir)
        return settings.write_toml(self.folder / "bridge.toml", tables)

    def _write_agent_config(self, site: str) -> str:
        state_dir = self._make_folder(f"agent-{site}")
        tables = settings.agent_tables(self.plan, self.endpoints, self._secrets, site, state_dir)
        return settings.write_toml(self.folder / f"agent-{site}.toml", tables)

    def _make_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        return folder

    def _end(self) -> None:
        """Daemons first, so that they drain while what they talk to is there; then the rest at once."""
        daemons = [part for name, part in self._parts.items() if name.startswith(("agent", "bridge"))]
        others = [part for part in self._parts.values() if part not in daemons]
        for parts in (daemons, others):
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda part: part.stop(), parts))


def draw_endpoints(plan: Plan, folder: Path, database_socket: Path) -> Endpoints:
    """Free ports for everything that listens."""
    users = ("bridge", *plan.sites) if plan.doors else ()
    ports = iter(free_ports(4 + 2 * len(plan.sites) + len(plan.hosted) + len(users)))
    return Endpoints(
        bridgectl_socket=folder / "bridgectl.sock",
        database_socket=database_socket,
        broker_port=next(ports),
        webhook_port=next(ports),
        bng=ServerPorts(next(ports), next(ports)),
        shops={site: ServerPorts(next(ports), next(ports)) for site in plan.sites},
        hooks={site: next(ports) for site in plan.hosted},
        doors={user: next(ports) for user in users},
    )
