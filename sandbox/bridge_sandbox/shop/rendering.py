"""Answers in the format that the client accepts: JSON, else XML, else Magento's error page."""

import secrets
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

JSON_TYPES = ("application/json", "*/*", "application/*", "text/*")
XML_TYPES = ("application/xml", "text/xml", "application/xhtml+xml")


def respond(request: web.Request, body: Any, status: int = 200) -> web.Response:
    """The body as the client wants it; a client that wants neither JSON nor XML gets a page and 500."""
    accepted = [each.partition(";")[0].strip() for each in request.headers.get("Accept", "*/*").split(",")]
    if any(each in JSON_TYPES for each in accepted):
        return web.json_response(body, status=status)
    if any(each in XML_TYPES for each in accepted):
        text = f'<?xml version="1.0"?>\n<response>{to_xml(body)}</response>\n'
        return web.Response(text=text, status=status, content_type="application/xml", charset="utf-8")
    return page(
        500, "There has been an error processing your request", f"Error log record number: {secrets.token_hex(32)}"
    )


def to_xml(value: Any) -> str:
    """Lists as `item` elements, null as an empty element."""
    match value:
        case dict():
            return "".join(f"<{name}>{to_xml(each)}</{name}>" for name, each in value.items())
        case list():
            return "".join(f"<item>{to_xml(each)}</item>" for each in value)
        case bool():
            return str(value).lower()
        case None:
            return ""
        case _:
            return escape(str(value))


def maintenance_page(_request: web.Request) -> web.Response:
    """What every address answers while maintenance mode is on."""
    return page(
        503,
        "Service Temporarily Unavailable",
        "The shop is down for maintenance or overloaded. Please try again later.",
    )


def page(status: int, title: str, text: str) -> web.Response:
    """One of the pages under Magento's errors/default."""
    html = (
        f"<!doctype html>\n<html><head><title>{title}</title></head>\n"
        f"<body><main><h1>{title}</h1>\n<p>{text}</p></main></body></html>\n"
    )
    return web.Response(status=status, body=html.encode(), headers={"Content-Type": "text/html; charset=UTF-8"})
