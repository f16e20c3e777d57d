"""The shop's REST API over HTTP, and what each way of failing says about whether a request was executed."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bridge_common import decimal_json
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    OutcomeUnknown,
    RateLimited,
    RejectedByTarget,
    TargetUnavailable,
)
from magento_agent.config import Magento

CONNECT_TIMEOUT_S = 10.0
TEXT_KEPT = 500

Query = list[tuple[str, str]]


class BadAnswer(TargetUnavailable):
    """A read that reached the shop and got no usable answer: the fault may be the shop's, or this one request's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is parsed JSON, or {"text": …} with the beginning of anything else."""

    status: int
    body: Any
    retry_after_s: float | None = None


class MagentoRest:
    """One shop. Open it as a context manager."""

    def __init__(self, section: Magento, token: str) -> None:
        self._base = f"{section.base_url}/rest" + (f"/{section.store_code}" if section.store_code else "")
        self._timeout_s = section.timeout_s
        self._verify_tls = section.verify_tls
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def __aenter__(self) -> Self:
        self._reads = self._session(force_close=False)
        # A write over a kept connection that the server is just closing has an unknown outcome: each gets its own.
        self._writes = self._session(force_close=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reads.close()
        await self._writes.close()

    async def read(self, path: str, query: Query | None = None) -> Any:
        """The parsed body of a GET.

        Raises AccessDenied (401, 403), RateLimited (429), TargetUnavailable (unreachable, 503), BadAnswer (no answer in
        time, 502, 504, not JSON), RejectedByTarget (any other status).
        """
        try:
            answer = await self.send("GET", path, query, timeout_s=self._timeout_s)
        except OutcomeUnknown as error:
            raise BadAnswer(error.message) from error
        if answer.status != 200:
            raise _read_error(path, answer)
        if isinstance(answer.body, dict) and set(answer.body) == {"text"}:
            raise BadAnswer(f"GET {path} answered with something that is not JSON", hint="Check [magento] base_url.")
        return answer.body

    async def send(
        self, method: str, path: str, query: Query | None = None, body: Any = None, *, timeout_s: float
    ) -> Answer:
        """One request; every status is an answer. `path` begins with /V1/ and is percent-encoded.

        Raises TargetUnavailable when it surely did not reach the shop, OutcomeUnknown when it may have.
        """
        session = self._reads if method == "GET" else self._writes
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = decimal_json.dumps(body).encode() if body is not None else None
        # Shorter than the whole, so that a connection that was never made is told apart from a late answer.
        connect_s = min(CONNECT_TIMEOUT_S, timeout_s * 0.8)
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=connect_s)
        try:
            async with session.request(
                method, self._url(path, query), data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _lost(method, path, error) from error
        return Answer(response.status, _parse(raw), _seconds(response.headers.get("Retry-After")))

    def _url(self, path: str, query: Query | None) -> URL:
        text = f"{self._base}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        return URL(text, encoded=True)

    def _session(self, *, force_close: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self._verify_tls, force_close=force_close)
        return aiohttp.ClientSession(connector=connector, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar())


def search(field: str, ids: list[int]) -> Query:
    """Search criteria for the entities with these ids, all on one page."""
    prefix = "searchCriteria[filter_groups][0][filters][0]"
    return [
        (f"{prefix}[field]", field),
        (f"{prefix}[condition_type]", "in"),
        (f"{prefix}[value]", ",".join(map(str, ids))),
        ("searchCriteria[pageSize]", str(max(1, len(ids)))),
    ]


def message_of(answer: Answer) -> str:
    """Magento's error text with its `%field` parameters put in."""
    body = answer.body if isinstance(answer.body, dict) else {}
    parameters = body.get("parameters") or {}
    if isinstance(parameters, list):
        parameters = {str(number): value for number, value in enumerate(parameters, 1)}
    text = str(body.get("message") or body.get("text") or "no text")
    return re.sub(r"%(\w+)", lambda match: str(parameters.get(match[1], match[0])), text)


def _read_error(path: str, answer: Answer) -> BridgeError:
    text = f"GET {path} answered {answer.status}: {message_of(answer)[:200]}"
    if answer.status in (401, 403):
        return AccessDenied(
            text,
            hint="Check [magento] token_file, the integration's rights, and that the shop accepts its token as Bearer: "
            "bin/magento config:set oauth/consumer/enable_integration_as_bearer 1",
        )
    if answer.status == 429:
        return RateLimited(text, retry_after_s=answer.retry_after_s)
    if answer.status == 503:
        return TargetUnavailable(text, retry_after_s=answer.retry_after_s)
    if answer.status in (502, 504):
        return BadAnswer(text, retry_after_s=answer.retry_after_s)
    hint = "Check [magento] base_url." if answer.status in (301, 302, 307, 308, 404) else ""
    return RejectedByTarget(text, hint=hint, status=answer.status)


def _lost(method: str, path: str, error: BaseException) -> BridgeError:
    text = f"{method} {path}: {type(error).__name__} {error}".strip()
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return TargetUnavailable(text)
    return OutcomeUnknown(text)


def _parse(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return decimal_json.loads(raw)
    except ValueError:
        return {"text": raw[:TEXT_KEPT].decode("utf-8", "replace")}


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
