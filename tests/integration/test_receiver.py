"""The bridge's end of a real broker: stored before acknowledged, acknowledged before receipted, whenever it dies."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import BEGIN, event, opened, until

from bng_bridge import inbox
from bng_bridge.inbox import Claimed
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence, epoch_of
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common import topics
from bridge_common.clock import from_text, utc_now
from bridge_common.errors import TargetPaused, TargetUnavailable
from bridge_common.event import encode_batch
from bridge_common.mqtt import BrokerAddress, Connection, connect, keep_connected
from bridge_sandbox.mosquitto import Mosquitto

HELLO = {"hello": "h1", "agent_version": "0.1", "database_id": "db-1", "base_url": "https://shop.example.com"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    users = {"bridge": "b", "shop1": "s", "shop2": "s"}
    with Mosquitto(tmp_path / "mosquitto", users) as broker:
        yield broker


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "bridge.sqlite") as store:
        yield store


def address(broker: Mosquitto, user: str) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, user, broker.users[user])


class Bridge:
    """A receiver over a store, connected as the daemon connects it."""

    def __init__(self, broker: Mosquitto, store: Store) -> None:
        async def flow(_claimed: Claimed) -> Outcome:
            return DONE

        async def publish(topic: str, payload: bytes, expiry_s: float) -> None:
            await self.receiver.publish(topic, payload, expiry_s)

        self.store = store
        self.presence: dict[str, Presence] = {"shop1": Presence()}
        self.gateway = GatewayTransport("shop1", publish, self.presence["shop1"].why_held)
        self.receiver = Receiver(store, Worker(store, flow, slots=1), {"shop1": self.gateway}, self.presence)
        self._address = address(broker, "bridge")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bridge"]:
        """Cut off at the end, wherever it is."""
        task = asyncio.create_task(keep_connected(self._address, self.receiver.session))
        try:
            await until("the bridge has subscribed", lambda: self.receiver.connected)
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def states(self) -> dict[str, str]:
        return {row["event_key"]: row["state"] for row in self.store.read.execute("SELECT event_key, state FROM inbox")}


@asynccontextmanager
async def bridge(broker: Mosquitto, store: Store) -> AsyncIterator[Bridge]:
    async with Bridge(broker, store).running() as running:
        yield running


@dataclass
class Agent:
    """What an agent says, and what it hears by channel."""

    site: str
    connection: Connection
    heard: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def say(self, channel: str, body: dict[str, Any], *, retain: bool = False) -> None:
        await self.connection.publish(topics.topic(self.site, channel), json.dumps(body).encode(), retain=retain)

    async def send(self, batch: str, *versions: int, payload: bytes | None = None) -> None:
        encoded = encode_batch((event(n, site=self.site)[0] for n in versions), BEGIN) if payload is None else payload
        topic = topics.topic(self.site, topics.EVENTS)
        await self.connection.publish(topic, encoded, properties={"batch": batch})

    async def hears(self, channel: str, number: int = 1) -> dict[str, Any]:
        """The packet of that number."""
        await until(f"{number} on {channel}", lambda: len(self.heard.get(channel, [])) >= number)
        return self.heard[channel][number - 1]

    async def listen(self) -> None:
        async for packet in self.connection.incoming():
            _, channel = topics.split(packet.topic)
            self.heard.setdefault(channel, []).append(json.loads(packet.payload))
            packet.ack()
            if channel == topics.REQUESTS:
                request = self.heard[channel][-1]
                await self.say(
                    topics.RESPONSES, {"id": request["id"], "state": "done", "status": 200, "body": {"n": 1}}
                )


@asynccontextmanager
async def agent(broker: Mosquitto, site: str = "shop1") -> AsyncIterator[Agent]:
    async with connect(address(broker, site)) as connection:
        await connection.subscribe([topics.topic(site, "down/#")])
        made = Agent(site, connection)
        listening = asyncio.create_task(made.listen())
        try:
            yield made
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_a_batch_is_receipted_when_it_is_stored(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running, agent(broker) as shop:
        await shop.send("b1", 1, 2)
        assert await shop.hears(topics.RECEIPTS) == {"batch": "b1", "epoch": 1, "stored": 2}
        assert running.states() == {"shop1/1.1": "superseded", "shop1/1.2": "pending"}


async def test_a_batch_that_comes_again_is_receipted_again_and_stored_once(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running, agent(broker) as shop:
        for number in (1, 2, 3):
            await shop.send("b1", 1)
            assert (await shop.hears(topics.RECEIPTS, number))["batch"] == "b1"
        assert running.states() == {"shop1/1.1": "pending"}


async def test_what_was_stored_is_acknowledged_and_does_not_come_again(broker: Mosquitto, store: Store) -> None:
    async with agent(broker) as shop:
        for number in (1, 2):
            async with bridge(broker, store):
                await shop.send(f"b{number}", number)
                await shop.hears(topics.RECEIPTS, number)
        assert [receipt["batch"] for receipt in shop.heard[topics.RECEIPTS]] == ["b1", "b2"]


async def test_a_batch_of_finished_events_is_receipted_again(broker: Mosquitto, store: Store) -> None:
    """Else the agent would send it for ever."""
    async with bridge(broker, store) as running, agent(broker) as shop:
        await shop.send("b1", 1)
        await shop.hears(topics.RECEIPTS)

        def finish(db: Any) -> None:
            (found,) = inbox.claim(db, "9999", 1)
            inbox.settle(db, found, "done", started_at="", now="")

        await store.write(finish)
        await shop.send("b1", 1)
        await shop.hears(topics.RECEIPTS, 2)
        assert running.states() == {"shop1/1.1": "done"}


Write = Callable[[Any], Awaitable[Any]]


def hang_before_commit(_write: Write) -> Write:
    async def hang(_operation: Any) -> None:
        await asyncio.Event().wait()

    return hang


def hang_after_commit(write: Write) -> Write:
    async def hang(operation: Any) -> None:
        await write(operation)
        await asyncio.Event().wait()

    return hang


@pytest.mark.parametrize("hang", [hang_before_commit, hang_after_commit])
async def test_a_bridge_that_dies_around_the_commit_gets_the_packet_again_and_stores_it_once(
    broker: Mosquitto, store: Store, monkeypatch: pytest.MonkeyPatch, hang: Callable[[Write], Write]
) -> None:
    async with agent(broker) as shop:
        dying = Bridge(broker, store)
        async with dying.running():
            with monkeypatch.context() as patch:
                entered = asyncio.Event()
                hanging = hang(store.write)

                async def write(operation: Any) -> Any:
                    entered.set()
                    return await hanging(operation)

                patch.setattr(store, "write", write)
                await shop.send("b1", 1)
                await asyncio.wait_for(entered.wait(), 5)
                if hang is hang_after_commit:
                    await until("it is committed", dying.states)
        assert topics.RECEIPTS not in shop.heard

        async with bridge(broker, store) as again:
            assert await shop.hears(topics.RECEIPTS) == {"batch": "b1", "epoch": 1, "stored": 1}
            assert again.states() == {"shop1/1.1": "pending"}


async def test_what_comes_while_the_bridge_is_away_waits_at_the_broker(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store):
        pass
    async with agent(broker) as shop:
        for number in range(1, 21):
            await shop.send(f"b{number}", number)
        async with bridge(broker, store) as running:
            await shop.hears(topics.RECEIPTS, 20)
            assert {receipt["batch"] for receipt in shop.heard[topics.RECEIPTS]} == {f"b{n}" for n in range(1, 21)}
            assert running.states()["shop1/1.20"] == "pending"


async def test_bytes_that_are_no_batch_become_a_dead_letter_and_block_nothing(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running, agent(broker) as shop:
        await shop.send("bad", payload=b"\xff not a batch")
        assert (await shop.hears(topics.RECEIPTS))["batch"] == "bad"
        await shop.send("b1", 1)
        assert (await shop.hears(topics.RECEIPTS, 2))["batch"] == "b1"
        assert sorted(running.states().values()) == ["dead", "pending"]
        (letter,) = inbox.select(store.read, "dead", limit=10)
        assert (letter["site"], letter["entity"]) == ("shop1", "batch")


async def test_an_event_that_no_store_would_take_is_a_dead_letter_too(broker: Mosquitto, store: Store) -> None:
    """Were it only the store's failure, the broker would bring it for ever."""
    async with bridge(broker, store) as running, agent(broker) as shop:
        good = encode_batch([event(1)[0]], BEGIN)
        await shop.send("huge", payload=good.replace(b'"n":1,"committedat"', b'"n":99999999999999999999,"committedat"'))
        await shop.hears(topics.RECEIPTS)
        await shop.send("b1", 1)
        await shop.hears(topics.RECEIPTS, 2)
        assert sorted(running.states().values()) == ["dead", "pending"]


async def test_an_event_of_another_site_is_not_taken_from_its_neighbour(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running, agent(broker, "shop2") as shop:
        await shop.send("b1", payload=encode_batch([event(1, site="shop1")[0]], BEGIN))
        await shop.hears(topics.RECEIPTS)
        assert list(running.states().values()) == ["dead"]


async def test_an_agent_that_left_before_its_receipt_gets_it_when_it_is_back(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running:
        async with agent(broker) as shop:
            await shop.send("b1", 1)
        await until("the batch is stored", running.states)
        async with agent(broker) as shop:
            assert (await shop.hears(topics.RECEIPTS))["batch"] == "b1"


async def test_an_agent_that_never_listens_does_not_stop_the_bridge(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running:
        async with connect(address(broker, "shop2")) as deaf:
            silent = Agent("shop2", deaf)
            await silent.send("b1", 1)
            await until("the batch is stored", running.states)
        async with agent(broker) as shop:
            await shop.send("b2", 1)
            await shop.hears(topics.RECEIPTS)


async def test_every_hello_is_granted_a_higher_epoch(broker: Mosquitto, store: Store, tmp_path: Path) -> None:
    before = int(utc_now().timestamp())
    async with agent(broker) as shop:
        async with bridge(broker, store) as running:
            for number in (1, 2):
                await shop.say(topics.HELLO, {**HELLO, "hello": f"h{number}"})
                await shop.hears(topics.WELCOME, number)
            assert running.gateway.epoch == shop.heard[topics.WELCOME][-1]["epoch"]
        async with bridge(broker, store):
            await shop.say(topics.HELLO, {**HELLO, "hello": "h3"})
            await shop.hears(topics.WELCOME, 3)
    assert [welcome["hello"] for welcome in shop.heard[topics.WELCOME]] == ["h1", "h2", "h3"]
    epochs = [welcome["epoch"] for welcome in shop.heard[topics.WELCOME]]
    assert epochs == sorted(set(epochs))
    assert epochs[0] >= before


@pytest.mark.parametrize("change", [{"database_id": "db-2"}, {"base_url": "https://clone.example.com"}])
async def test_a_cloned_shop_is_not_welcomed_and_held(broker: Mosquitto, store: Store, change: dict[str, str]) -> None:
    async with bridge(broker, store) as running, agent(broker) as shop:
        await shop.say(topics.HELLO, HELLO)
        epoch = (await shop.hears(topics.WELCOME))["epoch"]
        await shop.say(topics.HELLO, {**HELLO, "hello": "clone", **change})
        held = await until("the site is held", lambda: running.presence["shop1"].refused)
        assert next(iter(change.values())) in held
        assert running.gateway.epoch == epoch

        await shop.say(topics.HELLO, {**HELLO, "hello": "h2"})
        assert (await shop.hears(topics.WELCOME, 2))["hello"] == "h2"
        assert running.presence["shop1"].refused == ""


async def test_a_held_site_is_still_held_after_a_restart_until_its_own_shop_says_hello(
    broker: Mosquitto, store: Store
) -> None:
    async with agent(broker) as shop:
        async with bridge(broker, store) as running:
            await shop.say(topics.HELLO, HELLO)
            await shop.hears(topics.WELCOME)
            await shop.say(topics.HELLO, {**HELLO, "database_id": "db-2"})
            await until("the site is held", lambda: running.presence["shop1"].refused)
        async with bridge(broker, store) as again:
            assert "db-2" in again.presence["shop1"].refused
            with pytest.raises(TargetPaused, match="the site is held"):
                await again.gateway.request("GET", "/V1/orders", timeout_s=1)
            await shop.say(topics.HELLO, {**HELLO, "hello": "h2"})
            await shop.hears(topics.WELCOME, 2)
            assert again.presence["shop1"].refused == ""


async def test_a_second_run_of_the_agent_takes_the_first_one_s_place_for_good(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store), agent(broker) as shop:
        await shop.say(topics.HELLO, {**HELLO, "instance": "first", "last_epoch": None})
        first = (await shop.hears(topics.WELCOME))["epoch"]
        await shop.say(topics.HELLO, {**HELLO, "hello": "h2", "instance": "second", "last_epoch": None})
        second = (await shop.hears(topics.WELCOME, 2))["epoch"]
        await shop.say(topics.HELLO, {**HELLO, "hello": "h3", "instance": "first", "last_epoch": first})
        answer = await shop.hears(topics.WELCOME, 3)
        assert answer["hello"] == "h3"
        assert "another agent of shop1 has said hello" in answer["taken_over"]
        assert "epoch" not in answer
        await shop.say(topics.HELLO, {**HELLO, "hello": "h4", "instance": "second", "last_epoch": second})
        assert (await shop.hears(topics.WELCOME, 4))["epoch"] > second


async def test_the_same_run_says_hello_as_often_as_its_line_breaks(broker: Mosquitto, store: Store) -> None:
    """Also when it missed the answer to an earlier hello, and names an epoch of before."""
    async with bridge(broker, store), agent(broker) as shop:
        epochs: list[int] = []
        for number, last in enumerate((None, None, 0, 0, -1), 1):
            known = None if last is None else epochs[last]
            hello = {**HELLO, "hello": f"h{number}", "instance": "one", "last_epoch": known}
            await shop.say(topics.HELLO, hello)
            epochs.append((await shop.hears(topics.WELCOME, number))["epoch"])
        assert epochs == sorted(set(epochs))


async def test_a_store_put_back_from_a_copy_does_not_send_away_the_agent_that_runs(
    broker: Mosquitto, store: Store
) -> None:
    """It knows an earlier run, and an epoch below the one that the agent has."""
    async with bridge(broker, store), agent(broker) as shop:
        await shop.say(topics.HELLO, {**HELLO, "instance": "before the copy", "last_epoch": None})
        old = (await shop.hears(topics.WELCOME))["epoch"]
        await shop.say(topics.HELLO, {**HELLO, "hello": "h2", "instance": "runs", "last_epoch": old + 1000})
        assert (await shop.hears(topics.WELCOME, 2))["epoch"] > old


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"{}", b'{"database_id": "x"}', b"\xff"])
async def test_a_hello_of_another_form_is_not_answered(broker: Mosquitto, store: Store, payload: bytes) -> None:
    async with bridge(broker, store), agent(broker) as shop:
        await shop.connection.publish(topics.topic("shop1", topics.HELLO), payload)
        await shop.say(topics.HELLO, HELLO)
        assert (await shop.hears(topics.WELCOME))["hello"] == "h1"


async def test_a_ping_goes_through_the_broker_and_back(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running, agent(broker) as shop:
        await shop.say(topics.HELLO, HELLO)
        epoch = (await shop.hears(topics.WELCOME))["epoch"]
        assert await running.gateway.ask("ping") == {"n": 1}
        request = await shop.hears(topics.REQUESTS)
        assert (request["operation"], request["epoch"]) == ("ping", epoch)
        assert from_text(request["expires_at"]) > utc_now()


async def test_a_bridge_that_was_restarted_still_knows_the_epoch(broker: Mosquitto, store: Store) -> None:
    async with agent(broker) as shop:
        async with bridge(broker, store):
            await shop.say(topics.HELLO, HELLO)
            epoch = (await shop.hears(topics.WELCOME))["epoch"]
        assert epoch_of(store.read, "shop1") == epoch
        assert epoch_of(store.read, "shop9") == 0


async def test_an_agent_that_is_offline_by_its_own_word_or_its_will_is_asked_nothing(
    broker: Mosquitto, store: Store
) -> None:
    async with bridge(broker, store) as running, agent(broker) as shop:
        await shop.say(topics.HELLO, HELLO)
        await shop.say(topics.STATUS, {"state": "online", "outbox_rows": 3}, retain=True)
        await until("it is known", lambda: running.presence["shop1"].heartbeat.get("outbox_rows") == 3)
        assert running.gateway.online
        await shop.say(topics.STATUS, {"state": "offline", "site": "shop1"}, retain=True)
        await until("it is offline", lambda: not running.gateway.online)
        with pytest.raises(TargetUnavailable, match="offline"):
            await running.gateway.ask("ping")
        assert topics.REQUESTS not in shop.heard

        await shop.say(topics.HELLO, {**HELLO, "hello": "h2"})
        await shop.hears(topics.WELCOME, 2)
        assert await running.gateway.ask("ping") == {"n": 1}


async def test_a_retained_heartbeat_does_not_count_as_being_heard(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store), agent(broker) as shop:
        await shop.say(topics.STATUS, {"state": "online"}, retain=True)
    async with bridge(broker, store) as running:
        await until("the retained status is there", lambda: running.presence["shop1"].heartbeat)
        assert running.presence["shop1"].seen_at_s is None


async def test_a_broker_that_is_restarted_is_found_again(broker: Mosquitto, store: Store) -> None:
    async with bridge(broker, store) as running:
        await asyncio.to_thread(broker.restart)
        await until("the bridge is back", lambda: running.receiver.connected)
        async with agent(broker) as shop:
            await until("it has subscribed again", lambda: running.receiver.connected)
            await shop.send("b1", 1)
            assert (await shop.hears(topics.RECEIPTS))["batch"] == "b1"


async def test_nothing_can_be_published_without_a_connection(broker: Mosquitto, store: Store) -> None:
    alone = Bridge(broker, store)
    alone.gateway.epoch = 1
    with pytest.raises(TargetUnavailable, match="no connection to the broker"):
        await alone.gateway.ask("ping")
