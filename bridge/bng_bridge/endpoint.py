"""One class of a target's calls: its own narrower limits where it has some, how often it is called, how long it takes."""

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from bng_bridge.calls import Calls
from bng_bridge.config import Limit
from bng_bridge.pace import Latency


class Endpoint:
    """`gate` is the way to one of the target's permits. Before `next_at` it is not called: the throttle moves that."""

    __slots__ = ("calls", "gate", "interval_s", "latency", "name", "next_at")

    def __init__(self, name: str, limit: Limit | None, permits: asyncio.Semaphore) -> None:
        self.name = name
        self.calls = Calls()
        self.latency = Latency()
        self.next_at = 0.0
        self.interval_s = 1.0 / limit.requests_per_s if limit and limit.requests_per_s else 0.0
        self.gate: AbstractAsyncContextManager[Any] = permits
        if limit is not None:
            self.gate = Gate(permits, concurrency=limit.concurrency, interval_s=self.interval_s)


class Gate:
    """A class's own limits are waited for before the target's permit.

    Otherwise the calls of a slow class, while they wait, would hold the permits that all the others need.
    """

    def __init__(self, permits: asyncio.Semaphore, *, concurrency: int | None, interval_s: float) -> None:
        self._permits = permits
        self._own = asyncio.Semaphore(concurrency) if concurrency else None
        self._interval_s = interval_s
        self._next_at = 0.0

    async def __aenter__(self) -> None:
        if self._own is not None:
            await self._own.acquire()
        try:
            await self._turn()
            await self._permits.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._permits.release()
        self._leave()

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + self._interval_s
        if at > now:
            await asyncio.sleep(at - now)

    def _leave(self) -> None:
        if self._own is not None:
            self._own.release()
