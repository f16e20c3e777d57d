"""How fast a target is called: one budget of rate and concurrency, narrower ones for classes of calls, and a breaker.

`slot()` waits for a permit and a turn, and learns from how the call ends. The rate is halved when the target has too much,
and grows back (pace.py); when its quota runs low, what is left is spread (quota.py). In no window of time are more calls
begun than is configured. While the target is away slots raise TargetPaused at once (breaker.py).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from bng_bridge.config import Limit
from bng_bridge.pacing import pace, quota
from bng_bridge.pacing.breaker import Breaker
from bng_bridge.pacing.endpoint import Endpoint
from bng_bridge.pacing.quota import Quota
from bng_bridge.pacing.turns import Turns
from bridge_common.errors import (
    BridgeError,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    RejectedByTarget,
    TargetUnavailable,
)
from bridge_common.http import Answer
from bridge_common.log import log

OTHER = "other"


@dataclass(slots=True)
class Held:
    """A slot in a task's hands. `is_paid`: the turn that came with it is not used up by a write."""

    throttle: "Throttle"
    begun_at_s: float = 0.0
    is_paid: bool = True
    calls: int = 0


_holding: ContextVar[tuple[Held, ...]] = ContextVar("slots held by this task", default=())


class Throttle:
    """A class of calls is a word, such as `sales-orders`; some have limits of their own. Times are the loop's clock."""

    def __init__(
        self, name: str, *, requests_per_s: float, concurrency: int, limits: Mapping[Any, Limit] | None = None
    ) -> None:
        self.name = name
        self.breaker = Breaker(name)
        self.pace = pace.full(requests_per_s)
        self.quota: Quota | None = None
        self._limits = limits or {}
        self._endpoints: dict[str, Endpoint] = {}
        self._permits = asyncio.Semaphore(concurrency)
        self._turns = Turns(1.0 / requests_per_s)

    @asynccontextmanager
    async def slot(self, endpoint: str = OTHER) -> AsyncIterator[None]:
        """One call. Raises TargetPaused instead of waiting while the target is closed.

        A task that holds a slot already gets another without a permit: its look-up inside a write must not wait for itself.
        """
        called = self._endpoint(endpoint)
        outer = self._held()
        if outer is not None:
            await self._turn(called, outer)
            yield
            return
        self.breaker.check()
        async with called.gate:
            held = Held(self)
            token = _holding.set((*_holding.get(), held))
            is_probe = False
            try:
                is_probe = self.breaker.enter()
                held.begun_at_s = await self._turn(called, held)
                self.breaker.check_waits()
                yield
            except BridgeError as error:
                self._learn(error)
                raise
            else:
                self._succeeded(called, held)
            finally:
                self.breaker.leave(is_probe=is_probe)
                _holding.reset(token)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """A question that only what stands before the target answers, if anything: no call, and no answer of the target's.

        None at all tells as much as one of a call. Raises TargetPaused as `slot`.
        """
        self.breaker.check()
        try:
            yield
        except BridgeError as error:
            self._learn(error)
            raise

    async def begin(self, endpoint: str) -> None:
        """Before each write: the turn of a slot's first one came with the slot, every further one waits for its own."""
        held = self._held()
        if held is not None and held.is_paid:
            held.is_paid = False
        else:
            await self.again(endpoint)

    async def again(self, endpoint: str) -> None:
        """A turn for one more call of a slot, or for one without a slot."""
        await self._turn(self._endpoint(endpoint), self._held())

    def heed(self, answer: Answer) -> None:
        """What an answer tells of the quota; one that tells nothing ends what an earlier one told.

        The next turn comes no earlier than that one had it come, unless more is left now: the quota was reset.
        """
        if not answer.limit and self.quota is None:
            return
        now, earlier, due = _now(), self.quota, self._turns.due()
        self.quota = quota.parse(answer.limit, answer.limit_policy, now)
        is_reset = earlier is not None and self.quota is not None and self.quota.remaining > earlier.remaining
        at = now + self._spread_s()
        self._turns.set(self._interval_s(), at if is_reset else max(at, due))

    def hold(self, reason: str) -> None:
        """Closed by an operator, until `release`: nothing is called, and what waits counts no attempt."""
        self.breaker.held = reason

    def release(self) -> None:
        self.breaker.held = ""

    def room(self) -> int | None:
        return self.breaker.room()

    @property
    def held(self) -> str:
        """Why an operator has closed it, or ''."""
        return self.breaker.held

    @property
    def is_down(self) -> bool:
        return self.breaker.is_down

    def state(self) -> str:
        return self.breaker.state()

    def shown(self) -> dict[str, Any]:
        """For status: the pace, the calls of each class that was called, and the quota as the target told it last."""
        now = _now()
        calls = {name: called.calls.counted(now) for name, called in sorted(self._endpoints.items())}
        return {
            "pace": self._pace_text(),
            "calls": {name: counted for name, counted in calls.items() if counted["total"]},
            "quota": self.quota.shown(now) if self.quota is not None else None,
        }

    def _endpoint(self, name: str) -> Endpoint:
        found = self._endpoints.get(name)
        if found is None:
            found = self._endpoints[name] = Endpoint(name, self._limits.get(name), self._permits)
        return found

    def _held(self) -> Held | None:
        for held in _holding.get():
            if held.throttle is self:
                return held
        return None

    async def _turn(self, called: Endpoint, held: Held | None) -> float:
        """Wait for it, and count the call; when it came."""
        if held is not None:
            held.calls += 1
        if called.interval_s:
            # Its own turn first: who waits for the target's holds up all the others.
            async with called.turns:
                await called.due()
                at = await self._turns.take()
                called.next_at = at + called.interval_s
        else:
            at = await self._turns.take()
        called.calls.add(at)
        return at

    def _learn(self, error: BridgeError) -> None:
        """From a call that failed. Raises TargetPaused in its place where that closes the target."""
        if isinstance(error, RejectedByTarget) or (isinstance(error, OutcomeUnknown) and error.answered):
            self.breaker.answered()
        elif isinstance(error, RateLimited):
            self._cut("it asked to wait")
            self.breaker.answered()
            self.breaker.close_for(error.retry_after_s or 1.0, "it asked to wait")
        elif isinstance(error, TargetUnavailable | OutcomeUnknown):
            if isinstance(error, Overloaded):
                self._cut("it is overloaded")
            if (paused := self.breaker.failed(error)) is not None:
                raise paused from error

    def _succeeded(self, called: Endpoint, held: Held) -> None:
        self.breaker.answered()
        now = _now()
        took_s = now - held.begun_at_s
        if held.calls == 1 and called.latency.is_high(took_s, now):
            self._cut(f"{called.name} take {took_s:.1f} s")
        elif self.pace.reason:
            self.pace = pace.grown(self.pace, now)
            self._turns.set(self._interval_s())

    def _cut(self, reason: str) -> None:
        slower = pace.cut(self.pace, reason, _now())
        if slower.rate < self.pace.rate:
            log("slowed", target=self.name, per_s=slower.rate, reason=reason)
        self.pace = slower
        self._turns.set(self._interval_s())

    def _interval_s(self) -> float:
        return max(1.0 / self.pace.rate, self._spread_s())

    def _spread_s(self) -> float:
        return self.quota.spread_s() if self.quota is not None else 0.0

    def _pace_text(self) -> str:
        spread_s = self._spread_s()
        if spread_s * self.pace.rate <= 1:
            return self.pace.text()
        return f"slowed to {1 / spread_s:.3g}/s: its quota is nearly used up"


def _now() -> float:
    return asyncio.get_running_loop().time()
