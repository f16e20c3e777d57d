"""The admin server: what people do in and to the shop, for tests and demos. No authentication, loopback only."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bridge_sandbox.shop.book import read_book, rfc3339
from bridge_sandbox.shop.cart import read_cart
from bridge_sandbox.shop.documents import number, shown
from bridge_sandbox.shop.errors import MagentoError, required
from bridge_sandbox.shop.orders import cancel_order, edit_address, hold_order, invoice_order, unhold_order
from bridge_sandbox.shop.session import Session
from bridge_sandbox.shop.shop import Shop


class Admin:
    """The admin routes of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def routes(self) -> list[web.RouteDef]:
        """All but the fault switches."""
        return [
            web.post("/checkout", self._checkout),
            web.get("/book", self._book),
            web.post("/invoice", self._change(invoice_order)),
            web.post("/cancel", self._change(cancel_order)),
            web.post("/hold", self._change(hold_order)),
            web.post("/unhold", self._change(unhold_order)),
            web.post("/address", self._address),
        ]

    async def _checkout(self, request: web.Request) -> web.Response:
        placed = await self._shop.checkout(read_cart(await read_body(request)))
        return web.json_response(
            {
                "order_id": placed.order_id,
                "increment_id": placed.increment_id,
                "committed_at": rfc3339(placed.committed_at),
                "grand_total": number(placed.grand_total),
            }
        )

    async def _book(self, _request: web.Request) -> web.Response:
        shop = self._shop
        return web.json_response(await shop.database.run(read_book, dict(shop.committed_at), shop.stock_writes))

    def _change(self, work: Callable[[Session, int], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            order_id = read_order_id(await read_body(request))
            return web.json_response({"result": await self._shop.database.run(work, order_id)})

        return answer

    async def _address(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        order_id = read_order_id(body)
        changes = {name: value for name, value in body.items() if name != "order_id"}
        return web.json_response(shown(await self._shop.database.run(edit_address, order_id, changes)))


async def read_body(request: web.Request) -> dict[str, Any]:
    """The JSON object sent; nothing is an empty one."""
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise MagentoError(400, "Decoding error.") from error
    return body if isinstance(body, dict) else {}


def read_order_id(body: dict[str, Any]) -> int:
    """The order that is meant."""
    if "order_id" not in body:
        raise required("order_id")
    return int(body["order_id"])
