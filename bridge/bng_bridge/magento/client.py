"""A site's REST API in Magento's words: search criteria, error form. Knows no flow and no binding."""

import asyncio
import math
from typing import Any
from urllib.parse import quote

from bng_bridge.config import Site
from bng_bridge.magento.endpoints import endpoint_of
from bng_bridge.magento.static import HOUR_S, Static
from bng_bridge.magento.transport import Transport
from bng_bridge.pacing.throttle import Throttle
from bridge_common.errors import BridgeError, OutcomeUnknown, RejectedByTarget, TargetPaused, TargetUnavailable
from bridge_common.http import Answer
from bridge_common.magento_rest import interpolate

SOURCE_ITEMS = "/V1/inventory/source-items"
TEXT_SHOWN = 500
LEAST_SHARE = 1 / 3
"""Of the site's time for a call: with less, one that needs its time would end as an unknown outcome."""
PRODUCT_KNOWN_S = 300.0
NO_ROUTE = "Request does not match any route."
"""Magento's 404 for a path that none of its modules has; any other 404 is of a record, or a proxy's."""


class MagentoClient:
    """Reads take a throttle slot of their own; a write runs inside the slot that `deliver` took."""

    def __init__(self, site: str, config: Site, transport: Transport) -> None:
        self.site = site
        self.config = config
        self.transport = transport
        self.throttle = Throttle(
            f"Magento {site}", requests_per_s=config.requests_per_s, concurrency=config.concurrency,
            limits=config.limits,
        )  # fmt: skip
        self._static = Static()
        self._without_sources_until_s = 0.0

    async def get(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any] | None:
        """The document, or None on 404."""
        async with self.throttle.slot(endpoint_of(path)):
            answer = await self._request("GET", path, query=query)
        return None if answer.status == 404 else dict(answer.body)

    async def static(
        self, path: str, query: dict[str, str] | None = None, *, kept_s: float = HOUR_S
    ) -> dict[str, Any] | None:
        """As `get`, of what hardly changes: asked for once in `kept_s` seconds. Nobody may change the document."""
        return await self._static.get(f"{path}?{query}", kept_s, lambda: self.get(path, query))

    async def search(self, path: str, *, kept_s: float = 0.0, **equal: str) -> list[dict[str, Any]]:
        """Up to 100 items whose fields equal all the given values; with `kept_s` as `static`."""
        query = {"searchCriteria[pageSize]": "100"}
        for index, (field, value) in enumerate(equal.items()):
            prefix = f"searchCriteria[filter_groups][{index}][filters][0]"
            query |= {f"{prefix}[field]": field, f"{prefix}[value]": value}
        found = await (self.static(path, query, kept_s=kept_s) if kept_s else self.get(path, query))
        return list(found["items"] or []) if found else []

    async def has_product(self, sku: str) -> bool:
        """Whether the catalogue has it; a yes is believed for some minutes, a no is asked again."""
        path = f"/V1/products/{segment(sku)}"
        return await self.static(path, {"fields": "sku"}, kept_s=PRODUCT_KNOWN_S) is not None

    async def has_sources(self) -> bool:
        """Whether Multi-Source Inventory is there: a shop without its modules has no such route.

        A yes is believed for an hour, a no for some minutes. Raises TargetUnavailable for a 404 that is not Magento's own.
        """
        now = asyncio.get_running_loop().time()
        if now < self._without_sources_until_s:
            return False
        query = {"searchCriteria[pageSize]": "1", "fields": "total_count"}
        if await self._static.get(SOURCE_ITEMS, HOUR_S, lambda: self._get_of_route(SOURCE_ITEMS, query)) is not None:
            return True
        self._without_sources_until_s = now + PRODUCT_KNOWN_S
        return False

    async def _get_of_route(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        """A list's answer; None where the shop has no such list."""
        async with self.throttle.slot(endpoint_of(path)):
            answer = await self._request("GET", path, query=query)
        if answer.status == 404 and interpolate(answer.body) != NO_ROUTE:
            raise TargetUnavailable(f"GET {path} at {self.site} answered 404, and not in Magento's words")
        return None if answer.status == 404 else dict(answer.body)

    async def write(self, method: str, path: str, body: Any, request_id: str, *, ends_at_s: float = math.inf) -> Any:
        """The parsed answer. Raises RejectedByTarget on 4xx that say why; a 500 may come after the commit: OutcomeUnknown.

        So may a web page or a redirect: they are not Magento's, and perhaps a proxy's after the fact.
        `ends_at_s`, on the loop's clock, may leave less than the site's time; TargetPaused when that is too little.
        """
        left_s = await self._begin(path, ends_at_s)
        return (await self._request(method, path, body=body, request_id=request_id, timeout_s=left_s)).body

    async def amend(self, path: str, body: Any, expected: str, request_id: str) -> dict[str, Any] | None:
        """Write a whole record that still has the digest `expected`: how it looks after; None where it had not.

        Raises as `write` does.
        """
        left_s = await self._begin(path, math.inf)
        answer = await self.transport.amend(path, body, expected, timeout_s=left_s, request_id=request_id)
        if answer is None:
            return None
        record = self._heeded("PUT", path, answer).body
        if not isinstance(record, dict):
            raise OutcomeUnknown(f"{path} at {self.site} was written, and is too large to be shown", answered=True)
        return record

    async def _begin(self, path: str, ends_at_s: float) -> float:
        """How long the call may take. Raises TargetPaused when that is too little."""
        await self.throttle.begin(endpoint_of(path))
        most_s = self.config.timeout_s
        left_s = min(most_s, ends_at_s - asyncio.get_running_loop().time())
        if left_s < most_s * LEAST_SHARE:
            raise TargetPaused(f"{self.site} was too slow for one more write: it was not sent", delay_s=1)
        return left_s

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        answer = await self.transport.request(
            method, path, query=query, body=body, timeout_s=timeout_s or self.config.timeout_s, request_id=request_id
        )
        return self._heeded(method, path, answer)

    def _heeded(self, method: str, path: str, answer: Answer) -> Answer:
        self.throttle.heed(answer)
        if (answer.status // 100 == 2 and _is_magento_s(answer)) or (answer.status == 404 and method == "GET"):
            return answer
        raise _error(self.site, method, path, answer)


def segment(text: str) -> str:
    """A path segment: a SKU may hold a slash, a plus or a space."""
    return quote(text, safe="")


def _is_magento_s(answer: Answer) -> bool:
    """Magento's REST API answers in JSON."""
    return not (isinstance(answer.body, dict) and set(answer.body) == {"text"})


def _is_wrapped(answer: Answer) -> bool:
    """Magento's 400 for any failure while it saved, a deadlock as well as a bad source: it does not say which."""
    return answer.status == 400 and interpolate(answer.body).startswith("Could not save ")


def _error(site: str, method: str, path: str, answer: Answer) -> BridgeError:
    """Missing, garbage, expired and insufficient tokens all give the same 401: it pauses the site, not one event.

    So does a 403, which comes from what stands before the shop.
    """
    message = f"{method} {path} at {site} answered {answer.status}: {interpolate(answer.body)[:TEXT_SHOWN]}"
    if answer.status in (401, 403):
        hint = f"Check the login ([magento] of the agent, or [sites.{site}.rest]) and what it may use."
        return TargetPaused(message, hint=hint, delay_s=15)
    if answer.status < 400:
        return TargetUnavailable(message) if method == "GET" else OutcomeUnknown(message)
    if answer.status >= 500 or _is_wrapped(answer):
        return OutcomeUnknown(message, answered=True)
    return RejectedByTarget(message, status=answer.status)
