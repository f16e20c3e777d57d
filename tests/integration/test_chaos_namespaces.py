"""A network between namespaces: what each kind of fault looks like from outside, and that nothing of it stays behind."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from tests.support.sockets import is_silent, receive
from yarl import URL

from bridge_common.errors import OutcomeUnknown
from bridge_common.http import connector, exchange
from bridge_sandbox.chaos import namespaces
from bridge_sandbox.chaos.namespaces import Namespaces, NoNamespaces, enter, names
from bridge_sandbox.chaos.network import SMALL_PACKET_BYTES, Direction
from bridge_sandbox.mosquitto import Mosquitto
from bridge_sandbox.process import ProgramFailed, free_ports, wait_until
from bridge_sandbox.settings import STAGE

pytestmark = pytest.mark.integration

PATIENCE_S = 10.0
SMALL, LARGE = b"x" * 20, b"y" * SMALL_PACKET_BYTES
ECHO = """
import socket, sys, threading
def serve(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
listener = socket.create_server(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
CALL = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1).close()
except TimeoutError:
    sys.exit(1)
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Namespaces]:
    try:
        with Namespaces(("bridge", "shop1", "bng")) as network:
            yield network
    except NoNamespaces as error:
        pytest.skip(f"no namespaces here: {error}")


@pytest.fixture(scope="module")
def port(network: Namespaces) -> Iterator[int]:
    """A broker of the simplest kind: what comes in goes back."""
    port = free_ports(1)[0]
    command = [*network.far.within, sys.executable, "-c", ECHO, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as echo:
        assert echo.stdout is not None
        assert echo.stdout.readline() == b"ready\n"
        yield port
        echo.kill()


@pytest.fixture
def client(network: Namespaces, port: int) -> Iterator[socket.socket]:
    network.heal_all()
    with connect(network, "shop1", port) as client:
        yield client
    network.heal_all()


def test_nothing_is_met_where_nothing_is_wrong(network: Namespaces, client: socket.socket) -> None:
    before = network.met("shop1")
    assert comes_back(client, LARGE)
    assert network.met("shop1") == before


def test_a_cut_network_is_silent_and_delivers_late(network: Namespaces, client: socket.socket) -> None:
    before = network.met("shop1")
    network.cut("shop1")
    assert network.met("shop1") == before
    client.sendall(SMALL)
    assert is_silent(client)
    assert network.met("shop1") > before
    network.heal("shop1")
    assert receive(client, len(SMALL)) == SMALL


@pytest.mark.parametrize("direction", ["up", "down"])
def test_one_lost_direction_is_enough_for_silence(
    network: Namespaces, client: socket.socket, direction: Direction
) -> None:
    network.lose("shop1", direction)
    client.sendall(SMALL)
    assert is_silent(client)
    network.heal_all()
    assert receive(client, len(SMALL)) == SMALL


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_black_hole_swallows_large_packets_only(
    network: Namespaces, client: socket.socket, direction: Direction
) -> None:
    network.swallow_large("shop1", direction)
    assert comes_back(client, SMALL)
    before = network.met("shop1")
    client.sendall(LARGE)
    assert is_silent(client)
    assert network.met("shop1") > before
    network.heal("shop1")
    assert receive(client, len(LARGE)) == LARGE


def test_a_reset_ends_connections_and_refuses_new_ones(network: Namespaces, client: socket.socket, port: int) -> None:
    network.reset("shop1")
    before = network.met("shop1")
    client.sendall(SMALL)
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(network, "shop1", port)
    assert network.met("shop1") > before
    network.heal("shop1")
    with connect(network, "shop1", port):
        pass


def test_one_client_alone_is_cut(network: Namespaces, client: socket.socket, port: int) -> None:
    before = network.met("bridge")
    network.cut("shop1")
    with connect(network, "bridge", port) as other:
        assert comes_back(other, LARGE)
    assert network.met("bridge") == before


def test_what_is_there_reaches_us_by_the_way_to_bng(network: Namespaces, client: socket.socket) -> None:
    """For webhooks; and a cut of that way cuts them, too."""
    with socket.create_server((network.far.ours, 0)) as here:
        host, port = here.getsockname()
        call = [*network.far.within, sys.executable, "-c", CALL, host, str(port)]
        assert subprocess.run(call, check=False).returncode == 0
        network.cut("bng")
        assert subprocess.run(call, check=False).returncode == 1


def test_a_broker_started_there_is_reached_by_its_address(network: Namespaces, tmp_path: Path) -> None:
    """Also by who started it, while its clients are cut."""
    host, within = network.far.address_for(STAGE), network.far.within
    network.cut("bridge")
    with Mosquitto(
        tmp_path / "broker", {"bridge": "secret"}, port=free_ports(1)[0], host=host, within=within
    ) as broker:
        broker.restart(orderly=False)
        network.heal("bridge")
        connect(network, "bridge", broker.port).close()
    with pytest.raises(ConnectionRefusedError):
        connect(network, "bridge", broker.port)


async def test_of_a_large_request_that_is_given_up_nothing_is_left_to_send(
    network: Namespaces, client: socket.socket, port: int
) -> None:
    """Neither in the kernel, whose buffer is small on such a link, nor in the event loop."""
    network.swallow_large("bng", "up")
    url = f"http://{network.far.address_for('bng')}:{port}/"
    async with aiohttp.ClientSession(connector=connector()) as session:
        with pytest.raises(OutcomeUnknown):
            await exchange(session, "POST", url, timeout_s=0.5, body="x" * 150_000)
        await asyncio.to_thread(wait_until, "no end is left", lambda: not towards(url), timeout_s=PATIENCE_S)


def test_at_its_end_nothing_of_it_is_left_also_after_an_error(
    network: Namespaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = dead_pid()
    with contextlib.suppress(KeyError), Namespaces(("shop1",), pid):
        assert len(left_of(pid)) == 4
        raise KeyError
    assert left_of(pid) == []
    monkeypatch.setattr(namespaces, "ruleset", lambda _names: "no rules")
    with pytest.raises(NoNamespaces, match="no rules"), Namespaces(("shop1",), pid):
        pass
    assert left_of(pid) == []


def test_what_a_killed_run_left_goes_at_the_next_start_and_nobody_elses(network: Namespaces) -> None:
    killed, other = dead_pid(), os.getppid()
    Namespaces(("shop1",), killed).__enter__()
    assert len(left_of(killed)) == 4
    with Namespaces(("bridge",), other) as running:
        assert left_of(killed) == []
        assert len(left_of(other)) == 4
        assert running.met("bridge") == 0
    assert len(left_of(os.getpid())) == 6


def test_the_hosts_own_rules_are_left_alone(network: Namespaces) -> None:
    listed = subprocess.run(["nft", "-j", "list", "tables"], capture_output=True, text=True, check=True).stdout
    assert "faults" not in {each.get("table", {}).get("name") for each in json.loads(listed)["nftables"]}


def test_who_cannot_have_them_gets_the_proxy_or_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    said: list[str] = []
    with ExitStack() as ends:
        assert enter(ends, ("bridge",), None, said.append) is None
        assert said == ["network faults go through a proxy; no namespaces: only root may make them"]
        with pytest.raises(ProgramFailed, match="only root"):
            enter(ends, ("bridge",), "namespaces", said.append)
        assert enter(ends, ("bridge",), "proxy", said.append) is None
    assert len(said) == 1


def towards(url: str) -> list[str]:
    """This side's ends of connections to that address, as /proc/net/tcp writes it."""
    there = URL(url)
    assert there.host is not None
    text = f"{int.from_bytes(socket.inet_aton(there.host), sys.byteorder):08X}:{there.port:04X}"
    return [line for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[2] == text]


def connect(network: Namespaces, client: str, port: int) -> socket.socket:
    return socket.create_connection((network.far.address_for(client), port), timeout=PATIENCE_S)


def comes_back(client: socket.socket, data: bytes) -> bool:
    client.sendall(data)
    return receive(client, len(data)) == data


def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def left_of(pid: int) -> list[str]:
    """Links and namespaces; the kernel takes a link away a moment after its namespace."""
    folders = (Path("/run/netns"), Path("/sys/class/net"))
    return [name for folder in folders for name in names(folder, f"bng{pid}_")]
