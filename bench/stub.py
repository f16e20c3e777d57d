"""A shop's REST and a BNG that cost next to nothing, so that a measurement shows the daemons and not the sandboxes.

Both listen in one process. The shop answers order searches with documents that the sandbox shop gave for real orders, their
ids and names exchanged; BNG answers an upsert with the record as the sandbox BNG would return it, and keeps no more of it
than when it was first stored and how often it was written. What was stored is asked for under /bench/.

    python bench/stub.py SHOP_PORT BNG_PORT FOLDER      FOLDER holds template-*.json, see load.py
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import cast

import uvloop

Respond = Callable[[bytes, bytes, bytes], tuple[int, bytes]]
"""(method, target, body) to (status, JSON)."""

ID, NAME, TWIN = b"987654321", b"987000654321", 10_000_000
"""In a template: the order's id, and its increment id; the copies' increment ids begin at TWIN."""

EMPTY_LIST = b'{"items":[],"next_cursor":null}'
AT = b"2026-01-31T12:00:00.000000Z"
OWN = {b"customers": (b"CustomerID", b"C-"), b"sales-orders": (b"SalesOrderID", b"SO-")}
SERVER_FIELDS = b',"Version":1,"CreatedAt":"%b","UpdatedAt":"%b","UpdatedBy":"bng-bridge","Deleted":false}' % (AT, AT)


class Shop:
    """GET /V1/orders by ids; anything else is an empty list."""

    def __init__(self, templates: list[bytes]) -> None:
        self._templates = templates

    def respond(self, _method: bytes, target: bytes, _body: bytes) -> tuple[int, bytes]:
        _, found, rest = target.partition(b"value%5D=")
        if b"/V1/orders?" not in target or not found:
            return 200, b"[]"
        items = [self._order(number) for number in rest.partition(b"&")[0].split(b"%2C")]
        return 200, b'{"items":[%b],"search_criteria":{},"total_count":%d}' % (b",".join(items), len(items))

    def _order(self, number: bytes) -> bytes:
        template = self._templates[int(number) % len(self._templates)]
        return template.replace(NAME, b"%d" % (TWIN + int(number))).replace(ID, number)


@dataclass
class Bng:
    """Upserts by external id. `writes` counts each of them, `stored` is the time of the first."""

    writes: dict[bytes, int] = field(default_factory=dict)
    stored: dict[bytes, float] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(100_001))
    orders: int = 0

    def respond(self, method: bytes, target: bytes, body: bytes) -> tuple[int, bytes]:
        if target.startswith(b"/oauth/token"):
            return 200, b'{"access_token":"bench","token_type":"Bearer","expires_in":86400}'
        if target.startswith(b"/bench/"):
            return 200, self._report(target)
        if method == b"GET":
            return 200, EMPTY_LIST
        _, resource, external_id = target.removeprefix(b"/api/v1").replace(b"/by-external-id", b"").split(b"/")
        key = resource + b"/" + external_id
        self.writes[key] = self.writes.get(key, 0) + 1
        if key not in self.stored:
            self.stored[key] = time.time()
            self.orders += resource == b"sales-orders"
        name, prefix = OWN[resource]
        record_id = b'{"%b":"%b%d",' % (name, prefix, next(self.numbers))
        allocation = b',"AllocationStatus":"allocated"' if resource == b"sales-orders" else b""
        return 201, record_id + body[1:-1] + allocation + SERVER_FIELDS

    def _report(self, target: bytes) -> bytes:
        if target == b"/bench/reset":
            self.writes.clear()
            self.stored.clear()
            self.orders = 0
        if target == b"/bench/stored":
            return json.dumps({key.decode(): at for key, at in self.stored.items()}).encode()
        if target == b"/bench/most":
            most, last = max(self.writes.values(), default=0), max(self.stored.values(), default=0.0)
            return json.dumps({"most_writes": most, "writes": sum(self.writes.values()), "last": last}).encode()
        return json.dumps({"orders": self.orders, "records": len(self.stored)}).encode()


class Http(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and Content-Length, as far as aiohttp's client speaks it."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = self._seen[:end]
            _, found, length = head.lower().partition(b"\r\ncontent-length:")
            stop = end + 4 + (int(length.partition(b"\r\n")[0]) if found else 0)
            if len(self._seen) < stop:
                return
            body, self._seen = self._seen[end + 4 : stop], self._seen[stop:]
            method, target, _ = head.split(b" ", 2)
            status, answer = self._respond(method, target, body)
            self._transport.write(
                b'HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nETag: "1"\r\nContent-Length: %d\r\n\r\n%b'
                % (status, len(answer), answer)
            )


async def serve(shop_port: int, bng_port: int, templates: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    shop, bng = Shop(templates), Bng()
    await loop.create_server(lambda: Http(shop.respond), "127.0.0.1", shop_port)
    await loop.create_server(lambda: Http(bng.respond), "127.0.0.1", bng_port)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    texts = [path.read_bytes() for path in sorted(Path(sys.argv[3]).glob("template-*.json"))]
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), texts))
