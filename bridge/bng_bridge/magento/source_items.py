"""The stock writes of one site share calls: one is in flight, and those that come meanwhile go together in the next.

Two at once deadlock in Magento's stock tables, and a call for one item costs nearly as much as one for a hundred. One bad
source fails the whole call: it is halved until the bad ones are alone. Values are absolute and one call follows the other,
so what a call that was answered may have written can be written again.

A write takes its place before its intent is committed, and is sent after: all of a call and its halves ends within the
site's timeout_s of the moment when the places were given, which the quiet period counts on. When that is too short for the
halves, the next call takes fewer.
"""

import asyncio
import copy
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from bng_bridge.magento.client import SOURCE_ITEMS, MagentoClient
from bng_bridge.magento.endpoints import STOCK
from bridge_common.errors import OutcomeUnknown, RejectedByTarget, TargetPaused, TargetUnavailable

MOST = 100
KEPT = 1000


@dataclass(eq=False, slots=True)
class Place:
    """In one call. `error` is how this item ended in it, None when it was written; `verdict` what the throttle says."""

    given: asyncio.Future[None]
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    item: dict[str, Any] | None = None
    request_id: str = ""
    error: Exception | None = None
    verdict: Exception | None = None


class SourceItems:
    def __init__(self, client: MagentoClient) -> None:
        self._client = client
        self._waiting: deque[Place] = deque()
        self._taken: dict[str, Place] = {}
        self._sent_as: dict[str, str] = {}
        self._running: asyncio.Task[None] | None = None
        self._most = MOST

    @asynccontextmanager
    async def place(self, reference: str) -> AsyncIterator[None]:
        """In the next call, one for a reference at a time. Raises TargetPaused, as a throttle's slot does."""
        place = self._taken[reference] = Place(asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        if self._running is None or self._running.done():
            # In a context of its own: whatever slots the first one's task holds are not this one's.
            self._running = asyncio.get_running_loop().create_task(self._run(), name="source-items", context=Context())
        try:
            await place.given
            yield
        except (TargetUnavailable, OutcomeUnknown) as error:
            if isinstance(place.verdict, TargetPaused) and not _is_over(error):
                raise place.verdict from error
            raise
        finally:
            place.ready.set()
            del self._taken[reference]

    async def write(self, reference: str, item: dict[str, Any], request_id: str) -> None:
        """Raises as MagentoClient.write does. `request_id` may not be the one that the call has: see `sent_as`."""
        if reference not in self._taken:
            async with self.place(reference):
                return await self.write(reference, item, request_id)
        place = self._taken[reference]
        place.item, place.request_id = item, request_id
        place.ready.set()
        await place.over.wait()
        if place.error is not None:
            raise place.error
        return None

    def sent_as(self, request_id: str) -> str:
        """The id of the call that an unanswered write went in: its own is unknown to the agent, which would prove nothing.

        Forgotten with the process: then the agent knows nothing of the id, and the quiet period decides.
        """
        return self._sent_as.get(request_id, request_id)

    async def _run(self) -> None:
        """Call after call, while anybody waits."""
        while self._waiting:
            places: list[Place] = []
            verdict: Exception | None = None
            try:
                async with self._client.throttle.slot(STOCK):
                    ends_at_s = asyncio.get_running_loop().time() + self._client.config.timeout_s
                    places = self._give()
                    for place in places:
                        await place.ready.wait()
                    await self._send([place for place in places if place.item is not None], ends_at_s)
            except asyncio.CancelledError:
                for place in places:
                    place.error = OutcomeUnknown(f"a stock write to {self._client.site} was cut off")
                raise
            except Exception as error:  # goes to those who wait: the worker classifies it
                verdict = error
            finally:
                self._end(places, verdict)

    def _give(self) -> list[Place]:
        """Places to those who wait, and still do."""
        given: list[Place] = []
        while self._waiting and len(given) < self._most:
            place = self._waiting.popleft()
            if not place.given.done():
                place.error = TargetPaused(f"the stock write to {self._client.site} was not sent", delay_s=1)
                place.given.set_result(None)
                given.append(place)
        return given

    def _end(self, places: list[Place], verdict: Exception | None) -> None:
        """Without places the call never began: all who wait are told why."""
        while verdict is not None and not places and self._waiting:
            place = self._waiting.popleft()
            if not place.given.done():
                place.given.set_exception(copy.copy(verdict))
        for place in places:
            place.verdict = copy.copy(verdict)
            place.over.set()

    async def _send(self, places: list[Place], ends_at_s: float) -> None:
        """Halved after each refusal. What is not answered ends it all: the rest is not sent. Raises what ended it."""
        if not places:
            # No call, so it must not count as one that the shop answered.
            raise TargetPaused(f"no stock write to {self._client.site} was left to send", delay_s=1)
        parts = [places]
        while parts:
            part = parts.pop()
            half = len(part) // 2
            try:
                await self._call(part, ends_at_s)
            except Exception as error:
                _tell(part, error)
                if not _is_over(error):
                    raise
                if half:
                    parts += [part[half:], part[:half]]
                    self._most = half
            else:
                self._most = min(MOST, 2 * self._most)
                for place in part:
                    place.error = None
                    self._sent_as.pop(place.request_id, None)

    async def _call(self, part: list[Place], ends_at_s: float) -> None:
        request_id = part[0].request_id if len(part) == 1 else str(uuid.uuid4())
        for place in part:
            self._remember(place.request_id, request_id)
        body = {"sourceItems": [place.item for place in part]}
        await self._client.write("POST", SOURCE_ITEMS, body, request_id, ends_at_s=ends_at_s)

    def _remember(self, request_id: str, sent_as: str) -> None:
        self._sent_as.pop(request_id, None)
        self._sent_as[request_id] = sent_as
        while len(self._sent_as) > KEPT:
            del self._sent_as[next(iter(self._sent_as))]


def _is_over(error: Exception) -> bool:
    """The shop answered: nothing of this call is under way any more, and what it did can be done again."""
    return isinstance(error, RejectedByTarget) or (isinstance(error, OutcomeUnknown) and error.answered)


def _tell(part: list[Place], error: Exception) -> None:
    """A refusal of several is nobody's own. And a call that was not executed leaves unknown what an earlier one left so."""
    for place in part:
        is_own = len(part) == 1 and _is_over(error)
        says_nothing = isinstance(place.error, OutcomeUnknown) or isinstance(error, RejectedByTarget)
        if is_own or isinstance(error, OutcomeUnknown) or not says_nothing:
            place.error = copy.copy(error)
