"""What a REST route gets to see of a request: the path's parts, the body's parameters."""

import json
from dataclasses import dataclass

from aiohttp import web

from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import MagentoError, required, wrong_type


@dataclass(frozen=True)
class Call:
    """One request that was let in, its body read."""

    request: web.Request
    body: Document

    def number(self, name: str = "id") -> int:
        """The number in the path; raises Magento's 400 for anything else."""
        text = self.request.match_info[name]
        if not text.isdigit():
            raise wrong_type(text, "int")
        return int(text)

    def part(self, name: str) -> Document:
        """A parameter of the body; raises the 400 that asks for it."""
        part = self.body.get(name)
        if not isinstance(part, dict):
            raise required(name)
        return part


async def read_body(request: web.Request) -> Document:
    """The JSON object sent, {} without one; raises 400 for what is no JSON."""
    if not await request.read():
        return {}
    if request.content_type != "application/json":
        raise MagentoError(400, f"Server cannot understand Content-Type HTTP header media type {request.content_type}")
    try:
        body = json.loads(await request.text())
    except ValueError as error:
        raise MagentoError(400, "Decoding error.") from error
    return body if isinstance(body, dict) else {}


def whole_body(call: Call) -> Document:
    """All that was sent."""
    return call.body


def entity(call: Call) -> Document:
    """The order sent."""
    return call.part("entity")


def customer(call: Call) -> Document:
    """The customer sent."""
    return call.part("customer")


def product(call: Call) -> Document:
    """The product sent."""
    return call.part("product")


def sku(call: Call) -> str:
    """The SKU in the path, decoded."""
    return call.request.match_info["sku"]


def store(call: Call) -> str:
    """The code of the store whose values are read and written: that in the path, or else the default view's."""
    return call.request.match_info.get("store", "default")


def origin(call: Call) -> str:
    """The address that the shop was called at."""
    return str(call.request.url.origin())
