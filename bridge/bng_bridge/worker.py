"""Takes due events out of the inbox, runs their flow, settles them.

A slot is taken before an event is claimed, so nothing claimed waits. The settling write is shielded: a stop cannot lose a
result. This is the only place that classifies failures; whatever is not in the tree of errors is a bug: traceback, few
retries, dead.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bng_bridge import inbox, policy_waits, retry
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.cause import cause_of
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import Outcome
from bng_bridge.store import Store
from bridge_common.clock import ClockWatch, from_text, to_text, utc_now
from bridge_common.errors import BridgeError, HeldByPolicy, NotReady
from bridge_common.log import log
from bridge_common.waiting import wait_at_most

RunFlow = Callable[[Claimed], Awaitable[Outcome]]
LONGEST_SLEEP_S = 1.0
FAR = timedelta(minutes=6)
"""A little more than the longest pause between attempts. What waits longer is looked at when the bridge starts: nobody knows
whether the clock that named its time was ahead."""


class Worker:
    def __init__(
        self,
        store: Store,
        run_flow: RunFlow,
        *,
        slots: int,
        room: Callable[[], int | None] = lambda: None,
        alerts: Alerts | None = None,
        clock: ClockWatch | None = None,
    ) -> None:
        """`room` is how many flows may begin now (None: any number). Every flow needs BNG, in one direction or the other:
        while BNG is closed nothing is claimed, or a backlog would be claimed and given back for as long as it lasts."""
        self._store = store
        self._run_flow = run_flow
        self._free = slots
        self._room = room
        self._alerts = alerts or Alerts()
        self._clock = clock or ClockWatch()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was put, requeued or settled: look again now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then lets the running flows finish. The caller bounds how long, and cuts off the rest by cancelling.

        A flow that is cut off stays in `processing`, and is given back at the next start. A result that cannot be
        committed ends the worker: going on would block the event's lane until then.
        """
        await self._store.write(_rescue)
        async with asyncio.TaskGroup() as flows:
            stopping = flows.create_task(stop.wait(), name="worker-stop")
            stopping.add_done_callback(lambda _: self.wake())
            while not stop.is_set():
                self._wake.clear()
                await self._start_due(flows)
                await self._sleep()

    async def _start_due(self, flows: asyncio.TaskGroup) -> None:
        room = self._room()
        limit = self._free if room is None else min(self._free, room)
        if limit == 0:
            return
        now = to_text(self._clock.now())
        claimed = await self._store.write(lambda db: inbox.claim(db, now, limit))
        for event in claimed:
            self._free -= 1
            flows.create_task(self._process(event), name=f"event-{event.seq}").add_done_callback(self._finished)

    def _finished(self, _task: asyncio.Task[None]) -> None:
        self._free += 1
        self._wake.set()

    async def _sleep(self) -> None:
        if self._wake.is_set():
            return
        due = inbox.next_due(self._store.read) if self._free else None
        wait_s = LONGEST_SLEEP_S
        if due is not None:
            wait_s = min(wait_s, max(0.0, (from_text(due) - self._clock.now()).total_seconds()))
            # A due event that was not claimed waits for its lane, whose settling wakes us, or for a closed target.
            wait_s = wait_s or (0.05 if self._room() is None else 0.25)
        await wait_at_most(self._wake, wait_s)

    async def _process(self, event: Claimed) -> None:
        started_at = to_text(utc_now())
        try:
            outcome = await self._run_flow(event)
        except Exception as error:  # the one place that classifies
            await asyncio.shield(self._fail(event, error, started_at))
        else:
            await asyncio.shield(self._settle(event, outcome, started_at))

    async def _settle(self, event: Claimed, outcome: Outcome, started_at: str) -> None:
        now = to_text(utc_now())

        def commit(db: sqlite3.Connection) -> None:
            inbox.settle(db, event, outcome.state, started_at=started_at, now=now, reason=outcome.reason)
            if event.source == "magento":
                policy_waits.forget(db, event)
            for hint in outcome.hints:
                inbox.put_hint(db, hint, now)
            inbox.put_events(db, list(outcome.events), now)

        await self._store.write(commit)
        log("settled", event=event.event_key, entity=f"{event.entity}/{event.entity_id}", state=outcome.state,
            reason=outcome.reason)  # fmt: skip

    async def _fail(self, event: Claimed, error: Exception, started_at: str) -> None:
        now = self._clock.now()
        # With a clock that was set nobody knows how old the event is.
        since = now if self._clock.is_off else self._since(event, error, started_at, now)
        decision = _named(event, retry.decide(error, attempts=event.attempts, since=since, now=now))
        if not isinstance(error, BridgeError):
            log("bug", level=logging.ERROR, event=event.event_key, error=repr(error), exc_info=True)
        state = await self._store.write(lambda db: self._record(db, event, error, decision, started_at, now))
        _log_failure(event, error, decision, state)
        if state == "dead":
            cause = cause_of(error, event.entity)
            self._alerts.tell("dead letter", key="dead-letters", event=event.event_key, hint=decision.hint, cause=cause)

    def _since(self, event: Claimed, error: Exception, started_at: str, now: datetime) -> datetime:
        """What the event's age counts from. A rule's wait is the record's own, however often it changed meanwhile."""
        if isinstance(error, HeldByPolicy):
            return policy_waits.since(self._store.read, event, error.rule) or now
        return inbox.blamed_since(self._store.read, event, started_at)

    def _record(
        self,
        db: sqlite3.Connection,
        event: Claimed,
        error: Exception,
        decision: retry.Decision,
        started_at: str,
        now: datetime,
    ) -> str:
        """The state that the event really got."""
        reason = error.message if isinstance(error, BridgeError) else repr(error)
        kind = type(error).__name__
        rule = error.rule if isinstance(error, HeldByPolicy) else ""
        if rule:
            policy_waits.note(db, event, rule, to_text(now))
        if decision.outcome == "dead":
            return inbox.settle(
                db, event, "dead", started_at=started_at, now=to_text(now), reason=reason, hint=decision.hint,
                cause=cause_of(error, event.entity), error_kind=kind,
            )  # fmt: skip
        return inbox.give_back(
            db, event, decision.outcome, started_at=started_at, now=to_text(now), run_at=to_text(decision.run_at),
            error_kind=kind, reason=reason, hint=decision.hint, rule=rule,
        )  # fmt: skip


def _named(event: Claimed, decision: retry.Decision) -> retry.Decision:
    """With the event's number in its hint, so that the command in it can be run as it stands."""
    return replace(decision, hint=decision.hint.replace("{event}", str(event.seq)))


def _log_failure(event: Claimed, error: Exception, decision: retry.Decision, state: str) -> None:
    level = logging.INFO if isinstance(error, NotReady) else logging.WARNING
    message = error.message if isinstance(error, BridgeError) else repr(error)
    log(
        decision.outcome, level=level, event=event.event_key, entity=f"{event.entity}/{event.entity_id}",
        error_kind=type(error).__name__, error=message, run_at=to_text(decision.run_at), state=state,
    )  # fmt: skip


def _rescue(db: sqlite3.Connection) -> None:
    now = utc_now()
    count = inbox.rescue(db, to_text(now))
    inbox.bring_forward(db, to_text(now), beyond=to_text(now + FAR))
    if count:
        log("rescued", events=count)
