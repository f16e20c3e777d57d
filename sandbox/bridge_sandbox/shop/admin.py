"""The admin server: what people do in and to the shop, for tests and demos. No authentication, loopback only."""

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from bridge_sandbox.shop.book import read_book, rfc3339
from bridge_sandbox.shop.cart import read_cart
from bridge_sandbox.shop.checkout import PlacedOrder
from bridge_sandbox.shop.comments import add_comment
from bridge_sandbox.shop.customers import delete_customer, edit_own_data
from bridge_sandbox.shop.documents import Document, shown
from bridge_sandbox.shop.errors import MagentoError, required
from bridge_sandbox.shop.invoicing import invoice_as_clerk
from bridge_sandbox.shop.json_numbers import number
from bridge_sandbox.shop.orders import cancel_order, edit_address, hold_order, unhold_order
from bridge_sandbox.shop.refunding import refund_as_clerk
from bridge_sandbox.shop.session import Session
from bridge_sandbox.shop.shipping import ship_order
from bridge_sandbox.shop.shop import Shop
from bridge_sandbox.shop.stores import open_store
from bridge_sandbox.shop.transactions import record_transaction


class Admin:
    """The admin routes of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def routes(self) -> list[web.RouteDef]:
        """All but the fault switches."""
        return [
            web.post("/checkout", self._checkout),
            web.get("/book", self._book),
            web.post("/store", self._open_store),
            web.post("/ship", self._write(ship_order)),
            web.post("/invoice", self._write(invoice_as_clerk)),
            web.post("/refund", self._write(refund_as_clerk)),
            web.post("/transaction", self._transaction),
            web.post("/cancel", self._change(cancel_order)),
            web.post("/hold", self._change(hold_order)),
            web.post("/unhold", self._change(unhold_order)),
            web.post("/address", self._address),
            web.post("/edit", self._edit),
            web.post("/comment", self._comment),
            web.post("/customer", self._edit_customer),
            web.delete(r"/customer/{id:\d+}", self._delete_customer),
            web.post("/tokens/expire", self._expire_tokens),
            web.get("/webhooks", self._webhooks),
            web.post("/webhooks/{switch:pause|resume|duplicate|single}", self._switch_webhooks),
            web.post("/webhooks/forge", self._forge_webhook),
        ]

    async def _checkout(self, request: web.Request) -> web.Response:
        goods, stores = await self._shop.goods(), await self._shop.stores()
        placed = await self._shop.checkout(read_cart(await read_body(request), goods.products, stores))
        return web.json_response(placed_document(placed))

    async def _open_store(self, request: web.Request) -> web.Response:
        """A second store, website or currency: see `open_store`."""
        opened = await self._shop.database.run(open_store, await read_body(request))
        self._shop.forget_stores()
        return web.json_response(opened)

    async def _book(self, _request: web.Request) -> web.Response:
        shop = self._shop
        return web.json_response(await shop.database.run(read_book, dict(shop.committed_at), shop.stock_writes))

    def _change(self, work: Callable[[Session, int], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            order_id = read_order_id(await read_body(request))
            return web.json_response({"result": await self._shop.database.run(work, order_id)})

        return answer

    def _write(self, work: Callable[[Session, int, Document], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A document on an order, as a clerk makes it: what REST takes, and `order_id`."""

        async def answer(request: web.Request) -> web.Response:
            body = await read_body(request)
            return web.json_response({"result": await self._shop.database.run(work, read_order_id(body), body)})

        return answer

    async def _transaction(self, request: web.Request) -> web.Response:
        """The payment provider's module records a transaction: {"order_id", "txn_id", "txn_type"?, "told"?}."""
        body = await read_body(request)
        work = self._shop.database.run(
            partial(record_transaction, is_told_to_payment=bool(body.get("told", True))),
            read_order_id(body),
            str(body.get("txn_id") or f"txn-{secrets.token_hex(6)}"),
            str(body.get("txn_type") or "capture"),
        )
        return web.json_response({"result": await work})

    async def _address(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        order_id = read_order_id(body)
        changes = {name: value for name, value in body.items() if name != "order_id"}
        return web.json_response(shown(await self._shop.database.run(edit_address, order_id, changes)))

    async def _edit(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        return web.json_response(placed_document(await self._shop.edit(read_order_id(body), body)))

    async def _comment(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        comment = {"comment": body.get("comment"), "is_customer_notified": 0, "is_visible_on_front": 0}
        work = self._shop.database.run(add_comment, read_order_id(body), {"statusHistory": comment})
        return web.json_response({"result": await work})

    async def _edit_customer(self, request: web.Request) -> web.Response:
        """The customer changes own data: any fields of a customer beside `customer_id`."""
        body = await read_body(request)
        if "customer_id" not in body:
            raise required("customer_id")
        changes = {name: value for name, value in body.items() if name != "customer_id"}
        document = await self._shop.database.run(edit_own_data, int(body["customer_id"]), changes)
        return web.json_response(self._shop.customer_saved(document))

    async def _delete_customer(self, request: web.Request) -> web.Response:
        customer_id = int(request.match_info["id"])
        return web.json_response({"result": await self._shop.database.run(delete_customer, customer_id)})

    async def _expire_tokens(self, _request: web.Request) -> web.Response:
        return web.json_response({"expired": self._shop.access.expire_admin_tokens()})

    async def _webhooks(self, _request: web.Request) -> web.Response:
        return web.json_response(self._shop.hooks.describe())

    async def _switch_webhooks(self, request: web.Request) -> web.Response:
        hooks = self._shop.hooks
        match request.match_info["switch"]:
            case "pause" | "resume" as switch:
                hooks.paused = switch == "pause"
            case switch:
                hooks.doubled = switch == "duplicate"
        return web.json_response(hooks.describe())

    async def _forge_webhook(self, request: web.Request) -> web.Response:
        """Somebody else's webhook about any order or customer: {"event"?, "data"?}."""
        body = await read_body(request)
        event = body.get("event", "sales_order_place_after")
        self._shop.hooks.forge(event, body.get("data") or {"order_id": 1, "increment_id": "000000001"})
        return web.json_response(self._shop.hooks.describe())


def placed_document(placed: PlacedOrder) -> dict[str, Any]:
    """What a checkout answers."""
    return {
        "order_id": placed.order_id,
        "increment_id": placed.increment_id,
        "committed_at": rfc3339(placed.committed_at),
        "grand_total": number(placed.grand_total),
    }


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
