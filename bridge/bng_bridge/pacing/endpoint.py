"""One class of a target's calls: its own narrower limits where it has some, how often it is called, how long it takes."""

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from bng_bridge.config import Limit
from bng_bridge.pacing.calls import Calls
from bng_bridge.pacing.pace import Latency


class Endpoint:
    """`gate` is the way to one of the target's permits. Before `next_at` it is not called.

    Whoever holds `turns` is the next to be called, and moves that; only a class with an `interval_s` of its own needs them.
    """

    __slots__ = ("calls", "gate", "interval_s", "latency", "name", "next_at", "turns")

    def __init__(self, name: str, limit: Limit | None, permits: asyncio.Semaphore) -> None:
        self.name = name
        self.calls = Calls()
        self.latency = Latency()
        self.next_at = 0.0
        self.turns = asyncio.Lock()
        self.interval_s = 1.0 / limit.requests_per_s if limit and limit.requests_per_s else 0.0
        self.gate: AbstractAsyncContextManager[Any] = permits
        if limit is not None:
            self.gate = Gate(self, permits, limit.concurrency)

    def is_free(self) -> bool:
        """A call could take a turn at once."""
        return not self.turns.locked() and self.next_at <= asyncio.get_running_loop().time()

    async def due(self) -> None:
        """For the holder of `turns`, and nobody else moves `next_at`."""
        left_s = self.next_at - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)


class Gate:
    """A class's own limits are waited for before the target's permit.

    Otherwise the calls of a slow class, while they wait, would hold the permits that all the others need. Further calls of
    those inside need no permit, and go before those that wait here.
    """

    def __init__(self, endpoint: Endpoint, permits: asyncio.Semaphore, concurrency: int | None) -> None:
        self._endpoint = endpoint
        self._permits = permits
        self._own = asyncio.Semaphore(concurrency) if concurrency else None
        self._order = asyncio.Lock()

    async def __aenter__(self) -> None:
        if self._own is not None:
            await self._own.acquire()
        try:
            await self._permit()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._permits.release()
        self._leave()

    async def _permit(self) -> None:
        """With a rate of its own: at a moment when its class has a turn, which is then taken before anything is awaited."""
        if not self._endpoint.interval_s:
            await self._permits.acquire()
            return
        async with self._order:
            await self._free()
            await self._permits.acquire()
            while not self._endpoint.is_free():
                self._permits.release()
                await self._free()
                await self._permits.acquire()

    async def _free(self) -> None:
        while not self._endpoint.is_free():
            async with self._endpoint.turns:
                await self._endpoint.due()
            # Who waited for the turn behind this look has it first.
            await asyncio.sleep(0)

    def _leave(self) -> None:
        if self._own is not None:
            self._own.release()
