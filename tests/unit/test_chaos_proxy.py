"""The doors between the broker and its clients: what each kind of broken network looks like from outside."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.support.sockets import is_silent, receive

from bridge_sandbox.chaos.network import SMALL_PACKET_BYTES, Direction
from bridge_sandbox.chaos.proxy import Proxy
from bridge_sandbox.process import free_ports

PATIENCE_S = 5.0
SMALL, LARGE = b"x" * 20, b"y" * (SMALL_PACKET_BYTES + 1)


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A broker of the simplest kind: what comes in goes back."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def network(port: int, echo_port: int) -> Iterator[Proxy]:
    with Proxy({"shop1": port}, echo_port) as network:
        yield network


@pytest.fixture
def client(network: Proxy, port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(SMALL)
        assert receive(client, len(SMALL)) == SMALL
        yield client


def test_an_open_door_lets_everything_through(network: Proxy, client: socket.socket) -> None:
    client.sendall(LARGE)
    assert receive(client, len(LARGE)) == LARGE
    assert network.met("shop1") == 0


def test_a_shut_door_that_nobody_comes_to_has_met_nothing(network: Proxy, client: socket.socket) -> None:
    network.swallow_large("shop1", "up")
    settle(network)
    client.sendall(SMALL)
    assert receive(client, len(SMALL)) == SMALL
    assert network.met("shop1") == 0
    client.sendall(LARGE)
    assert is_silent(client)
    assert network.met("shop1") == 1


def test_a_cut_network_is_silent_and_delivers_late(network: Proxy, client: socket.socket) -> None:
    network.cut("shop1")
    settle(network)
    client.sendall(SMALL)
    assert is_silent(client)
    network.heal("shop1")
    assert receive(client, len(SMALL)) == SMALL


@pytest.mark.parametrize("direction", ["up", "down"])
def test_one_lost_direction_is_enough_for_silence(network: Proxy, client: socket.socket, direction: Direction) -> None:
    network.lose("shop1", direction)
    settle(network)
    client.sendall(SMALL)
    assert is_silent(client)
    network.heal_all()
    assert receive(client, len(SMALL)) == SMALL


def test_a_black_hole_swallows_large_packets_and_what_is_behind_them(network: Proxy, client: socket.socket) -> None:
    network.swallow_large("shop1", "up")
    settle(network)
    client.sendall(SMALL)
    assert receive(client, len(SMALL)) == SMALL
    client.sendall(LARGE)
    assert is_silent(client)
    client.sendall(SMALL)
    assert is_silent(client)
    network.heal("shop1")
    assert receive(client, len(LARGE) + len(SMALL)) == LARGE + SMALL


def test_a_reset_ends_connections_and_refuses_new_ones(network: Proxy, client: socket.socket, port: int) -> None:
    network.reset("shop1")
    assert is_gone(client)
    was_reset = network.met("shop1")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as refused:
        assert is_gone(refused)
    assert 0 < was_reset < network.met("shop1")
    network.heal("shop1")
    settle(network)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as welcome:
        welcome.sendall(SMALL)
        assert receive(welcome, len(SMALL)) == SMALL


def test_a_door_without_a_broker_behind_it_hangs_up(port: int) -> None:
    with (
        Proxy({"shop1": port}, free_ports(1)[0]),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client,
    ):
        assert is_gone(client)


def settle(network: Proxy) -> None:
    """Return when the switches set before are in force."""
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), network._loop).result(PATIENCE_S)  # noqa: SLF001


def is_gone(client: socket.socket) -> bool:
    client.settimeout(PATIENCE_S)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
