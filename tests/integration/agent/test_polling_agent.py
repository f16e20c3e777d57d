"""The whole agent in polling mode: a shop's lists and webhooks, the agent's own outbox, a broker, and a bridge's double."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks import Webhook
from tests.support.polled_shop import TOKEN, PolledShop, polled_shop

from bridge_common.config import load
from bridge_common.event import Event
from bridge_sandbox.mosquitto import Mosquitto
from bridge_sandbox.process import free_ports
from magento_agent import daemon, webhooks
from magento_agent.capture_file import CaptureFile
from magento_agent.config import AgentConfig

from .doubles import FakeBridge, until
from .rig import program

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BASE_LISTS = ["orders", "shipments", "customers"]


@dataclass
class Rig:
    folder: Path
    broker: Mosquitto
    bridge: FakeBridge
    shop: PolledShop
    port: int = field(default_factory=lambda: free_ports(1)[0])

    def write_config(self, login: str | None = None, *, since: str = "2026-03-02T00:00:00Z", **polling: Any) -> Path:
        """The configuration file; keyword arguments are keys of [polling]."""
        self.secret("webhook", SECRET)
        options = {"interval_s": 0.1, "lists": BASE_LISTS, "receipt_timeout_s": 1}
        lines = [
            "[agent]", 'site = "shop1"', f'state_dir = "{self.folder / "state"}"',
            "[broker]", f'host = "{self.broker.host}"', f"port = {self.broker.port}", "tls = false",
            f'password_file = "{self.secret("broker", self.broker.users["shop1"])}"',
            "[magento]", f'base_url = "{self.shop.url}"', "timeout_s = 2",
            login or f'token_file = "{self.secret("token", TOKEN)}"',
            "[polling]", f"since = {since}",
            *(f"{key} = {json.dumps(value)}" for key, value in {**options, **polling}.items()),
            "[polling.webhooks]", f"port = {self.port}", f'secret_file = "{self.folder / "webhook.secret"}"',
            "[heartbeat]", "interval_s = 0.2",
        ]  # fmt: skip
        path = self.folder / "agent.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def secret(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.secret"
        path.write_text(text + "\n")
        return path

    @asynccontextmanager
    async def agent(self, login: str | None = None, **polling: Any) -> AsyncIterator[None]:
        """The service, in this loop. Its errors come out here."""
        stop = asyncio.Event()
        config = load(self.write_config(login, **polling), AgentConfig)
        task = asyncio.create_task(daemon.run(config, stop), name="agent")
        try:
            yield
        finally:
            stop.set()
            await task

    async def waiting(self) -> list[tuple[str, int]]:
        """What is in the agent's outbox; the agent must not run."""
        capture = CaptureFile(self.folder / "state" / "capture.sqlite", self.shop.url)
        rows = await capture.read_after(0, 1000)
        capture.close()
        return [(row.entity, row.entity_id) for row in rows]

    async def announce(self, order_id: int) -> int:
        """A webhook of the shop's; the status of its answer."""
        raw, now = json.dumps({"event": "sales_order_place_after", "data": {"order_id": order_id}}), datetime.now(UTC)
        headers = {
            "webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("msg_1", now, raw),
        }  # fmt: skip
        url = f"http://127.0.0.1:{self.port}{webhooks.PATH}"
        async with aiohttp.ClientSession() as session, session.post(url, data=raw, headers=headers) as answer:
            return answer.status

    def newest(self, entity: str, entity_id: int) -> Event | None:
        return self.bridge.latest(entity, entity_id)

    def status_of(self, order_id: int) -> str | None:
        """As the newest event has it."""
        event = self.newest("order", order_id)
        return event.data.get("status") if event else None

    def welcomed(self) -> bool:
        return bool(self.bridge.statuses and self.bridge.statuses[-1].get("epoch"))


@pytest.fixture
async def rig(tmp_path: Path, broker: Mosquitto, bridge: FakeBridge) -> AsyncIterator[Rig]:
    async with polled_shop(tmp_path) as (shop, _rest):
        yield Rig(tmp_path, broker, bridge, shop)


async def test_a_change_becomes_an_event_and_its_row_goes_with_the_receipt(rig: Rig) -> None:
    async with rig.agent():
        rig.shop.put("orders", 74, "12:00:00", status="pending")
        await until("the order arrives", lambda: rig.status_of(74) == "pending")
        rig.shop.put("orders", 74, "12:00:00", status="processing")
        await until("its change arrives", lambda: rig.status_of(74) == "processing")
        await until("nothing waits", lambda: rig.bridge.statuses[-1]["outbox_rows"] == 0)
    assert await rig.waiting() == []


async def test_what_was_not_receipted_is_published_by_the_next_run(rig: Rig) -> None:
    rig.bridge.receipts = False
    rig.shop.put("orders", 74, "12:00:00")
    async with rig.agent():
        await until("the order is published", lambda: rig.newest("order", 74))
    assert await rig.waiting() == [("order", 74)]
    rig.bridge.receipts, before = True, len(rig.bridge.events)
    async with rig.agent():
        await until("the order is published again", lambda: len(rig.bridge.events) > before)
    assert await rig.waiting() == []


async def test_a_webhook_brings_an_order_long_before_the_next_poll(rig: Rig) -> None:
    async with rig.agent(interval_s=600):
        await until("the agent is welcomed", rig.welcomed)
        await until("the first pass is over", lambda: rig.shop.searches("customers/search") == 1)
        rig.shop.put("orders", 74, "12:00:00")
        assert await rig.announce(74) == 204
        await until("the order arrives", lambda: rig.newest("order", 74))
    assert rig.shop.searches("customers/search") == 1


async def test_webhooks_are_stored_while_broker_and_bridge_are_away(rig: Rig) -> None:
    rig.bridge.welcomes = False
    rig.shop.put("orders", 74, "12:00:00")
    async with rig.agent(interval_s=600, since="2026-03-02T13:00:00Z"):
        await until("the first pass is over", lambda: rig.shop.searches("customers/search") == 1)
        assert await rig.announce(74) == 204
    assert await rig.waiting() == [("order", 74)]


async def test_a_list_that_cannot_be_read_is_in_the_status_and_the_others_flow(rig: Rig) -> None:
    rig.shop.answer = lambda path: web.json_response({}, status=401) if path == "shipments" else None
    rig.shop.put("customers/search", 5, "12:00:00")
    async with rig.agent():
        await until("the customer arrives", lambda: rig.newest("customer", 5))
        await until("it is told", lambda: "shipments: " in rig.bridge.statuses[-1]["polling"])
        rig.shop.answer = lambda _path: None
        await until("it is well again", lambda: rig.bridge.statuses[-1]["polling"] == "ok")


async def test_an_order_that_the_shop_cannot_show_is_reported_as_unreadable(rig: Rig) -> None:
    for number in (1, 2, 3):
        rig.shop.put("orders", number, "12:00:00")
    rig.shop.broken = {2}
    async with rig.agent(hydrate_attempts=1):
        await until("all three arrive", lambda: {event.entity_id for event in rig.bridge.events} == {"1", "2", "3"})
    kinds = {event.entity_id: event.kind for event in rig.bridge.events}
    assert kinds == {"1": "snapshot", "2": "unreadable", "3": "snapshot"}


async def test_a_login_that_ends_while_the_agent_runs_refuses_writes_and_stops_nothing(rig: Rig) -> None:
    async with rig.agent(admin_login(rig)):
        await until("the agent is welcomed", rig.welcomed)
        rig.shop.answer = lambda _path: web.json_response({}, status=401)
        rig.shop.login_answer = lambda: web.json_response({"message": "disabled"}, status=401)
        await until("it is told", lambda: "refuses the admin user" in rig.bridge.statuses[-1]["polling"])
        answer = await rig.bridge.ask(operation="rest", method="POST", path="/V1/order/7/ship", body={})
        assert (answer["state"], answer["kind"]) == ("failed", "unsent")


def admin_login(rig: Rig) -> str:
    return f'admin_user = "bridge"\nadmin_password_file = "{rig.secret("password", "wrong")}"'


# At the command line


async def test_once_polls_and_carries_what_it_finds(rig: Rig) -> None:
    for number in range(1, 121):
        rig.shop.put("orders", number, "12:00:00")
    code, output, errors = await program("once", "--json", "--config", str(rig.write_config()))
    assert code == 0, errors
    assert json.loads(output)["deleted_rows"] == 120
    assert len(rig.bridge.events) == 120


async def test_once_carries_what_it_can_and_tells_what_it_could_not_read(rig: Rig) -> None:
    rig.shop.answer = lambda path: web.json_response({}, status=401) if path == "shipments" else None
    rig.shop.put("orders", 74, "12:00:00")
    code, _, errors = await program("once", "--config", str(rig.write_config()))
    assert code == 69
    assert "Not everything could be read. shipments: GET /V1/shipments answered 401" in errors
    assert len(rig.bridge.events) == 1


async def test_a_wrong_admin_password_ends_with_77_and_its_remedy(rig: Rig) -> None:
    message = {"message": "The account sign-in was incorrect or your account is disabled temporarily."}
    rig.shop.login_answer = lambda: web.json_response(message, status=401)
    code, _, errors = await program("run", "--config", str(rig.write_config(admin_login(rig))))
    assert code == 77
    (line,) = [line for line in errors.splitlines() if not line.startswith("action=")]
    assert "refuses the admin user 'bridge'" in line
    assert "Check admin_user and admin_password_file in [magento]" in line
    assert "wrong" not in line.replace("incorrect", "")


async def test_a_webhook_port_that_is_taken_ends_with_78(rig: Rig) -> None:
    path = str(rig.write_config())
    async with rig.agent():
        await until("the agent is welcomed", rig.welcomed)
        text = (rig.folder / "agent.toml").read_text().replace("/state", "/other")
        (rig.folder / "other.toml").write_text(text)
        code, _, errors = await program("run", "--config", str(rig.folder / "other.toml"))
    assert code == 78, path
    assert f"cannot listen on 127.0.0.1:{rig.port}" in errors


@pytest.mark.parametrize("command", ["install", "check", "uninstall"])
async def test_there_is_nothing_to_install_for_a_polled_shop(rig: Rig, command: str) -> None:
    code, _, errors = await program("outbox", command, "--config", str(rig.write_config()))
    assert code == 78
    assert "has [polling] and no [outbox]" in errors


async def test_config_check_reads_the_webhook_secret_and_the_login(rig: Rig) -> None:
    path = str(rig.write_config())
    assert (await program("config", "check", "--config", path))[0] == 0
    rig.secret("webhook", "not base64!")
    code, _, errors = await program("config", "check", "--config", path)
    assert code == 78
    assert "polling.webhooks.secret_file: not a secret of Standard Webhooks" in errors
