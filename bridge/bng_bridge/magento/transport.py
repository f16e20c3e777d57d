"""How a request reaches a site's REST API. One interface, two ways.

The gateway runs it through the site's agent over MQTT and keeps a record of every write. Directly, over HTTPS, there is no
such record: what became of an unanswered write is found by looking the record up.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from bng_bridge import http
from bridge_common import decimal_json, topics
from bridge_common.amend import amend
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import (
    AccessDenied,
    BridgeError,
    OutcomeUnknown,
    TargetPaused,
    TargetUnavailable,
    TransientError,
)
from bridge_common.http import Answer
from bridge_common.magento_rest import MagentoRest


@dataclass(frozen=True, slots=True)
class RequestState:
    """What the path knows of a request: `unknown` (never seen), running, done, failed, interrupted."""

    state: str
    answer: dict[str, Any] | None


class Transport(Protocol):
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        timeout_s: float,
        request_id: str | None = None,
    ) -> Answer:
        """Raises TargetUnavailable (not executed), OutcomeUnknown, RateLimited; other statuses are returned."""
        ...

    async def amend(self, path: str, body: Any, expected: str, *, timeout_s: float, request_id: str) -> Answer | None:
        """See bridge_common.amend: the record after the PUT, None where it was not as expected. Raises as `request`."""
        ...

    async def state_of(self, request_id: str) -> RequestState | None:
        """None where the path keeps no record of requests."""
        ...


Held = Callable[[], str]
"""Why nothing may be asked of this site now, or empty."""

_looks_anyway: ContextVar[bool] = ContextVar("looks at sites that are held", default=False)


@contextmanager
def though_held() -> Iterator[None]:
    """Inside, this task may read a site that is held: what an operator needs in order to judge it."""
    token = _looks_anyway.set(True)
    try:
        yield
    finally:
        _looks_anyway.reset(token)


def _check_held(held: Held) -> None:
    if (reason := held()) and not _looks_anyway.get():
        raise TargetPaused(f"the site is held: {reason}", delay_s=15)


class DirectTransport:
    """HTTPS to a hosted shop. `rest` is opened and closed by whoever made it."""

    def __init__(self, rest: MagentoRest, held: Held = lambda: "") -> None:
        self._rest = rest
        self._held = held

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        timeout_s: float,
        request_id: str | None = None,
    ) -> Answer:
        _check_held(self._held)
        try:
            answer = await self._rest.send(method, path, list((query or {}).items()), body, timeout_s=timeout_s)
        except OutcomeUnknown as error:
            raise http.unanswered(method, error) from error
        except AccessDenied as error:
            # Once running, a refused login pauses the site; it is no single event's fault.
            raise TargetPaused(error.message, hint=error.hint, delay_s=15) from error
        return http.checked(method, path, answer)

    async def amend(self, path: str, body: Any, expected: str, *, timeout_s: float, request_id: str) -> Answer | None:
        del request_id  # of no use here: nobody keeps a record
        _check_held(self._held)
        try:
            answer = await amend(self._rest, path, body, expected, timeout_s=timeout_s)
        except AccessDenied as error:
            raise TargetPaused(error.message, hint=error.hint, delay_s=15) from error
        return None if answer is None else http.checked("PUT", path, answer)

    async def state_of(self, request_id: str) -> RequestState | None:
        return None


Publish = Callable[[str, bytes, float], Awaitable[None]]
"""(topic, payload, expiry in seconds) → taken by the broker; raises TransientError when it is not."""


class GatewayTransport:
    """Request and response over MQTT for one site.

    Answers come in through `receive`, from the bridge's one session, which also keeps `epoch` and `online` (False after the
    agent's last will).
    """

    def __init__(self, site: str, publish: Publish, held: Held = lambda: "") -> None:
        self.site = site
        self._held = held
        self.epoch = 0
        self.online = True
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        timeout_s: float,
        request_id: str | None = None,
    ) -> Answer:
        _check_held(self._held)
        fields = {"operation": "rest", "method": method, "path": path, "query": query or {}, "body": body}
        reply = await self._exchange(fields, timeout_s, request_id or str(uuid.uuid4()), reads=method == "GET")
        return _answer(method, path, reply)

    async def amend(self, path: str, body: Any, expected: str, *, timeout_s: float, request_id: str) -> Answer | None:
        _check_held(self._held)
        fields = {"operation": "amend", "path": path, "body": body, "expected": expected}
        reply = await self._exchange(fields, timeout_s, request_id, reads=False)
        if reply["state"] == "refused" and reply.get("reason") == "changed":
            return None
        return _answer("PUT", path, reply)

    async def state_of(self, request_id: str) -> RequestState | None:
        fields = {"operation": "state", "request_id": request_id}
        reply = await self._exchange(fields, 10.0, str(uuid.uuid4()), reads=True)
        body = reply.get("body") or {}
        return RequestState(str(body.get("state", "unknown")), body.get("answer"))

    async def ask(self, operation: str, *, timeout_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        """`ping`, `outbox`, or `reemit` with its `entities`: asked of the agent itself, and harmless when repeated.

        Raises TargetUnavailable when it does not say that it was done.
        """
        reply = await self._exchange({"operation": operation, **fields}, timeout_s, str(uuid.uuid4()), reads=True)
        if reply["state"] != "done":
            why = reply.get("error") or reply.get("reason")
            raise TargetUnavailable(f"the agent of {self.site} did not do what {operation} asks: {why}")
        return dict(reply.get("body") or {})

    def receive(self, payload: bytes) -> None:
        """A response from the agent. One that nobody awaits any more is dropped: the request's state can be asked."""
        try:
            reply = decimal_json.loads(payload)
            future = self._waiting.get(reply["id"])
        except (ValueError, KeyError, TypeError):
            return
        if future is not None and not future.done() and _is_answer(reply):
            future.set_result(reply)

    async def _exchange(
        self, fields: dict[str, Any], timeout_s: float, request_id: str, *, reads: bool
    ) -> dict[str, Any]:
        if not self.online:
            raise TargetUnavailable(f"the agent of {self.site} is offline")
        if not self.epoch:
            raise TargetPaused(f"the agent of {self.site} has not said hello yet", delay_s=1)
        expires_at = to_text(utc_now() + timedelta(seconds=timeout_s))
        request = {"id": request_id, "epoch": self.epoch, "expires_at": expires_at, **fields}
        future = self._waiting.setdefault(request_id, asyncio.get_running_loop().create_future())
        try:
            await self._publish(
                topics.topic(self.site, topics.REQUESTS), decimal_json.dumps(request).encode(), timeout_s
            )
            # Not wait_for: see waiting.py.
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError as error:
            text = f"no answer from the agent of {self.site} within {timeout_s:g} s"
            raise (TargetUnavailable(text) if reads else OutcomeUnknown(text)) from error
        except TransientError as error:
            text = f"the request to the agent of {self.site} may not have left: {error.message}"
            raise (TargetUnavailable(text) if reads else OutcomeUnknown(text)) from error
        finally:
            self._waiting.pop(request_id, None)


def _is_answer(reply: dict[str, Any]) -> bool:
    """One in another form is as good as none: the request's outcome stays unknown."""
    if reply.get("state") == "done":
        return isinstance(reply.get("status"), int)
    return reply.get("state") in ("refused", "failed")


def _answer(method: str, path: str, reply: dict[str, Any]) -> Answer:
    """The agent's report in the bridge's words; statuses that a direct call would raise are raised here too."""
    if reply["state"] == "refused" and reply.get("reason") == "expired":
        # It was answered in time, so it came in time: no event's fault, and none may die of it.
        raise TargetPaused(
            f"the agent says that {method} {path} has expired: its clock and this host's differ",
            hint="Check both (timedatectl).", delay_s=15,
        )  # fmt: skip
    if reply["state"] == "refused":
        raise TargetUnavailable(f"the agent refused {method} {path}: {reply.get('reason')}")
    if reply["state"] == "failed":
        raise _failure(method, path, reply)
    retry_after = reply.get("retry_after")
    answer = Answer(int(reply["status"]), reply.get("body"), None if retry_after is None else float(retry_after))
    return http.checked(method, path, answer)


def _failure(method: str, path: str, reply: dict[str, Any]) -> BridgeError:
    text = f"{method} {path} through the agent: {reply.get('error')}"
    unsent = reply.get("kind") == "unsent" or method == "GET"
    return TargetUnavailable(text) if unsent else OutcomeUnknown(text)
