"""`bng-bridge run` as a process: what stops a start is one sentence and its exit code; a good start can be operated."""

import asyncio
import contextlib
import json
import signal
import socket as sockets
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.bridge import until

from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings
from bridge_sandbox.mosquitto import Mosquitto
from bridge_sandbox.process import installed

CONFIG = """\
[bridge]
state_dir = "{folder}/state"
socket = "{folder}/admin.sock"

[broker]
port = {broker_port}
tls = false
password_file = "{folder}/broker-password"

[bng]
base_url = "{bng_url}"
client_id = "sandbox-client"
client_secret_file = "{folder}/bng-secret"
timeout_s = 2

[sites.shop1]
"""
DEADLINE_S = 20


@dataclass
class Place:
    """A configuration that would start, for a test to spoil."""

    folder: Path
    bng_url: str
    broker_port: int

    def write(self, *, broker_password: str = "b", bng_secret: str = Settings.client_secret) -> Path:
        (self.folder / "broker-password").write_text(broker_password)
        (self.folder / "bng-secret").write_text(bng_secret)
        path = self.folder / "bridge.toml"
        path.write_text(CONFIG.format(folder=self.folder, bng_url=self.bng_url, broker_port=self.broker_port))
        return path


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto"), {"bridge": "b"}) as broker:
        yield broker


@pytest.fixture
async def place(tmp_path: Path, broker: Mosquitto) -> AsyncIterator[Place]:
    async with serving(Settings(tmp_path / "bng.sqlite")) as bng:
        yield Place(tmp_path, bng.url, broker.port)


async def program(*arguments: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def run_to_the_end(config: Path) -> tuple[int | None, str]:
    """(exit code, standard error)"""
    process = await program(installed("bng-bridge"), "run", "--config", config)
    async with asyncio.timeout(DEADLINE_S):
        _, err = await process.communicate()
    return process.returncode, err.decode()


def assert_sentence(ended: tuple[int | None, str], code: int, *parts: str) -> None:
    found, err = ended
    assert found == code, err
    assert "Traceback" not in err
    last = [line for line in err.splitlines() if not line.startswith("action=")]
    assert len(last) == 1, err
    assert all(part in last[0] for part in parts), err


@contextlib.asynccontextmanager
async def started(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A bridge that is up; killed at the end if the test has not stopped it."""
    process = await program(installed("bng-bridge"), "run", "--config", config)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while (line := (await process.stderr.readline()).decode()) and "action=broker_connected" not in line:
                assert "Traceback" not in line
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.communicate()


async def test_a_broker_that_cannot_be_reached_ends_with_69(place: Place) -> None:
    place.broker_port = 9
    ended = await run_to_the_end(place.write())
    assert_sentence(ended, 69, "The broker at 127.0.0.1:9 cannot be reached", "Check [broker] host and port")


async def test_a_wrong_broker_password_ends_with_77(place: Place) -> None:
    ended = await run_to_the_end(place.write(broker_password="wrong"))
    assert_sentence(ended, 77, "refuses user 'bridge'", "Check [broker] username and password_file")


async def test_a_refused_bng_login_ends_with_77(place: Place) -> None:
    ended = await run_to_the_end(place.write(bng_secret="wrong"))
    assert_sentence(ended, 77, "BNG refuses client 'sandbox-client'", "Check [bng] client_id and client_secret_file")


async def test_a_bng_that_cannot_be_reached_ends_with_69(place: Place) -> None:
    place.bng_url = "http://127.0.0.1:9"
    ended = await run_to_the_end(place.write())
    assert_sentence(ended, 69, "http://127.0.0.1:9")


async def test_a_state_folder_that_cannot_be_made_ends_with_78(place: Place) -> None:
    (place.folder / "state").write_text("a file")
    ended = await run_to_the_end(place.write())
    assert_sentence(ended, 78, "bridge.sqlite cannot be used", "[bridge] state_dir")


async def test_a_socket_that_cannot_be_made_ends_with_78(place: Place) -> None:
    config = place.write()
    long_name = "s" * 200
    config.write_text(config.read_text().replace("admin.sock", long_name))
    ended = await run_to_the_end(config)
    assert_sentence(ended, 78, "bridge.socket: ", long_name)


async def test_a_webhook_port_that_is_taken_ends_with_78(place: Place) -> None:
    taken = int(place.bng_url.rsplit(":", 1)[1])
    config = place.write()
    (place.folder / "hook").write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")
    hooks = f'[bng.webhooks]\nport = {taken}\nsecret_file = "{place.folder}/hook"\n\n[sites.shop1]'
    config.write_text(config.read_text().replace("[sites.shop1]", hooks))
    assert_sentence(await run_to_the_end(config), 78, f"bng.webhooks: cannot listen on 127.0.0.1:{taken}")


async def test_an_alerts_secret_that_cannot_sign_ends_with_78(place: Place) -> None:
    config = place.write()
    (place.folder / "alerts").write_text("whsec_")
    alerts = f'[alerts]\nwebhook_url = "http://127.0.0.1:9/"\nwebhook_secret_file = "{place.folder}/alerts"\n\n[broker]'
    config.write_text(config.read_text().replace("[broker]", alerts))
    assert_sentence(await run_to_the_end(config), 78, "alerts.webhook_secret_file: not a secret of Standard Webhooks")


async def test_a_test_alert_runs_the_command(place: Place) -> None:
    config = place.write()
    alerts = f'[alerts]\ncommand = ["/bin/sh", "-c", "cat > {place.folder}/paged"]\n\n[broker]'
    config.write_text(config.read_text().replace("[broker]", alerts))
    async with started(config):
        ctl = await program(installed("bridgectl"), "--socket", place.folder / "admin.sock", "alerts", "test")
        out, _ = await ctl.communicate()
    assert (ctl.returncode, out.decode()) == (0, "command: sent /bin/sh ended with 0\n")
    assert json.loads((place.folder / "paged").read_text())["subject"] == "a test alert"


async def test_a_good_start_can_be_operated_and_stopped(place: Place) -> None:
    async with started(place.write()) as bridge:
        socket = place.folder / "admin.sock"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        ctl = await program(installed("bridgectl"), "--socket", socket, "status", "--json")
        out, _ = await ctl.communicate()
        status = json.loads(out)
        assert (ctl.returncode, status["verdict"], status["sites"][0]["state"]) == (1, "degraded", "unseen")

        bridge.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            _, err = await bridge.communicate()
        assert bridge.returncode == 0, err
        assert b"action=stopped program=bng-bridge" in err
        assert b"Traceback" not in err


async def test_a_second_bridge_over_the_same_store_ends_with_78_and_leaves_the_first_alone(place: Place) -> None:
    """Also at the broker, where both have one name and the later throws out the earlier."""
    config = place.write()
    async with started(config) as first:
        ended = await run_to_the_end(config)
        assert_sentence(ended, 78, "bridge.sqlite is in use by another bridge", "stop the other one first")
        first.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            _, err = await first.communicate()
        assert (first.returncode, b"broker_lost" in err) == (0, False), err


async def test_a_killed_bridge_starts_again_on_what_it_left(place: Place) -> None:
    config = place.write()
    async with started(config) as bridge:
        bridge.kill()
        await bridge.wait()
        assert (place.folder / "admin.sock").exists()
    async with started(config) as bridge:
        bridge.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            assert await bridge.wait() == 0


async def test_a_bridge_tells_systemd_when_it_is_ready_and_when_it_stops(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _address: object) -> None:
            heard.append(data)

    channel = sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM)
    channel.bind(str(place.folder / "notify"))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, sock=channel)
    monkeypatch.setenv("NOTIFY_SOCKET", str(place.folder / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    async with started(place.write()) as bridge:
        await until("it is ready", lambda: b"READY=1" in heard)
        await until("the watchdog is fed", lambda: heard.count(b"WATCHDOG=1") >= 2)
        bridge.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            assert await bridge.wait() == 0
        assert b"STOPPING=1" in heard
    transport.close()
