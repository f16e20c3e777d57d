"""The gateway: runs the REST calls that the bridge asks for, each write at most once.

It outlives connections: what was begun is ended and its answer kept, also while the broker is away. A write is recorded
before it is sent and its packet acknowledged only then, so a crash leaves it unrecorded (the broker brings it again, and
its epoch is stale by then: refused) or interrupted (perhaps executed, and the bridge looks). Reads are not recorded.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bridge_common.amend import amend
from bridge_common.errors import AccessDenied, BridgeError, InvalidEvent, OutcomeUnknown, RateLimited, TargetUnavailable
from bridge_common.http import Answer
from bridge_common.log import log
from bridge_common.magento_rest import MagentoRest
from bridge_common.mqtt import Incoming
from magento_agent import __version__, requests
from magento_agent.answers import Answers, Known
from magento_agent.config import Gateway as GatewaySection
from magento_agent.health import Health
from magento_agent.requests import Request, Response
from magento_agent.routes import Routes
from magento_agent.rows import Rows

FORGET_EVERY_S = 3600.0
PACKET_OVERHEAD = 1024
CALLS = ("rest", "amend")
"""What is run against the shop, by a method and a path that have to be allowed."""

T = TypeVar("T")


class Gateway:
    """`responses` holds what is to be published; a session takes them from there. `run` must be running.

    `max_packet_bytes` is what an answer has to fit into; a session sets it to what its broker takes.
    """

    def __init__(
        self,
        section: GatewaySection,
        *,
        answers: Answers,
        rest: MagentoRest,
        outbox: Rows,
        health: Health,
        max_packet_bytes: int,
    ) -> None:
        self.responses: asyncio.Queue[Response] = asyncio.Queue()
        self.max_packet_bytes = max_packet_bytes
        self._section = section
        self._answers = answers
        self._rest = rest
        self._outbox = outbox
        self._health = health
        self._routes = Routes(section.allow)
        self._slots = asyncio.Semaphore(section.concurrency)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answers")
        self._running: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """For ever: holds the requests that run, and drops old answers. A bug in one of them comes out here."""
        try:
            async with self._group:
                while True:
                    if not self._health.clock.is_off:
                        await self._store(self._answers.forget, self._section.answers_kept_s)
                    await asyncio.sleep(FORGET_EVERY_S)
        finally:
            self._thread.shutdown()

    async def receive(self, packet: Incoming) -> None:
        """Returns when the request is on record and acknowledged; it runs on in a task of its own."""
        try:
            request = requests.decode(packet.payload, packet.expires_in_s)
        except InvalidEvent as error:
            log("gateway_refused", level=logging.WARNING, error=error.message)
            packet.ack()
            return
        is_accepted = await self._accept(request)
        packet.ack()
        if is_accepted:
            task = self._group.create_task(self._execute(request), name=f"gateway {request.id}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def drain(self, limit_s: float) -> None:
        """Let what runs end; what does not is interrupted, and known as such to the next run."""
        if self._running:
            await asyncio.wait(self._running, timeout=limit_s)

    async def _accept(self, request: Request) -> bool:
        """Whether it is to be executed. A write that is, is on record now; one that is known has its answer again."""
        if not request.is_write:
            return True
        known = await self._store(self._answers.find, request.id)
        if known is not None and not known.is_unsent:
            self._answer_again(request, known)
            return False
        refusal = self._refusal(request)
        if refusal is not None:
            self.responses.put_nowait(refusal)
            return False
        await self._store(self._answers.begin, request.id, request.method, request.path)
        return True

    def _answer_again(self, request: Request, known: Known) -> None:
        """One that still runs is answered when it is done."""
        if known.state == "interrupted":
            self.responses.put_nowait(requests.failed(request.id, "unknown", "the agent stopped while it ran"))
        elif known.answer is not None:
            self.responses.put_nowait(known.answer)

    async def _execute(self, request: Request) -> None:
        async with self._slots:
            response = await self._respond(request)
            response = requests.fitted(request, response, self.max_packet_bytes - PACKET_OVERHEAD)
        if request.is_write:
            await self._store(self._answers.finish, request.id, response)
        self.responses.put_nowait(response)

    async def _respond(self, request: Request) -> Response:
        if request.operation in CALLS:
            # Judged again: it may have waited for its slot.
            return self._refusal(request) or await self._call_shop(request)
        if request.operation == "reemit":
            return self._refusal(request) or await self._reemit(request)
        if request.operation == "state":
            return requests.told(request, await self._state(request.about))
        if request.operation == "outbox":
            return await self._outbox_state(request)
        return requests.told(request, {"agent_version": __version__, "epoch": self._health.epoch})

    def _refusal(self, request: Request) -> Response | None:
        reason: requests.Reason
        if request.epoch != self._health.epoch:
            reason = "stale-epoch"
        elif request.left_s <= 0:
            reason = "expired"
        elif request.operation in CALLS and not self._routes.allows(request.method, request.path):
            reason = "not-allowed"
        else:
            return None
        log("gateway_refused", request=request.id, method=request.method, path=request.path, reason=reason)
        return requests.refused(request, reason)

    async def _call_shop(self, request: Request) -> Response:
        begun_s = time.monotonic()
        try:
            answer = await self._sent(request, timeout_s=max(request.left_s, 0.1))
        except OutcomeUnknown as error:
            response = requests.failed(request.id, "unknown", error.message)
        except (TargetUnavailable, RateLimited, AccessDenied) as error:
            # Denied is the login, before the request.
            response = requests.failed(request.id, "unsent", error.message)
        else:
            response = requests.refused(request, "changed") if answer is None else requests.done(request, answer)
        outcome = response.get("status") or response.get("kind") or response["reason"]
        took_ms = round(1000 * (time.monotonic() - begun_s))
        log(
            "gateway_executed",
            request=request.id,
            method=request.method,
            path=request.path,
            outcome=outcome,
            ms=took_ms,
        )
        return response

    async def _sent(self, request: Request, *, timeout_s: float) -> Answer | None:
        """None for a record that is not as expected any more: nothing was written over it."""
        if request.operation == "amend":
            return await amend(self._rest, request.path, request.body, request.expected, timeout_s=timeout_s)
        return await self._rest.send(request.method, request.path, request.query, request.body, timeout_s=timeout_s)

    async def _state(self, request_id: str) -> dict[str, Any]:
        """unknown: never seen here, and by its expiry never will be; also a read, and one that was refused."""
        known = await self._store(self._answers.find, request_id)
        state, answer = (known.state, known.answer) if known else ("unknown", None)
        return {"request_id": request_id, "state": state, "answer": answer}

    async def _outbox_state(self, request: Request) -> Response:
        try:
            rows, oldest_s = await self._outbox.waiting()
        except BridgeError as error:
            return requests.failed(request.id, "unsent", error.sentence())
        return requests.told(request, {"outbox_rows": rows, "outbox_oldest_s": round(oldest_s, 3)})

    async def _reemit(self, request: Request) -> Response:
        """Not recorded: a row more, should it be asked twice, makes the same event."""
        try:
            added = await self._outbox.add_missing(request.entities)
        except BridgeError as error:
            return requests.failed(request.id, "unknown", error.sentence())
        inserted = len(added.wanted)
        log("reemitted", request=request.id, inserted=inserted, waiting=len(request.entities) - inserted)
        return requests.reemitted(request, added)

    async def _store(self, function: Callable[..., T], *arguments: object) -> T:
        """In a thread of its own: each commit waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
