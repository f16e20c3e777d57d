"""The one quantity that a product has in a shop without Multi-Source Inventory: read and written by itself.

Magento takes a sold piece off it at once, and puts a cancelled one back; it knows no reservations. See
docs/adr/0015-two-policies-for-stock.md.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bng_bridge.magento.client import MagentoClient, segment
from bng_bridge.magento.endpoints import STOCK
from bng_bridge.target import Record, Write
from bridge_common.errors import RejectedByTarget


class StockItems:
    """One write at a time: two at once deadlock in Magento's stock tables."""

    def __init__(self, client: MagentoClient) -> None:
        self._client = client
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        async with self._turn, self._client.throttle.slot(STOCK):
            yield

    async def find(self, sku: str) -> Record | None:
        found = await self._client.get(f"/V1/stockItems/{segment(sku)}")
        return None if found is None else Record(str(found["item_id"]), body=found)

    async def create(self, write: Write) -> Record:
        """Only Magento makes one, with the product. Raises RejectedByTarget."""
        raise RejectedByTarget(
            f"{write.site} has no stock item of {write.reference}", status=404, problem="absent",
            hint="Save the product in the shop once more, then bridgectl dlq retry {event}.",
        )  # fmt: skip

    async def update(self, write: Write, item_id: str, body: dict[str, Any], request_id: str) -> Record:
        path = f"/V1/products/{segment(write.reference)}/stockItems/{segment(item_id)}"
        await self._client.write("PUT", path, {"stockItem": body}, request_id)
        return Record(item_id, facts={"quantity": body["qty"]})
