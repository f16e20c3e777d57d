"""What hardly changes in a shop, kept for a while: stores, countries and their regions, attribute sets.

Only its time ends it. What was not found and what failed is not kept. Lost with the process.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bng_bridge.locks import Locks

Document = dict[str, Any]
HOUR_S = 3600.0
MOST_KEPT = 20_000


class Static:
    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Document]] = {}
        self._locks = Locks()

    async def get(self, key: str, kept_s: float, fetch: Callable[[], Awaitable[Document | None]]) -> Document | None:
        """Those who ask for one key at the same time share one call. Nobody may change the document."""
        if (found := self._current(key)) is not None:
            return found
        async with self._locks(key):
            if (found := self._current(key)) is not None:
                return found
            fetched = await fetch()
            if fetched is not None:
                self._keep(key, fetched, kept_s)
            return fetched

    def _current(self, key: str) -> Document | None:
        ends_at_s, document = self._kept.get(key, (0.0, None))
        return document if ends_at_s > asyncio.get_running_loop().time() else None

    def _keep(self, key: str, document: Document, kept_s: float) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._kept) >= MOST_KEPT:
            current = {other: kept for other, kept in self._kept.items() if kept[0] > now}
            self._kept = current if len(current) < MOST_KEPT // 2 else {}
        self._kept[key] = (now + kept_s, document)
