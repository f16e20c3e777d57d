"""A bridge and a shop of a few lines each, for tests of the agent alone: everything can be refused, held or broken.

The sandbox shop and the real bridge are for tests of the whole; these are for what those would never do.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge_common import decimal_json, topics
from bridge_common.clock import to_text
from bridge_common.event import Event, decode_batch
from bridge_common.mqtt import BrokerAddress, Connection, Incoming, connect

WAIT_LIMIT_S = 15.0


async def until(what: str, condition: Callable[[], Any], limit_s: float = WAIT_LIMIT_S) -> Any:
    """The first true value of `condition`. Raises AssertionError after the limit."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {limit_s:g} s in vain until {what}"
        await asyncio.sleep(0.01)
    return value


class FakeBridge:
    """Welcomes, receipts, and keeps what it was told. `welcomes` and `receipts` can be turned off."""

    def __init__(self, connection: Connection, site: str) -> None:
        self.site = site
        self.welcomes = True
        self.receipts = True
        self.epoch = int(time.time())
        self.hellos: list[dict[str, Any]] = []
        self.batches: list[str] = []
        self.events: list[Event] = []
        self.statuses: list[dict[str, Any]] = []
        self.responses: list[dict[str, Any]] = []
        self._connection = connection

    async def serve(self) -> None:
        """Until cancelled."""
        async for packet in self._connection.incoming():
            _, channel = topics.split(packet.topic)
            await self._handle(channel, packet)
            packet.ack()

    async def send_raw(self, channel: str, payload: bytes) -> None:
        await self._connection.publish(topics.topic(self.site, channel), payload)

    async def send_receipt(self, batch: str, *, epoch: int | None = None) -> None:
        await self._send(topics.RECEIPTS, {"batch": batch, "epoch": epoch or self.epoch, "stored": 1})

    async def send_request(self, timeout_s: float = 10.0, **fields: Any) -> str:
        """The request's id; the answer comes into `responses`."""
        expires_at = to_text(datetime.now(UTC) + timedelta(seconds=timeout_s))
        request = {"id": str(uuid.uuid4()), "epoch": self.epoch, "expires_at": expires_at, **fields}
        await self._send(topics.REQUESTS, request)
        return str(request["id"])

    async def ask(self, **fields: Any) -> dict[str, Any]:
        """The answer to one request."""
        before = len(self.responses)
        request_id = await self.send_request(**fields)
        return await self.response_to(request_id, after=before)

    async def response_to(self, request_id: str, *, after: int = 0) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((each for each in self.responses[after:] if each["id"] == request_id), None)

        response: dict[str, Any] = await until(f"request {request_id} is answered", found)
        return response

    def latest(self, entity: str, entity_id: int) -> Event | None:
        """The event with the highest version."""
        events = [event for event in self.events if (event.entity, event.entity_id) == (entity, str(entity_id))]
        return max(events, key=lambda event: (event.version.epoch, event.version.n), default=None)

    async def _handle(self, channel: str, packet: Incoming) -> None:
        if channel == topics.HELLO:
            self.hellos.append(decimal_json.loads(packet.payload))
            if self.welcomes:
                self.epoch += 1
                await self._send(topics.WELCOME, {"hello": self.hellos[-1]["hello"], "epoch": self.epoch})
        elif channel == topics.EVENTS:
            self.batches.append(packet.properties["batch"])
            self.events += [event for event, _ in decode_batch(packet.payload, self.site)]
            if self.receipts:
                await self.send_receipt(self.batches[-1])
        elif channel == topics.STATUS:
            self.statuses.append(decimal_json.loads(packet.payload))
        elif channel == topics.RESPONSES:
            self.responses.append(decimal_json.loads(packet.payload))

    async def _send(self, channel: str, fields: dict[str, Any]) -> None:
        await self.send_raw(channel, decimal_json.dumps(fields).encode())


@asynccontextmanager
async def fake_bridge(address: BrokerAddress, site: str) -> AsyncIterator[FakeBridge]:
    async with connect(address) as connection:
        await connection.subscribe([f"{topics.ROOT}/{site}/up/#"])
        bridge = FakeBridge(connection, site)
        serving = asyncio.create_task(bridge.serve(), name="fake bridge")
        try:
            yield bridge
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


class FakeShop:
    """REST of a shop whose documents a test writes. `broken` ids make every search that holds them answer 500.

    `answer` replaces every answer; `gate` holds writes until it is set. `calls` are (method, path, query, body).
    """

    def __init__(self) -> None:
        self.url = ""
        self._port = 0
        self.documents: dict[str, dict[int, dict[str, Any]]] = {"order": {}, "customer": {}}
        self.broken: set[int] = set()
        self.answer: Callable[[web.Request], web.Response | None] = lambda _request: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[tuple[str, str, str, Any]] = []
        self.token = "token"
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Again on the same port after `stop`."""
        self._runner = web.AppRunner(self.application(), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def put(self, entity: str, entity_id: int, **fields: Any) -> None:
        key = "entity_id" if entity == "order" else "id"
        self.documents[entity][entity_id] = {key: entity_id, **fields}

    def writes(self) -> list[tuple[str, str, str, Any]]:
        return [call for call in self.calls if call[0] != "GET"]

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._middleware])
        application.router.add_get("/rest/all/V1/store/storeConfigs", self._store_configs)
        application.router.add_get("/rest/all/V1/orders", self._search_orders)
        application.router.add_get("/rest/all/V1/customers/search", self._search_customers)
        application.router.add_get("/rest/all/V1/customers/{id}", self._customer)
        application.router.add_put("/rest/all/V1/customers/{id}", self._put_customer)
        application.router.add_post("/rest/all/V1/{rest:.*}", self._write)
        return application

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = decimal_json.loads(await request.read()) if request.can_read_body else None
        self.calls.append((request.method, request.raw_path.partition("?")[0], request.query_string, body))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"message": "The consumer isn't authorized to access %resources."}, status=401)
        return self.answer(request) or await handler(request)

    async def _store_configs(self, _request: web.Request) -> web.Response:
        return web.json_response([{"id": 1, "code": "default"}])

    async def _search_orders(self, request: web.Request) -> web.Response:
        return self._search("order", request)

    async def _search_customers(self, request: web.Request) -> web.Response:
        return self._search("customer", request)

    def _search(self, entity: str, request: web.Request) -> web.Response:
        value = request.query["searchCriteria[filter_groups][0][filters][0][value]"]
        ids = [int(text) for text in value.split(",")]
        if self.broken & set(ids):
            return web.json_response({"message": "Internal error"}, status=500)
        items = [self.documents[entity][each] for each in ids if each in self.documents[entity]]
        text = decimal_json.dumps({"items": items, "total_count": len(items)})
        return web.Response(text=text, content_type="application/json")

    async def _customer(self, request: web.Request) -> web.Response:
        return web.json_response(self.documents["customer"][int(request.match_info["id"])])

    async def _put_customer(self, request: web.Request) -> web.Response:
        await self.gate.wait()
        self.documents["customer"][int(request.match_info["id"])] = (await request.json())["customer"]
        return await self._customer(request)

    async def _write(self, _request: web.Request) -> web.Response:
        await self.gate.wait()
        return web.json_response(str(next(self._numbers)))


@asynccontextmanager
async def fake_shop() -> AsyncIterator[FakeShop]:
    shop = FakeShop()
    await shop.start()
    try:
        yield shop
    finally:
        shop.gate.set()
        await shop.stop()
