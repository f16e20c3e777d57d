"""The two things that aiomqtt 2.5 does not do by itself, and without which events would be lost.

It acknowledges what it received before anybody has handled it, and it takes a publish for done whatever the broker said.
"""

import asyncio
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge_common.errors import TargetUnavailable
from bridge_common.mqtt import BrokerAddress, BrokerLost, Connection, PublishRefused, connect, keep_connected
from bridge_sandbox.mosquitto import Mosquitto

EVENTS = "bng-bridge/v1/shop1/up/events"
PACKETS = 100


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto", {"shop1": "secret", "bridge": "secret"}) as broker:
        yield broker


async def test_what_was_received_and_not_acknowledged_comes_back_after_a_kill(broker: Mosquitto) -> None:
    async with connect(address(broker, "bridge")) as bridge:
        await bridge.subscribe([EVENTS])
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RECEIVE_ALL, str(broker.port), stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"connected\n"
    async with connect(address(broker, "shop1")) as shop:
        await asyncio.gather(*(shop.publish(EVENTS, str(number).encode()) for number in range(PACKETS)))
    assert await victim.stdout.readline() == b"received all\n"
    victim.kill()
    await victim.wait()
    async with connect(address(broker, "bridge")) as bridge:
        received = await receive(bridge, PACKETS)
    assert received == {str(number).encode() for number in range(PACKETS)}


async def test_what_was_acknowledged_does_not_come_back(broker: Mosquitto) -> None:
    async with connect(address(broker, "bridge")) as bridge:
        await bridge.subscribe([EVENTS])
    async with connect(address(broker, "shop1")) as shop:
        for text in (b"first", b"second"):
            await shop.publish(EVENTS, text)
    async with connect(address(broker, "bridge")) as bridge:
        async for packet in bridge.incoming():
            if packet.payload == b"first":
                packet.ack()
                continue
            break
    async with connect(address(broker, "bridge")) as bridge:
        assert await receive(bridge, 1) == {b"second"}


async def test_a_publish_that_the_acl_refuses_raises(broker: Mosquitto) -> None:
    async with connect(address(broker, "shop1")) as shop:
        with pytest.raises(PublishRefused, match="Not authorized"):
            await shop.publish("bng-bridge/v1/shop2/up/events", b"not mine")


async def test_a_publish_that_nobody_receives_raises_unless_it_is_retained(broker: Mosquitto) -> None:
    async with connect(address(broker, "shop1")) as shop:
        with pytest.raises(PublishRefused, match="No matching subscribers"):
            await shop.publish(EVENTS, b"alone")
        await shop.publish("bng-bridge/v1/shop1/up/status", b"kept", retain=True)


async def test_a_broker_that_goes_away_is_noticed_by_who_listens_and_who_publishes(broker: Mosquitto) -> None:
    async with connect(address(broker, "bridge")) as bridge, connect(address(broker, "shop1")) as shop:
        await bridge.subscribe([EVENTS])
        listening = asyncio.create_task(receive(bridge, 1))
        broker.kill()
        with pytest.raises(BrokerLost):
            await asyncio.wait_for(listening, 10)
        with pytest.raises(BrokerLost):
            await shop.publish(EVENTS, b"into the void")


async def test_a_publish_under_way_does_not_wait_for_its_limit_when_the_broker_goes(broker: Mosquitto) -> None:
    async with connect(address(broker, "shop1")) as shop:
        broker.pause()
        publishing = asyncio.create_task(shop.publish(EVENTS, b"into the void"))
        await asyncio.sleep(0)
        broker.kill()
        with pytest.raises(BrokerLost):
            await asyncio.wait_for(publishing, 5)


async def test_a_connection_that_is_cut_before_the_broker_answers_is_given_up_at_once() -> None:
    async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(cut, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        patient = BrokerAddress("127.0.0.1", port, "shop1", "secret", timeout_s=3600)
        async with asyncio.timeout(10):
            for _ in range(5):
                with pytest.raises(TargetUnavailable, match="cannot be reached"):
                    async with connect(patient):
                        pass


async def test_sessions_follow_each_other_and_errors_in_a_group_end_only_one(broker: Mosquitto) -> None:
    """A session that runs a TaskGroup ends with a group of errors."""
    sessions: list[Connection] = []

    async def session(connection: Connection) -> None:
        sessions.append(connection)
        if len(sessions) == 3:
            raise ZeroDivisionError
        async with asyncio.TaskGroup() as group:
            group.create_task(receive(connection, 1))
            group.create_task(asyncio.to_thread(broker.restart))

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(keep_connected(address(broker, "bridge"), session), 20)


RECEIVE_ALL = textwrap.dedent(
    f"""
    import asyncio, sys
    from bridge_common.mqtt import BrokerAddress, connect

    async def main():
        address = BrokerAddress("127.0.0.1", int(sys.argv[1]), "bridge", "secret", client_id="bridge")
        async with connect(address) as connection:
            print("connected", flush=True)
            received = 0
            async for packet in connection.incoming():
                received += 1
                if received == {PACKETS}:
                    print("received all", flush=True)

    asyncio.run(main())
    """
)


def address(broker: Mosquitto, user: str) -> BrokerAddress:
    return BrokerAddress(broker.host, broker.port, user, broker.users[user], client_id=user)


async def receive(connection: Connection, count: int) -> set[bytes]:
    """Payloads of the next packets, all acknowledged."""
    received: set[bytes] = set()
    async with asyncio.timeout(15):
        async for packet in connection.incoming():
            received.add(packet.payload)
            packet.ack()
            if len(received) == count:
                break
    return received
