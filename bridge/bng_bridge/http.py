"""HTTP towards a target, and what each way of failing says about whether the request was executed."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

from bridge_common import decimal_json
from bridge_common.errors import BridgeError, OutcomeUnknown, RateLimited, TargetUnavailable


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is parsed JSON, or {"text": …} when the answer was none."""

    status: int
    body: Any
    etag: str = ""


async def send(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    timeout_s: float,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    body: Any = None,
) -> Answer:
    """One request with a deadline.

    Raises TargetUnavailable when it was certainly not executed, OutcomeUnknown when a write was sent and not answered,
    RateLimited on 429. Other statuses are returned.
    """
    data = None if body is None else decimal_json.dumps(body).encode()
    all_headers = {"Accept": "application/json", **(headers or {})}
    if data is not None:
        all_headers["Content-Type"] = "application/json"
    try:
        async with session.request(
            method, url, params=query, data=data, headers=all_headers, timeout=aiohttp.ClientTimeout(total=timeout_s)
        ) as response:
            raw = await response.read()
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        raise lost(method, url, error) from error
    answer = Answer(response.status, _parse(raw), response.headers.get("ETag", ""))
    if answer.status in (429, 502, 503, 504):
        raise refused(method, url, answer, response.headers.get("Retry-After"))
    return answer


def lost(method: str, url: str, error: BaseException) -> BridgeError:
    """No answer: a connection that was never made executed nothing; neither did a read."""
    text = f"{method} {url}: {type(error).__name__} {error}".strip()
    never_sent = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    if never_sent or method == "GET":
        return TargetUnavailable(text)
    return OutcomeUnknown(text)


def refused(method: str, url: str, answer: Answer, retry_after: str | None) -> BridgeError:
    """429 and 503 are said before executing; a 502 or 504 comes from a proxy that may have passed the request on."""
    wait_s = _seconds(retry_after)
    text = f"{method} {url} answered {answer.status}"
    if answer.status == 429:
        return RateLimited(text, retry_after_s=wait_s)
    if answer.status == 503 or method == "GET":
        return TargetUnavailable(text, retry_after_s=wait_s)
    return OutcomeUnknown(text)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; its date form is left to the ordinary back-off."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None


def _parse(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return decimal_json.loads(raw)
    except ValueError:
        return {"text": raw[:500].decode("utf-8", "replace")}
