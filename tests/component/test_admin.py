"""Operating the bridge: the daemon's socket and `bridgectl` against it, with the exit codes that scripts rely on."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner
from tests.support.bridge import BngRig, at, event, opened, running_bng, until
from tests.support.mappings import shipped_mappings

from bng_bridge import bindings, inbox, intents, policy_waits, worker
from bng_bridge.admin import dead_letters, socket, status, targets
from bng_bridge.admin.bridge import Bridge as Running
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bindings import Binding
from bng_bridge.bundles.depot import Depot
from bng_bridge.bundles.installation import Installation
from bng_bridge.config import BridgeConfig
from bng_bridge.ctl.cli import main
from bng_bridge.ctl.connection import Daemon, Refused
from bng_bridge.deliver import Deliver
from bng_bridge.flows.context import Context
from bng_bridge.holds import Holds
from bng_bridge.inbox import Claimed, Hint
from bng_bridge.intents import Intent
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest.manifest import Manifest
from bng_bridge.mapping_reload import MappingReload
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence
from bng_bridge.sources.sweeper import Sweeper
from bng_bridge.stock_check.stock_check import StockCheck
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import RateLimited, TargetPaused
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.process import installed

STATUS_KEYS = {"schema", "verdict", "cause", "at", "bridge", "broker", "bng", "mappings", "sites", "alerts"}
SITE_KEYS = {
    "site", "state", "detail", "last_seen_s", "round_trip_ms", "outbox_rows", "outbox_oldest_s", "inbox_pending",
    "inbox_oldest_s", "held_by_policy", "held_by_policy_oldest_s", "dead", "throttle", "pace", "calls", "quota",
}  # fmt: skip


@dataclass
class Ended:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Bridge:
    """The operations over real parts; the agent behind the gateway answers what `answers` holds, and notes `requests`."""

    running: Running
    store: Store
    bng: BngRig
    receiver: Receiver
    presence: Presence
    gateway: GatewayTransport
    answers: dict[str, Any]
    requests: list[dict[str, Any]]
    socket: Path

    async def ctl(self, *arguments: str) -> Ended:
        return await bridgectl(self.socket, *arguments)

    async def put(self, n: int, **fields: Any) -> None:
        await self.store.write(lambda db: inbox.put_events(db, [event(n, **fields)], to_text(utc_now())))

    async def kill(self, reason: str = "does not add up", hint: str = "mend it") -> Claimed:
        """The oldest pending event dies."""

        def die(db: Any) -> Claimed:
            (found,) = inbox.claim(db, to_text(utc_now()), 1)
            inbox.settle(
                db, found, "dead", started_at=at(1), now=at(2), reason=reason, hint=hint, error_kind="MappingError"
            )
            return found

        return await self.store.write(die)

    def state(self, seq: int) -> str:
        return str(inbox.select(self.store.read, "get", seq=seq)[0]["state"])


async def bridgectl(path: Path, *arguments: str) -> Ended:
    """In a thread of this process: the daemon it asks runs here, too, and Python need not start again."""
    command = ["--socket", str(path), *arguments]
    ended = await asyncio.to_thread(CliRunner(env={"COLUMNS": "300"}).invoke, main, command, prog_name="bridgectl")
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        yield made


@asynccontextmanager
async def operated(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with running_bng(tmp_path) as bng, opened(tmp_path / "bridge.sqlite") as store:
        never = {"interval_s": 0, "grace_s": 0}
        shop = {"manifest": never, "stock_check": never, "sources": {"MAIN": "default"}}
        config = BridgeConfig.model_validate({"broker": {}, "bng": bng.config.model_dump(), "sites": {"shop1": shop}})
        answers: dict[str, Any] = {
            "ping": {},
            "outbox": {"outbox_rows": 0, "outbox_oldest_s": None},
            "rest": {"items": []},
        }

        requests: list[dict[str, Any]] = []

        async def take(_topic: str, payload: bytes, _expiry_s: float) -> None:
            requests.append(request := json.loads(payload))
            body = answers[request["operation"]]
            body = body(request) if callable(body) else body
            answer = {"id": request["id"], "state": "done", "status": 404 if body is None else 200, "body": body or {}}
            asyncio.get_running_loop().call_soon(gateway.receive, json.dumps(answer).encode())

        async def flow(_claimed: Claimed) -> Outcome:
            return DONE

        gateway = GatewayTransport("shop1", take)
        gateway.epoch = 1
        mappings = shipped_mappings()
        clients = {"shop1": MagentoClient("shop1", config.sites["shop1"], gateway)}
        context = Context(
            config.sites, bng.client, clients, Deliver(store, lambda _write: bng.target), store.read, mappings
        )
        working, presence = Worker(store, flow, slots=1), {"shop1": Presence()}
        alerts = Alerts()
        holds = Holds(store, presence, alerts)
        receiver = Receiver(store, working, {"shop1": gateway}, presence, alerts, holds)
        receiver.connected = True
        presence["shop1"].seen_at_s = asyncio.get_running_loop().time()
        presence["shop1"].heartbeat = {"state": "online", "outbox_rows": 3, "outbox_oldest_s": 1.5, "rest": "ok"}
        manifests = {"shop1": Manifest(clients["shop1"], gateway, store, alerts)}
        sweeper = Sweeper(store, working, bng.client, config.sites, alerts)
        running = Running(
            config,
            store,
            working,
            receiver,
            context,
            {"shop1": gateway},
            presence,
            alerts,
            holds,
            sweeper,
            MappingReload(
                mappings, Installation(Depot(tmp_path / "bundles"), {"mappings": None}, config.sites), alerts
            ),
            manifests=manifests,
            stock_checks={"shop1": StockCheck(context, "shop1", store, working, alerts)},
        )
        path = tmp_path / "admin.sock"
        async with listening(running, path):
            yield Bridge(running, store, bng, receiver, presence["shop1"], gateway, answers, requests, path)


@asynccontextmanager
async def listening(running: Running, path: Path) -> AsyncIterator[None]:
    runner = web.AppRunner(socket.application(running), access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    yield
    await runner.cleanup()


async def test_a_healthy_bridge_ends_with_0_and_has_every_key_of_the_schema(bridge: Bridge) -> None:
    ended = await bridge.ctl("status", "--json")
    answer = ended.json()
    assert (ended.code, answer["schema"], answer["verdict"], answer["cause"]) == (0, 1, "healthy", "")
    assert answer.keys() == STATUS_KEYS
    assert answer["bridge"].keys() == {
        "version", "inbox_pending", "inbox_oldest_s", "held_by_policy", "held_by_policy_oldest_s", "dead", "intents",
    }  # fmt: skip
    (site,) = answer["sites"]
    assert site.keys() == SITE_KEYS
    assert (site["site"], site["state"], site["outbox_rows"], site["outbox_oldest_s"]) == ("shop1", "online", 3, 1.5)
    assert answer["mappings"].keys() == {"identity", "loaded_at", "refused", "bundle"}
    assert answer["bng"].keys() == {"throttle", "pace", "calls", "quota"}
    assert (answer["broker"], answer["bng"]["throttle"]) == ({"connected": True}, "open")
    assert site["round_trip_ms"] >= 0


async def test_dead_letters_make_it_degraded_and_end_with_1(bridge: Bridge) -> None:
    await bridge.put(1)
    await bridge.kill()
    ended = await bridge.ctl("status")
    assert (ended.code, ended.out.splitlines()[0]) == (1, "degraded 1 dead letters: bridgectl dlq list")


async def test_no_broker_makes_it_down_and_ends_with_2(bridge: Bridge) -> None:
    bridge.receiver.connected = False
    ended = await bridge.ctl("status", "--json")
    assert (ended.code, ended.json()["cause"]) == (2, "no connection to the broker: no event arrives")


async def test_the_program_ends_with_the_verdict_s_code(bridge: Bridge) -> None:
    """As scripts see it: a process, its exit code, JSON on standard output."""
    bridge.receiver.connected = False
    process = await asyncio.create_subprocess_exec(
        installed("bridgectl"), "status", "--json", stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BRIDGECTL_SOCKET": str(bridge.socket)},
    )  # fmt: skip
    out, _ = await process.communicate()
    assert (process.returncode, json.loads(out)["verdict"]) == (2, "down")


async def test_no_daemon_ends_with_3_and_says_where_to_look(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sock", tmp_path):
        ended = await bridgectl(path, "status", "--json")
        assert (ended.code, ended.out) == (3, "")
        assert "The bridge does not answer at" in ended.err
        assert "systemctl status bng-bridge" in ended.err
        assert "Traceback" not in ended.err


async def test_a_command_may_be_as_long_as_an_agent_s_packet(bridge: Bridge) -> None:
    daemon = Daemon(bridge.socket)
    with pytest.raises(Refused, match="There is no event 7"):
        await asyncio.to_thread(daemon.post, "/dlq/7/edit", {"document": "x" * (5 << 20), "who": "ida"})


async def test_a_bug_is_told_as_one_and_has_its_traceback_in_the_log(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any) -> None:
        raise ZeroDivisionError("by nobody")

    monkeypatch.setattr(logging.getLogger("bridge"), "propagate", True)
    monkeypatch.setattr(dead_letters, "causes", broken)
    ended = await bridge.ctl("dlq", "causes")
    assert ended.code == 1
    assert "a bug of the bridge: ZeroDivisionError('by nobody')" in ended.err
    assert "action=bug" in caplog.text
    assert "Traceback" in caplog.text


async def test_an_answer_that_is_no_json_is_told_with_its_status(tmp_path: Path) -> None:
    """A bridge of another version does not know the path; something else may listen there."""
    path = tmp_path / "admin.sock"
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    ended = await bridgectl(path, "dlq", "causes")
    await runner.cleanup()
    assert (ended.code, ended.err.strip()) == (1, "The bridge answered 404: 404: Not Found")


async def test_what_waits_is_counted_for_its_site(bridge: Bridge) -> None:
    for number in (1, 2):
        await bridge.put(number, entity_id=str(number))
    stock = Hint("stock", "MAIN|MUG", "stock/MAIN|MUG", "bng/1", {})
    await bridge.store.write(lambda db: inbox.put_hint(db, stock, to_text(utc_now())))
    answer = (await bridge.ctl("status", "--json")).json()
    assert (answer["bridge"]["inbox_pending"], answer["sites"][0]["inbox_pending"]) == (3, 2)
    assert answer["sites"][0]["inbox_oldest_s"] >= 0
    assert answer["verdict"] == "healthy"


@pytest.mark.parametrize(
    ("heartbeat", "seen", "answers", "refused", "state", "cause"),
    [
        ({"state": "offline"}, True, False, "", "offline", "its agent is stopped or cut off"),
        ({}, False, False, "", "unseen", "its agent has not been heard of"),
        ({"state": "online"}, False, False, "", "unseen", "its agent has not been heard of"),
        ({"state": "online", "rest": "401"}, True, True, "", "degraded", "the agent cannot read the shop: 401"),
        ({"state": "online"}, True, True, "another database", "held", "identity changed: another database"),
        ({"state": "online", "outbox_oldest_s": 400}, True, True, "", "online", "shop1's outbox waits since 400 s"),
    ],
)
async def test_a_site_that_is_not_well_is_named_with_its_reason(
    bridge: Bridge, heartbeat: dict[str, Any], seen: bool, answers: bool, refused: str, state: str, cause: str
) -> None:
    bridge.presence.heartbeat, bridge.presence.refused = heartbeat, refused
    if not seen:
        bridge.presence.seen_at_s = None
    bridge.gateway.online = answers
    answer = await status.status(bridge.running)
    assert (answer["verdict"], answer["sites"][0]["state"]) == ("degraded", state)
    assert cause in answer["cause"]


async def test_a_site_that_fell_silent_is_told_from_one_that_is_slow(bridge: Bridge) -> None:
    bridge.gateway.online = False
    assert (await status.status(bridge.running))["sites"][0]["state"] == "online"
    bridge.presence.seen_at_s = asyncio.get_running_loop().time() - 31
    silent = (await status.status(bridge.running))["sites"][0]
    assert (silent["state"], silent["detail"]) == ("silent", "nothing heard for 31 s")
    bridge.gateway.online = True
    assert (await status.status(bridge.running))["sites"][0]["state"] == "online"


async def test_a_paused_bng_makes_it_down_with_the_reason(bridge: Bridge) -> None:
    await bridge.bng.fault("status", method="GET", status=503, count=0)
    for _ in range(5):
        with pytest.raises(Exception, match="503"):
            await bridge.bng.client.get("customers/C-1")
    ended = await bridge.ctl("status", "--json")
    assert ended.code == 2
    assert "answered 503" in ended.json()["cause"]


async def test_the_calls_of_each_target_are_shown_with_their_pace(bridge: Bridge) -> None:
    await bridge.bng.client.get("customers/C-1")
    await bridge.running.context.magento["shop1"].get("/V1/orders/7")
    answer = (await bridge.ctl("status", "--json")).json()
    assert answer["bng"]["calls"] == {"customers": {"minute": 1, "hour": 1, "total": 1}}
    assert (answer["bng"]["pace"], answer["bng"]["quota"]) == ("1000/s", None)
    (shown,) = answer["sites"]
    assert (shown["calls"]["orders"]["total"], shown["pace"]) == (1, "10/s")


async def test_a_bng_that_is_called_more_slowly_is_well_all_the_same(bridge: Bridge) -> None:
    """A rate limit pages nobody."""
    await bridge.bng.fault("status", method="GET", status=429, retry_after="0.01")
    with pytest.raises(RateLimited):
        await bridge.bng.client.get("customers/C-1")
    await until("BNG is open", lambda: bridge.bng.client.throttle.state() == "open")
    ended = await bridge.ctl("status")
    assert ended.code == 0
    assert "BNG open, slowed to 500/s: it asked to wait (1 calls this hour: customers 1)\n" in ended.out


async def test_ping_goes_to_the_agent_and_back(bridge: Bridge) -> None:
    ended = await bridge.ctl("ping", "shop1", "--json")
    assert ended.code == 0
    assert ended.json()["site"] == "shop1"
    assert ended.json()["round_trip_ms"] >= 0


async def test_a_ping_that_fails_says_why(bridge: Bridge) -> None:
    ended = await bridge.ctl("ping", "shop9")
    assert (ended.code, ended.err) == (1, "There is no site shop9. Sites: shop1.\n")
    bridge.gateway.online = False
    ended = await bridge.ctl("ping", "shop1")
    assert (ended.code, ended.err.strip()) == (1, "the agent of shop1 is offline")


async def test_the_dead_letters_are_listed_and_shown(bridge: Bridge) -> None:
    await bridge.put(1)
    dead = await bridge.kill()
    (listed,) = (await bridge.ctl("dlq", "list", "--json")).json()
    assert (listed["seq"], listed["reason"], listed["hint"]) == (dead.seq, "does not add up", "mend it")
    assert (listed["increment_id"], listed["site"]) == ("000000074", "shop1")
    shown = (await bridge.ctl("dlq", "show", str(dead.seq), "--json")).json()
    assert json.loads(shown["data"]) == {"increment_id": "000000074", "n": 1}
    assert [(each["outcome"], each["error_kind"]) for each in shown["attempt_log"]] == [("dead", "MappingError")]
    for_people = await bridge.ctl("dlq", "list", "--flat")
    assert f"{dead.seq} shop1 order 000000074: does not add up" in for_people.out
    assert "mend it" in for_people.out


async def test_raw_bytes_are_shown_as_far_as_they_are_text(bridge: Bridge) -> None:
    await bridge.store.write(lambda db: inbox.put_undecodable(db, "shop1", b"\xff{abc", "not JSON", at(0)))
    shown = await bridge.ctl("dlq", "show", "1", "--json")
    assert shown.json()["data"] == "\ufffd{abc"


async def test_an_event_that_is_not_there_is_told(bridge: Bridge) -> None:
    ended = await bridge.ctl("dlq", "show", "99")
    assert (ended.code, ended.err.strip()) == (1, "There is no event 99. bridgectl dlq list shows those that are dead.")


async def test_a_dead_letter_is_retried(bridge: Bridge) -> None:
    await bridge.put(1)
    dead = await bridge.kill()
    ended = await bridge.ctl("dlq", "retry", str(dead.seq))
    assert (ended.code, ended.out, bridge.state(dead.seq)) == (0, "requeued: 1\n", "pending")
    again = await bridge.ctl("dlq", "retry", str(dead.seq), "99")
    assert (again.code, again.out, again.err) == (1, "requeued: 0\n", f"not dead: {dead.seq}, 99\n")


async def test_all_dead_letters_are_retried_at_once(bridge: Bridge) -> None:
    for number in (1, 2, 3):
        await bridge.put(number, entity_id=str(number))
        await bridge.kill()
    assert (await bridge.ctl("dlq", "retry", "--all")).out == "requeued: 3\n"
    assert {bridge.state(seq) for seq in (1, 2, 3)} == {"pending"}


async def test_a_dead_letter_is_discarded_with_a_reason(bridge: Bridge) -> None:
    await bridge.put(1)
    dead = await bridge.kill()
    refused = await bridge.ctl("dlq", "discard", str(dead.seq))
    assert (refused.code, "--reason" in refused.err, bridge.state(dead.seq)) == (64, True, "dead")
    ended = await bridge.ctl("dlq", "discard", str(dead.seq), "--reason", "a test order")
    assert (ended.code, ended.out, bridge.state(dead.seq)) == (0, "discarded: 1\n", "discarded")
    assert inbox.select(bridge.store.read, "get", seq=dead.seq)[0]["reason"] == "a test order"


@pytest.mark.parametrize("arguments", [["retry"], ["retry", "--all", "1"], ["discard", "--reason", "x"]], ids=str)
async def test_naming_no_events_or_both_ways_is_a_mistake(bridge: Bridge, arguments: list[str]) -> None:
    ended = await bridge.ctl("dlq", *arguments)
    assert ended.code == 64
    assert "name the events" in ended.err


async def test_a_retried_letter_wakes_the_worker(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LONGEST_SLEEP_S", 3600.0)
    await bridge.put(1)
    dead = await bridge.kill()
    await bridge.put(2, entity_id="75")
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(bridge.running.worker.run(stop))
        await until("the other order is done", lambda: bridge.state(2) == "done")
        for _ in range(5):  # the worker looks once more, and lies down
            await bridge.store.write(lambda _db: None)
        await dead_letters.requeue(bridge.running, [dead.seq])
        await until("it is done", lambda: bridge.state(dead.seq) == "done")
        stop.set()


async def bound_order(bridge: Bridge) -> str:
    """Order 74 of shop1, in the inbox and in BNG; the SalesOrderID."""
    await bridge.put(1)
    customer = await bridge.bng.customer()
    headers = {"X-API-Key": Settings.api_key, "Idempotency-Key": "o"}
    order = samples.order(customer, ExternalID="shop1-74")
    async with bridge.bng.session.post(f"{bridge.bng.url}/api/v1/sales-orders", json=order, headers=headers) as answer:
        made = str((await answer.json())["SalesOrderID"])
    bound = Binding("shop1/order/74/sales_order", "shop1", "bng", "sales_order", made, "", "", "", {"Total": "15.94"})

    def settle(db: Any) -> None:
        (found,) = inbox.claim(db, to_text(utc_now()), 1)
        bindings.put(db, bound, at(2))
        bindings.add_step(db, found.seq, bound.target_key, "created", made, at(2))
        inbox.settle(db, found, "done", started_at=at(1), now=at(3))

    await bridge.store.write(settle)
    return made


@pytest.mark.parametrize("name", ["000000074", "74"])
async def test_an_order_is_traced_by_its_number_or_its_id(bridge: Bridge, name: str) -> None:
    made = await bound_order(bridge)
    ended = await bridge.ctl("trace", name, "--json")
    answer = ended.json()
    assert (ended.code, answer["found"], answer["site"], answer["order"]) == (0, True, "shop1", "000000074")
    assert (answer["sales_order"]["SalesOrderID"], answer["sales_order"]["OrderStatus"]) == (made, 10)
    (traced,) = answer["events"]
    assert [step["action"] for step in traced["steps"]] == ["created"]
    assert all(traced[f"{hop}_at"] for hop in ("committed", "captured", "published", "stored", "settled"))
    assert (answer["waits"], answer["also_in"], answer["shipments"]) == ("", [], [])


async def test_a_shipment_of_the_order_is_traced_with_its_place_in_the_shop(bridge: Bridge) -> None:
    await bound_order(bridge)
    shipped = await bridge.bng.admin("POST", "/ship", ExternalID="shop1-74", TrackingNumbers=["T1"])
    (before,) = (await bridge.ctl("trace", "74", "--json")).json()["shipments"]
    assert (before["ShipmentID"], before["state"], before["magento_id"]) == (
        shipped["ShipmentID"], "not announced yet", None,
    )  # fmt: skip
    key = f"shop1/shipment/{shipped['ShipmentID']}/shipment"
    bound = Binding(key, "shop1", "magento", "shipment", "9", "", "", "", {})
    await bridge.store.write(lambda db: bindings.put(db, bound, at(5)))
    (after,) = (await bridge.ctl("trace", "74", "--json")).json()["shipments"]
    assert (after["magento_id"], after["TrackingNumbers"]) == ("9", ["T1"])


async def test_a_trace_says_what_an_order_waits_for(bridge: Bridge) -> None:
    await bridge.put(1)
    waiting = (await bridge.ctl("trace", "74", "--json")).json()
    assert waiting["waits"].startswith("pending, next attempt ")
    await bridge.kill()
    dead = (await bridge.ctl("trace", "74", "--json")).json()
    assert dead["waits"] == "dead letter 1: does not add up. mend it"


async def test_a_trace_tells_of_a_write_with_an_unknown_outcome(bridge: Bridge) -> None:
    await bridge.put(1)
    intent = Intent("shop1/order/74/sales_order", 1, "bng", "sales_order", {}, "", "r", at(60))
    await bridge.store.write(lambda db: intents.open_intent(db, intent, at(0)))
    answer = (await bridge.ctl("trace", "74", "--json")).json()
    assert f"until {at(60)}" in answer["waits"]
    assert (await status.status(bridge.running))["bridge"]["intents"] == 1


async def test_a_trace_works_while_bng_does_not(bridge: Bridge) -> None:
    made = await bound_order(bridge)
    await bridge.bng.fault("status", method="GET", status=503, count=0)
    order = (await bridge.ctl("trace", "74", "--json")).json()["sales_order"]
    assert (order["SalesOrderID"], order["Total"]) == (made, "15.94")
    assert "503" in order["note"]


@pytest.mark.parametrize(
    ("in_shop", "rows", "says"),
    [
        ([{"entity_id": 99}], 4, "shop1 has the order; 4 outbox rows wait, the oldest since 2.5 s"),
        ([], 0, "shop1 has no such order; 0 outbox rows wait"),
    ],
)
async def test_an_order_that_never_arrived_ends_with_1_and_is_looked_for_in_the_shops(
    bridge: Bridge, in_shop: list[Any], rows: int, says: str
) -> None:
    bridge.answers |= {
        "rest": {"items": in_shop},
        "outbox": {"outbox_rows": rows, "outbox_oldest_s": 2.5 if rows else None},
    }
    ended = await bridge.ctl("trace", "000000099")
    assert ended.code == 1
    assert "Order 000000099 is not among the events kept here" in ended.out
    assert says in ended.out


async def test_an_order_that_never_arrived_while_its_shop_cannot_be_asked(bridge: Bridge) -> None:
    bridge.gateway.online = False
    ended = await bridge.ctl("trace", "000000099", "--json")
    assert (ended.code, ended.json()["waits"]) == (1, "shop1 cannot be asked: the agent of shop1 is offline")


async def test_one_number_in_two_shops_is_told_and_chosen_by_site(bridge: Bridge) -> None:
    await bridge.put(1)
    await bridge.put(1, site="shop2")
    answer = (await bridge.ctl("trace", "000000074", "--json")).json()
    assert {answer["site"], *answer["also_in"]} == {"shop1", "shop2"}
    chosen = (await bridge.ctl("trace", "000000074", "--site", "shop2", "--json")).json()
    assert (chosen["site"], chosen["also_in"]) == ("shop2", [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/dlq/retry", b"{}", 400),
        ("POST", "/dlq/retry", b"no", 400),
        ("POST", "/dlq/retry", b'{"events": 7}', 400),
        ("POST", "/dlq/discard", b'{"events": [1]}', 400),
        ("GET", "/dlq?limit=many", None, 400),
        ("GET", "/dlq/99", None, 404),
        ("POST", "/ping/shop9", None, 404),
    ],
)
async def test_a_request_of_another_form_is_answered_with_a_sentence(
    bridge: Bridge, method: str, path: str, body: bytes | None, status: int
) -> None:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(bridge.socket))) as session,
        session.request(method, f"http://bridge{path}", data=body) as answer,
    ):
        assert answer.status == status
        assert (await answer.json())["error"]


async def test_a_paused_target_is_not_called_until_it_is_resumed(bridge: Bridge) -> None:
    assert (await bridge.ctl("pause", "bng", "--reason", "stocktaking")).code == 0
    before = await bridge.bng.calls()
    with pytest.raises(TargetPaused, match="stocktaking"):
        await bridge.bng.client.get("customers/C-1")
    status = await bridge.ctl("status")
    assert (await bridge.bng.calls(), "paused by an operator: stocktaking" in status.out) == (before, True)
    assert (await bridge.ctl("resume", "bng")).out == "bng: open\n"
    assert await bridge.bng.client.get("customers/C-1") is None


async def test_a_pause_outlives_a_restart(bridge: Bridge) -> None:
    await bridge.ctl("pause", "shop1", "--reason", "upgrade")
    throttle = bridge.running.context.magento["shop1"].throttle
    throttle.release()
    targets.restore_pauses(bridge.running)
    assert throttle.state() == "paused by an operator: upgrade"


async def test_pausing_what_is_no_target_names_those_there_are(bridge: Bridge) -> None:
    ended = await bridge.ctl("pause", "shop9", "--reason", "x")
    assert (ended.code, ended.err) == (1, "There is no target shop9. Targets: bng, shop1.\n")


async def test_the_queue_shows_what_waits_and_why(bridge: Bridge) -> None:
    assert (await bridge.ctl("queue")).out == "Nothing waits.\n"
    await bridge.put(1)
    (event,) = (await bridge.ctl("queue", "--json")).json()["events"]
    assert (event["entity"], event["state"], event["reason"]) == ("order", "pending", "")
    assert (await bridge.ctl("queue", "--waiting", "--json")).json()["events"] == []


async def test_the_queue_shows_what_waits_for_which_rule_and_since_when_apart_from_the_rest(bridge: Bridge) -> None:
    for number in range(1, 6):
        await bridge.put(number, entity_id=str(number))

    def hold(db: Any) -> None:
        for claimed in inbox.claim(db, to_text(utc_now()), 5):
            rule = "review" if claimed.entity_id == "5" else "unpaid"
            policy_waits.note(db, claimed, rule, at(60 * int(claimed.entity_id)))
            inbox.give_back(
                db, claimed, "postponed", started_at=at(1), now=at(2), run_at=at(9e6), error_kind="HeldByPolicy",
                reason=f"order {claimed.entity_id} waits", rule=rule,
            )  # fmt: skip

    await bridge.store.write(hold)
    short = (await bridge.ctl("queue")).out.splitlines()
    assert short[0] == "shop1 rule review: 1 wait, the longest since 2026-03-02 12:05 UTC"
    assert short[2:] == [
        "shop1 rule unpaid: 4 wait, the longest since 2026-03-02 12:01 UTC",
        "  1 order 000000001 since 2026-03-02 12:01 UTC: order 1 waits",
        "  2 order 000000002 since 2026-03-02 12:02 UTC: order 2 waits",
        "  3 order 000000003 since 2026-03-02 12:03 UTC: order 3 waits",
        "  … 1 more: bridgectl queue --policy",
    ]
    assert len((await bridge.ctl("queue", "--policy")).out.splitlines()) == 7
    answer = (await bridge.ctl("queue", "--policy", "--json")).json()
    assert (answer["events"], [each["rule"] for each in answer["held"]]) == ([], ["unpaid"] * 4 + ["review"])
    status = (await bridge.ctl("status", "--json")).json()
    assert (status["bridge"]["held_by_policy"], status["sites"][0]["held_by_policy"]) == (5, 5)
    assert (status["bridge"]["inbox_pending"], status["bridge"]["inbox_oldest_s"]) == (0, None)
    assert "0 pending, 5 held by your rules (oldest" in (await bridge.ctl("status")).out


async def test_the_queue_shows_writes_whose_outcome_is_unknown(bridge: Bridge) -> None:
    intent = Intent("shop1/order/1/sales_order", 1, "bng", "sales_order", {}, "d", "r", at(60))
    await bridge.store.write(lambda db: intents.open_intent(db, intent, at(0)))
    (unknown,) = (await bridge.ctl("queue", "--unknown", "--json")).json()["unknown"]
    assert (unknown["target_key"], unknown["quiet_until"]) == (intent.target_key, at(60))
    assert "shop1/order/1/sales_order: looked up until" in (await bridge.ctl("queue")).out


@asynccontextmanager
async def passing(bridge: Bridge) -> AsyncIterator[Manifest]:
    """The site's manifest runs; only an operator begins a pass."""
    manifest = bridge.running.manifests["shop1"]
    task = asyncio.create_task(manifest.run())
    yield manifest
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_pass_is_begun_waited_for_and_told(bridge: Bridge) -> None:
    async with passing(bridge) as manifest:
        ended = await bridge.ctl("manifest")
        assert (ended.code, ended.out) == (
            0, "shop1: 0 listed, 0 covered, 0 on the way, 0 to look at again, 0 found missing, 0 asked for\n"
        )  # fmt: skip
        (report,) = (await bridge.ctl("manifest", "shop1", "--json")).json()
        assert (report["number"], report["missing"], report["error"]) == (2, [], "")
        assert manifest.report.number == 2


async def test_what_a_pass_finds_missing_ends_the_command_with_1(bridge: Bridge) -> None:
    order = {
        "entity_id": 74, "increment_id": "000000074", "created_at": "2026-03-02 10:00:00",
        "updated_at": "2026-03-02 10:00:00",
    }  # fmt: skip
    bridge.answers["rest"] = {
        "items": [order | {"order_id": 74, "id": 5, "email": "ida@example.com"}],
        "total_count": 1,
    }
    bridge.answers["reemit"] = {"inserted": [{"entity": "order", "entity_id": "74"}], "waiting": [], "at": at(0)}
    async with passing(bridge):
        ended = await bridge.ctl("manifest")
        assert ended.code == 1
        assert "2 listed, 0 covered, 1 on the way, 0 to look at again, 1 found missing, 1 asked for" in ended.out
        assert "  missed: order/74" in ended.out


async def test_a_pass_that_cannot_be_ended_says_why(bridge: Bridge) -> None:
    bridge.gateway.online = False
    async with passing(bridge):
        ended = await bridge.ctl("manifest")
        assert ended.code == 1
        assert "  not ended: the agent of shop1 is offline" in ended.out


@asynccontextmanager
async def comparing(bridge: Bridge) -> AsyncIterator[None]:
    """The comparison of the site's stock runs; only an operator begins one."""
    task = asyncio.create_task(bridge.running.stock_checks["shop1"].run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_stock_is_compared_when_an_operator_asks_and_the_last_comparison_is_shown(bridge: Bridge) -> None:
    await bridge.bng.admin("POST", "/stock", SKU="TEE-S", Warehouse="MAIN", QuantityOnHand="20")
    async with comparing(bridge):
        ended = await bridge.ctl("stock")
        assert (ended.code, ended.out) == (
            1, "shop1: never compared. bridgectl stock compare --site shop1 does it now.\n"
        )  # fmt: skip
        bridge.answers["rest"] = lambda request: {
            "items": [{"sku": "TEE-S"}] if request["path"].startswith("/V1/products") else []
        }
        ended = await bridge.ctl("stock", "compare", "--site", "shop1", "--report-only")
        assert ended.code == 1
        assert "0 written again" in ended.out
        assert "TEE-S (MAIN -> default): BNG 20, expected 20, shop nothing: unexplained" in ended.out
        shown = await bridge.ctl("stock", "--json")
        assert shown.code == 1
        assert shown.json()["shop1"]["repaired"] == 0
        again = await bridge.ctl("stock", "compare", "--json")
        report = again.json()["shop1"]
        assert (again.code, report["number"], report["repaired"] > 0) == (1, 2, True)


async def test_a_comparison_that_cannot_be_ended_says_why(bridge: Bridge) -> None:
    bridge.gateway.online = False
    async with comparing(bridge):
        ended = await bridge.ctl("stock", "compare")
        assert ended.code == 1
        assert "  not ended: the agent of shop1 is offline" in ended.out
        assert (await bridge.ctl("stock", "--site", "shop9")).err.startswith("There is no site shop9.")


async def test_a_pass_over_no_site_names_those_there_are(bridge: Bridge) -> None:
    ended = await bridge.ctl("manifest", "shop9")
    assert (ended.code, ended.err) == (1, "There is no site shop9. Sites: shop1.\n")
