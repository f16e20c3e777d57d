"""The running shop: its database, its goods, and what only this process knows."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from bridge_sandbox.shop.cart import Cart
from bridge_sandbox.shop.checkout import PlacedOrder, mark_email_sent, place_order
from bridge_sandbox.shop.database import Database, DatabaseGone
from bridge_sandbox.shop.session import Session


@dataclass
class Shop:
    """One shop; `stop` it before its database is closed."""

    database: Database
    tokens: set[str]
    committed_at: dict[int, datetime] = field(default_factory=dict)
    stock_writes: int = 0
    _product_ids: dict[str, int] = field(default_factory=dict)
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    async def checkout(self, cart: Cart) -> PlacedOrder:
        """Place the order, and start what Magento does to it some seconds later."""
        if not self._product_ids:
            self._product_ids = await self.database.run(product_ids)
        placed = await self.database.run(place_order, cart, self._product_ids)
        self.committed_at[placed.order_id] = placed.committed_at
        self._start_later(self._send_email(placed.order_id, cart.second_update_delay_s), placed.increment_id)
        return placed

    async def release_held(self, _app: web.Application) -> None:
        """For `app.on_shutdown`: checkouts that keep their transaction open commit now."""
        self.database.stop_pauses()

    async def stop(self) -> None:
        """Give up what is still to be done later: an order without its e-mail is an order all the same."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _send_email(self, order_id: int, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            await self.database.run(mark_email_sent, order_id)
        except DatabaseGone:
            return  # as when the web server dies: nobody sends it later

    def _start_later(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"e-mail for {name}")
        self._later.add(task)
        task.add_done_callback(self._later.discard)


def product_ids(session: Session) -> dict[str, int]:
    """The ids of the seeded products by SKU."""
    return {row["sku"]: row["entity_id"] for row in session.rows("product_ids")}
