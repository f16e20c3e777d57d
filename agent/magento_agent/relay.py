"""The relay: outbox rows become published events, and go when the bridge's receipt is in.

One Relay lives under one epoch. When the connection ends the whole object is dropped: its batches and claims are
forgotten, nothing was deleted, and the next Relay reads the rows again under a higher epoch. A receipt deletes rows
only while this very object holds their batch, so a receipt of another epoch, or a second one, deletes nothing.

    read ─▶ changes ─▶ dispatch ─▶ carry: draw n, hydrate, pack, publish ─▶ unreceipted ─▶ receipt ─▶ delete rows
               ▲                     │ entity absent, or shop away            │ none in time: published again
               └─────────────────────┘                  carry's publish ◀─────┘
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridge_common.clock import utc_now
from bridge_common.errors import BridgeError, TransientError
from bridge_common.log import log
from bridge_common.mqtt import PublishRefused
from bridge_common.waiting import wait_at_most
from magento_agent.batches import Batch, encode_all, pack
from magento_agent.capture import Capture, Drawn, too_large
from magento_agent.changes import Change, Changes
from magento_agent.config import Relay as RelaySection
from magento_agent.health import Health
from magento_agent.hydrate import Hydrator
from magento_agent.pause import Pause
from magento_agent.rows import Rows
from magento_agent.scan import Scan

Publish = Callable[[Batch, float], Awaitable[None]]
"""(batch, seconds until it expires at the broker). Raises PublishRefused; BrokerLost ends the session."""

MOST_CLAIMED_ROWS = 20_000
SHORTEST_LOOK_S = 0.01
LONGEST_LOOK_S = 1.0


@dataclass
class Counts:
    """What one Relay has done."""

    events: int = 0
    batches: int = 0
    republished: int = 0
    receipted: int = 0
    deleted_rows: int = 0


class Relay:
    def __init__(
        self,
        capture: Capture,
        section: RelaySection,
        *,
        outbox: Rows,
        hydrator: Hydrator,
        publish: Publish,
        health: Health,
    ) -> None:
        self.counts = Counts()
        self._capture = capture
        self._section = section
        self._outbox = outbox
        self._hydrator = hydrator
        self._publish = publish
        self._health = health
        self._changes = Changes()
        self._scan = Scan(outbox, self._changes, rescan_interval_s=section.rescan_interval_s)
        self._unreceipted: dict[str, Batch] = {}
        self._receipted: list[Batch] = []
        self._hydrating = 0
        self._shop_pause = Pause()
        self._shop_paused_until_s = 0.0
        self._is_reading = True
        self._is_dispatching = True
        self._caught_up = asyncio.Event()
        self._work = asyncio.Event()
        self._receipt_in = asyncio.Event()
        self._settled = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Only BrokerLost and bugs come out; database and shop are waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(), name="relay read")
            group.create_task(self._dispatch(group), name="relay dispatch")
            group.create_task(self._delete_receipted(), name="relay delete")
            group.create_task(self._watch_receipts(), name="relay watch receipts")

    def receive_receipt(self, batch_id: str, epoch: int) -> None:
        batch = self._unreceipted.pop(batch_id, None) if epoch == self._capture.epoch else None
        if batch is None:
            log("receipt_ignored", level=logging.WARNING, batch=batch_id, epoch=epoch, own_epoch=self._capture.epoch)
            return
        self.counts.receipted += 1
        self._health.receipts_at = utc_now()
        self._receipted.append(batch)
        self._receipt_in.set()
        self._work.set()

    async def finish(self) -> None:
        """Return when all rows that can be seen now are published, receipted and deleted."""
        self._caught_up.clear()
        await self._caught_up.wait()
        self._is_reading = False
        while not self._changes.is_empty:
            self._settled.clear()
            await self._settled.wait()

    async def drain(self, limit_s: float) -> None:
        """Begin nothing new, and wait a while for the receipts in flight."""
        self._is_reading = self._is_dispatching = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self._hydrating or self._unreceipted or self._receipted:
                    self._settled.clear()
                    await self._settled.wait()

    # Reading

    async def _read(self) -> None:
        pause = Pause()
        while self._is_reading:
            pause_s = self._section.poll_interval_s
            if self._has_room():
                try:
                    found = await self._scan.read()
                except BridgeError as error:
                    self._health.database_failed(error)
                    pause_s = pause.next_s()
                else:
                    self._note_read(found)
                    pause.reset()
            await asyncio.sleep(pause_s)

    def _note_read(self, found: int) -> None:
        self._health.database_works()
        if found:
            self._work.set()
        else:
            self._caught_up.set()

    def _has_room(self) -> bool:
        """Entities that are only waiting for another attempt take no room: they must not hold up the rest."""
        wanted = self._section.batch_entities * self._section.batches_in_flight
        return self._changes.fresh < wanted and self._changes.claimed < MOST_CLAIMED_ROWS

    # Hydrating and publishing

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        while self._is_dispatching:
            self._work.clear()
            while self._may_hydrate() and (changes := self._take()):
                self._hydrating += 1
                group.create_task(self._carry(changes), name="relay carry")
            await wait_at_most(self._work, self._next_look_s())

    def _take(self) -> list[Change]:
        return self._changes.take(self._section.batch_entities, time.monotonic())

    def _may_hydrate(self) -> bool:
        return self._has_slot() and time.monotonic() >= self._shop_paused_until_s

    def _has_slot(self) -> bool:
        in_flight = self._hydrating + len(self._unreceipted)
        return self._hydrating < self._section.hydrations_at_once and in_flight < self._section.batches_in_flight

    def _next_look_s(self) -> float:
        """Until the next retry of an entity or of the shop; a slot that comes free sets `_work`."""
        due_s = self._changes.next_due_s()
        if due_s is None or not self._has_slot():
            return LONGEST_LOOK_S
        wait_s = max(due_s, self._shop_paused_until_s) - time.monotonic()
        return min(max(wait_s, SHORTEST_LOOK_S), LONGEST_LOOK_S)

    async def _carry(self, changes: list[Change]) -> None:
        """One hydration and the batches that come of it."""
        try:
            drawn = self._capture.draw(changes)
            batches = await self._hydrate(drawn)
        finally:
            self._hydrating -= 1
            self._work.set()
            self._settled.set()
        for batch in batches:
            await self._send(batch)

    async def _hydrate(self, drawn: Drawn) -> list[Batch]:
        """The batches, already counted as unreceipted; none when the shop is away."""
        try:
            found = await self._hydrator.read(drawn.entity, drawn.ids)
        except BridgeError as error:
            self._shop_is_away(error, drawn.changes)
            return []
        self._health.rest_works()
        self._shop_pause.reset()
        self._changes.hydrated(drawn.changes)
        events = self._capture.events(drawn, found, self._changes.put_back)
        limit = self._section.max_packet_bytes
        batches = list(pack(encode_all(events, limit, utc_now(), too_large(limit)), limit))
        self._unreceipted |= {batch.id: batch for batch in batches}
        return batches

    def _shop_is_away(self, error: BridgeError, changes: list[Change]) -> None:
        """Nothing is held against the entities: their rows stay, and are tried again for as long as it takes."""
        self._health.rest_failed(error)
        for change in changes:
            self._changes.put_back(change)
        if time.monotonic() >= self._shop_paused_until_s:
            asked_s = error.retry_after_s if isinstance(error, TransientError) else None
            self._shop_paused_until_s = time.monotonic() + self._shop_pause.next_s(asked_s)

    async def _send(self, batch: Batch) -> None:
        batch.sent_s = time.monotonic()
        batch.attempts += 1
        self._health.in_flight = len(self._unreceipted)
        action = "published" if batch.attempts == 1 else "republished"
        log(action, batch=batch.id, events=batch.events, rows=len(batch.rows), attempt=batch.attempts)
        if batch.attempts == 1:
            self.counts.batches += 1
            self.counts.events += batch.events
        else:
            self.counts.republished += 1
        # What expires at the broker is published again; so a bridge that is away does not fill the broker.
        expiry_s = 2 * batch.receipt_timeout_s(self._section.receipt_timeout_s) + 1
        try:
            await self._publish(batch, expiry_s)
        except PublishRefused as error:
            log("publish_refused", level=logging.WARNING, batch=batch.id, error=error.sentence())

    # Receipts

    async def _watch_receipts(self) -> None:
        first_s = self._section.receipt_timeout_s
        while True:
            await asyncio.sleep(min(first_s / 4, 1.0))
            for batch in list(self._unreceipted.values()):
                waited_s = time.monotonic() - batch.sent_s
                if batch.id in self._unreceipted and batch.sent_s and waited_s > batch.receipt_timeout_s(first_s):
                    await self._send(batch)

    async def _delete_receipted(self) -> None:
        pause = Pause()
        while True:
            await self._receipt_in.wait()
            self._receipt_in.clear()
            while self._receipted:
                try:
                    await self._delete(list(self._receipted))
                except BridgeError as error:
                    self._health.database_failed(error)
                    await asyncio.sleep(pause.next_s())
                else:
                    pause.reset()

    async def _delete(self, batches: list[Batch]) -> None:
        rows = [row for batch in batches for row in batch.rows]
        deleted = await self._outbox.delete(rows)
        del self._receipted[: len(batches)]
        self._changes.release(rows)
        self.counts.deleted_rows += deleted
        self._health.in_flight = len(self._unreceipted)
        for batch in batches:
            log("receipted", batch=batch.id, events=batch.events, rows=len(batch.rows))
        self._settled.set()
