"""A request that is given up at its deadline does not arrive later, whatever the network does by then.

The quiet period counts on it: after `timeout_s` and the server's own limit, what is not there never comes.
"""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from bridge_common.errors import OutcomeUnknown
from bridge_common.http import connector, exchange
from bridge_sandbox.process import wait_until

DEADLINE_S = 0.3
PATIENCE_S = 10.0
LENGTH = 150_000
"""More than the server's kernel takes at once, which may be 64 kB, and than ours keeps if nobody asks it to."""


@pytest.fixture
def busy() -> Iterator[socket.socket]:
    """A server too busy to read: its kernel takes a little, and the rest waits on our side, as when the way is cut."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(PATIENCE_S)
        yield listener


async def test_what_had_not_arrived_at_the_deadline_never_does(busy: socket.socket) -> None:
    host, port = busy.getsockname()
    async with aiohttp.ClientSession(connector=connector()) as session:
        with pytest.raises(OutcomeUnknown):
            await exchange(session, "POST", f"http://{host}:{port}/", timeout_s=DEADLINE_S, body="x" * LENGTH)
        # The event loop closes it a moment later; then neither it nor the kernel has anything to send.
        await asyncio.to_thread(wait_until, "no end of ours is left", lambda: not towards(port), timeout_s=PATIENCE_S)
        arrived = await asyncio.to_thread(read_all, busy)
    assert 0 < len(arrived) < LENGTH


def read_all(listener: socket.socket) -> bytes:
    """What the server gets to read when it has time again."""
    data = b""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE_S)
        try:
            while more := connection.recv(65536):
                data += more
        except ConnectionResetError:
            pass
    return data


def towards(port: int) -> list[str]:
    """This machine's own ends of connections to that port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [line for line in lines if line.split()[2].endswith(f":{port:04X}")]
