"""One at a time by name: an aggregate at a target has one writer, a thing that is kept is fetched once."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext


class Locks:
    """One lock per key, forgotten when nobody holds or awaits it."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def __call__(self, key: str) -> AsyncIterator[None]:
        lock, users = self._held.get(key, (asyncio.Lock(), 0))
        self._held[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._held[key]
            if users == 1:
                del self._held[key]
            else:
                self._held[key] = (lock, users - 1)

    def all(self, keys: Collection[str]) -> AbstractAsyncContextManager[None]:
        """All of them, in the order of their names: two who want some of the same never wait for each other crosswise."""
        return self._all(sorted(keys)) if keys else nullcontext()

    @asynccontextmanager
    async def _all(self, keys: list[str]) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            for key in keys:
                await held.enter_async_context(self(key))
            yield
