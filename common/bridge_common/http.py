"""One HTTP request with a deadline, and what its failing says about whether it was executed."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from bridge_common import decimal_json
from bridge_common.errors import OutcomeUnknown, TargetUnavailable

Parse = Callable[[bytes], Any]
"""Raises ValueError for bytes that it cannot make anything of."""
CONNECT_TIMEOUT_S = 10.0
SEND_BUFFER_BYTES = 1024 * 1024
"""The kernel gives less where net.core.wmem_max is less, and its default gives room for a request of 200 kB."""
TEXT_KEPT = 2000
"""Magento's page of maintenance names it only behind its head."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is parsed JSON, or {"text": …} with the beginning of anything else.

    `limit` and `limit_policy` are the headers RateLimit and RateLimit-Policy as they came, or empty.
    """

    status: int
    body: Any
    retry_after_s: float | None = None
    etag: str = ""
    location: str = ""
    limit: str = ""
    limit_policy: str = ""

    @property
    def is_maintenance(self) -> bool:
        """A 503 that says so, as a page or as JSON. So does a web server's own page for one that is overloaded: it cannot
        be told apart, and both are waited for."""
        return self.status == 503 and "maintenance" in str(self.body).casefold()


def connector(**options: Any) -> aiohttp.TCPConnector:
    """Connections that end when we give them up: what had not arrived by then never does.

    Else the kernel would go on sending a request for minutes after its deadline, and a server behind a firewall that was
    shut for so long would execute it when everybody had looked for it in vain.
    """
    return aiohttp.TCPConnector(socket_factory=_short_lived, **options)


def _short_lived(where: aiohttp.AddrInfoType) -> socket.socket:
    made = socket.socket(*where[:3])
    # Closing discards what is unsent and resets the connection, also when the process is killed (socket(7), SO_LINGER).
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Room for a whole request: what waits in the event loop's own buffer is still sent after a close.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    return made


async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: URL | str,
    *,
    timeout_s: float,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    body: Any = None,
    parse: Parse = decimal_json.loads,
) -> Answer:
    """Every status is an answer. Raises TargetUnavailable when the request surely was not sent, OutcomeUnknown otherwise."""
    data = None if body is None else decimal_json.dumps(body).encode()
    all_headers = {"Accept": "application/json", **(headers or {})}
    if data is not None:
        all_headers["Content-Type"] = "application/json"
    # Shorter than the whole, so that a connection that was never made is told apart from a late answer.
    timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s * 0.8))
    try:
        async with session.request(
            method, url, params=query, data=data, headers=all_headers, timeout=timeout, allow_redirects=False
        ) as response:
            raw = await response.read()
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        raise lost(method, url, error) from error
    told = response.headers.get
    return Answer(
        response.status, _parse(raw, parse), _seconds(told("Retry-After")), told("ETag", ""), told("Location", ""),
        limit=told("RateLimit", ""), limit_policy=told("RateLimit-Policy", ""),
    )  # fmt: skip


def lost(method: str, url: URL | str, error: BaseException) -> TargetUnavailable | OutcomeUnknown:
    """No answer: only a connection that was never made has surely executed nothing."""
    text = f"{method} {url}: {type(error).__name__} {error}".strip()
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return TargetUnavailable(text)
    return OutcomeUnknown(text)


def _parse(raw: bytes, parse: Parse) -> Any:
    if not raw:
        return None
    try:
        return parse(raw)
    except ValueError:
        return {"text": raw[:TEXT_KEPT].decode("utf-8", "replace")}


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
