"""The network where no other can be had: one door to the broker per client, which can be shut in several ways.

What is held back is delivered when the door opens again, as TCP would after its retransmissions; what is reset is lost.
The doors live on an event loop in a thread of their own; the switches may be used from any thread.
"""

import asyncio
import contextlib
import threading
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Literal, Self

from bridge_sandbox.chaos.network import SMALL_PACKET_BYTES, Direction

HOST = "127.0.0.1"
CHUNK = 64 * 1024
START_LIMIT_S = 10.0


class Door:
    """Where one client's connections come in; they go on to the broker. Only used on the network's loop."""

    def __init__(self, port: int, upstream_port: int) -> None:
        self.port = port
        self.met = 0
        """How often something was held up, reset or refused."""
        self._upstream_port = upstream_port
        self._gates = {"up": open_gate(), "down": open_gate()}
        self._small_only = {"up": open_gate(), "down": open_gate()}
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()

    def heal(self) -> None:
        """Everything passes; what was held back goes on its way."""
        self._refuses = False
        for gate in (*self._gates.values(), *self._small_only.values()):
            gate.set()

    def hold(self, *directions: Direction) -> None:
        """Nothing passes in these directions, and nobody is told: as packets that a firewall drops."""
        for direction in directions:
            self._gates[direction].clear()

    def swallow_large(self, direction: Direction) -> None:
        """What is larger than a small packet does not pass, nor anything behind it."""
        self._small_only[direction].clear()

    def refuse(self) -> None:
        """Reset all connections, and each new one."""
        self._refuses = True
        self.reset()

    def reset(self) -> None:
        """Reset all connections."""
        self.met += len(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            self.met += 1
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(HOST, self._upstream_port)
        except OSError:
            writer.transport.abort()  # the broker is away
            return
        ends = {writer, upstream_writer}
        self._writers |= ends
        pumps = [
            asyncio.create_task(self._pump(reader, upstream_writer, "up"), name=f"door {self.port} up"),
            asyncio.create_task(self._pump(upstream_reader, writer, "down"), name=f"door {self.port} down"),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= ends
            for each in ends:
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if len(chunk) > SMALL_PACKET_BYTES:
                    await self._pass(self._small_only[direction])
                await self._pass(self._gates[direction])
                writer.write(chunk)
                await writer.drain()

    async def _pass(self, gate: asyncio.Event) -> None:
        self.met += not gate.is_set()
        await gate.wait()


class Proxy:
    """All doors by the name of their client. Inside the block they stand open."""

    kind: Literal["proxy"] = "proxy"

    def __init__(self, doors: Mapping[str, int], upstream_port: int) -> None:
        self._doors = {name: Door(port, upstream_port) for name, port in doors.items()}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for door in self._doors.values():
            asyncio.run_coroutine_threadsafe(door.open(), self._loop).result(START_LIMIT_S)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for door in self._doors.values():
            asyncio.run_coroutine_threadsafe(door.close(), self._loop).result(START_LIMIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def clients(self) -> Collection[str]:
        """BNG's is not among them: what this proxy holds back it may pass on when its client has long given up."""
        return self._doors.keys()

    # The faults, as network.py promises them

    def cut(self, client: str) -> None:
        self._loop.call_soon_threadsafe(self._doors[client].hold, "up", "down")

    def lose(self, client: str, direction: Direction) -> None:
        self._loop.call_soon_threadsafe(self._doors[client].hold, direction)

    def reset(self, client: str) -> None:
        self._loop.call_soon_threadsafe(self._doors[client].refuse)

    def swallow_large(self, client: str, direction: Direction) -> None:
        self._loop.call_soon_threadsafe(self._doors[client].swallow_large, direction)

    def met(self, client: str) -> int:
        return self._doors[client].met

    def heal(self, client: str) -> None:
        self._loop.call_soon_threadsafe(self._doors[client].heal)

    def heal_all(self) -> None:
        for client in self._doors:
            self.heal(client)


def open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate
