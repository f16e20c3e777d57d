"""Where both sides run: the stage with the stub in place of shop and BNG, and floor or product started afresh on it."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load import Load, sell_templates
from bridge_sandbox import settings
from bridge_sandbox.admin import Server
from bridge_sandbox.mosquitto import Mosquitto
from bridge_sandbox.process import Program, wait_until
from bridge_sandbox.settings import Plan, local_url
from bridge_sandbox.stage import START_TIMEOUT_S, Stage

HERE = Path(__file__).parent
PLAN = Plan(poll_interval_s=3600, quiet_period_s=60, timeout_s=10, requests_per_s=1_000_000)
"""The pace is left open: what is measured is the cost."""
IDLE_TIMEOUT_S = 60.0


class Scene(Stage):
    """A context manager; `load` writes orders, `stub` tells what arrived."""

    load: Load
    stub: Server

    def __init__(self, *, keep: bool = False) -> None:
        super().__init__(PLAN, keep=keep)
        self.folder.joinpath("floor").mkdir()
        self._parts["stub"] = self._python("stub", "stub.py", *self._stub_arguments())

    def furnish(self, orders: int) -> None:
        """Sell the templates at the sandbox shop, let them arrive, and put the stub in the place of both sandboxes."""
        templates = sell_templates(self.shop, self.api(), self.folder)
        wait_until("the templates have arrived", self.is_idle, timeout_s=IDLE_TIMEOUT_S)
        for name in ("agent", "bridge", "shop", "bng"):
            self.stop(name)
        self.start("stub")
        self.program("stub").wait_for_log("ready", START_TIMEOUT_S)
        self.stub = Server(local_url(self.endpoints.bng.api))
        self.load = Load(self.mariadb.connect_root(settings.database_name(self.site)), templates)
        self.load.seed(orders)

    @contextmanager
    def running(self, side: str) -> Iterator[dict[str, int]]:
        """`floor` or `product`, without a past and ready for work; the process ids of agent and bridge."""
        self._forget()
        programs = self._floor() if side == "floor" else self._product()
        try:
            yield {name: program.pid for name, program in programs.items() if program.pid}
        finally:
            for program in programs.values():
                program.stop()

    def sandbox_pids(self) -> dict[str, int]:
        pids = {"mariadb": self.mariadb.pid, "mosquitto": self._broker.pid, "stub": self.program("stub").pid}
        return {name: pid for name, pid in pids.items() if pid}

    @property
    def _broker(self) -> Mosquitto:
        broker = self._parts["broker"]
        assert isinstance(broker, Mosquitto)
        return broker

    def _forget(self) -> None:
        self.load.empty()
        self.stub.post("/bench/reset")
        self._broker.stop()
        self._broker.wipe()
        self._broker.start()
        for name in ("floor", "bridge", f"agent-{self.site}"):
            folder = self.folder / name
            shutil.rmtree(folder)
            folder.mkdir(mode=0o700)

    def _product(self) -> dict[str, Program]:
        self.start("bridge")
        self.program("bridge").wait_for_log("action=broker_connected", START_TIMEOUT_S)
        self.start("agent")
        self.wait_until_welcomed()
        return {"agent": self.program("agent"), "bridge": self.program("bridge")}

    def _floor(self) -> dict[str, Program]:
        config = self.folder / "floor" / "config.json"
        config.write_text(json.dumps(self._floor_config()))
        programs = {}
        for role in ("bridge", "agent"):
            program = self._python(f"floor-{role}", "floor.py", role, str(config))
            self._parts[program.name] = program
            program.start()
            program.wait_for_log("ready", START_TIMEOUT_S)
            programs[role] = program
        return programs

    def _floor_config(self) -> Mapping[str, Any]:
        site = self.site
        return {
            "site": site,
            "port": self.endpoints.broker_port,
            "passwords": {name: self._secrets.read(f"broker-{name}") for name in ("bridge", site)},
            "database": {
                "unix_socket": str(self.endpoints.database_socket),
                "user": settings.agent_account(site),
                "password": self._secrets.read(f"database-agent-{site}"),
                "database": settings.database_name(site),
            },
            "shop": local_url(self.endpoints.shops[site].api),
            "bng": local_url(self.endpoints.bng.api),
            "headers": {
                "Authorization": "Bearer bench",
                "Accept": "application/json",
                "Content-Type": "application/json",
                "If-None-Match": "*",
            },
            "inbox": str(self.folder / "floor" / "inbox.sqlite"),
        }

    def _stub_arguments(self) -> list[str]:
        return [str(self.endpoints.shops[self.site].api), str(self.endpoints.bng.api), str(self.folder)]

    def _python(self, name: str, script: str, *arguments: str) -> Program:
        return Program(name, [sys.executable, str(HERE / script), *arguments], self.folder)

    def _write_agent_config(self, site: str) -> str:
        """The daemon's own defaults, where the stage is faster than they are."""
        state_dir = self._make_folder(f"agent-{site}")
        tables = dict(settings.agent_tables(self.plan, self.endpoints, self._secrets, site, state_dir))
        outbox = {key: value for key, value in tables["outbox"].items() if key != "receipt_timeout_s"}
        return settings.write_toml(self.folder / f"agent-{site}.toml", {**tables, "outbox": outbox, "heartbeat": {}})
