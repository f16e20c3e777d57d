"""The running shop: its database, its goods, and what only this process knows."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from bridge_sandbox.shop.access import Access
from bridge_sandbox.shop.cart import Cart
from bridge_sandbox.shop.checkout import PlacedOrder, mark_email_sent, place_order
from bridge_sandbox.shop.database import Database, DatabaseGone
from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.edits import give_way, read_edit
from bridge_sandbox.shop.goods import Goods, read_goods
from bridge_sandbox.shop.hooks import Hooks
from bridge_sandbox.shop.stores import Store, read_stores


@dataclass
class Shop:
    """One shop; `stop` it before its database is closed."""

    database: Database
    access: Access
    hooks: Hooks
    committed_at: dict[int, datetime] = field(default_factory=dict)
    stock_writes: int = 0
    _goods: Goods | None = None
    _stores: dict[str, Store] | None = None
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    async def checkout(self, cart: Cart) -> PlacedOrder:
        """Place the order, and start what Magento does to it some seconds later."""
        placed = await self.database.run(place_order, cart, (await self.goods()).ids)
        self.committed_at[placed.order_id] = placed.committed_at
        self.hooks.announce(
            "sales_order_place_after", {"order_id": placed.order_id, "increment_id": placed.increment_id}
        )
        self._start_later(self._send_email(placed.order_id, cart.second_update_delay_s), placed.increment_id)
        return placed

    async def edit(self, order_id: int, changes: Mapping[str, Any]) -> PlacedOrder:
        """The order that took this one's place; this one is cancelled."""
        cart = await self.database.run(read_edit, order_id, await self.goods(), changes)
        placed = await self.checkout(cart)
        await self.database.run(give_way, order_id, placed)
        return placed

    def customer_saved(self, customer: Document) -> Document:
        """Tell of a customer that was created or changed; returns it."""
        self.hooks.announce("customer_save_after", {"customer_id": customer["id"]})
        return customer

    async def goods(self) -> Goods:
        """What is on sale."""
        if self._goods is None:
            self._goods = await self.database.run(read_goods)
        return self._goods

    def forget_goods(self) -> None:
        """After a product has been changed."""
        self._goods = None

    async def stores(self) -> dict[str, Store]:
        """Where it is sold, by code."""
        if self._stores is None:
            self._stores = await self.database.run(read_stores)
        return self._stores

    def forget_stores(self) -> None:
        """After one has been opened."""
        self._stores = None

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
