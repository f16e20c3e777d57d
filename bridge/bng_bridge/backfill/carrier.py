"""Brings a shop's history over, window by window, behind what is live.

The shop lists the window's records in the order of their ids; each is committed as handed over, then the agent is asked to
emit it once more, and from there it goes the way of every event. A crash anywhere loses nothing: what was handed over
and has no event yet is asked for again, and asking twice leads to the same state twice.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from decimal import Decimal

from bng_bridge import windows
from bng_bridge.backfill.days import LISTINGS, created_between
from bng_bridge.backfill.pace import Pace
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.listing import Page, count, pages
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest import table
from bng_bridge.manifest.lines import Line, Parts, customer_line, order_line
from bng_bridge.manifest.survey import in_form
from bng_bridge.manifest.verdict import Known
from bng_bridge.store import Store
from bng_bridge.windows import HandOver, Window
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log
from bridge_common.waiting import wait_at_most

LOOK_S = 0.2
IDLE_S = 30.0
PAUSE_S = 1.0
"""After a failure: the shop or its agent are away, and come back by themselves; whoever is paused is not asked."""
ASK_AGAIN_S = 60.0
"""A row of the outbox outlives everything but somebody who deletes it."""
TIMEOUT_S = 30.0


class Carrier:
    """Of one site: `run` carries its windows one after another; `look` makes it look now.

    `trouble` says what keeps it from going on, and is empty otherwise.
    """

    def __init__(self, client: MagentoClient, gateway: GatewayTransport, store: Store) -> None:
        self.site = client.site
        self.pace = Pace()
        self.trouble = ""
        self._client = client
        self._gateway = gateway
        self._store = store
        self._look = asyncio.Event()
        self._asked_s: dict[str, float] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            self._look.clear()
            window = self._next()
            if window is None:
                self.trouble = ""
                await wait_at_most(self._look, IDLE_S)
                continue
            try:
                await self.carry(window)
                self.trouble = ""
            except BridgeError as error:
                self._note(error)
                await wait_at_most(self._look, PAUSE_S)

    def look(self) -> None:
        """A window was begun, taken up again, paused or cancelled."""
        self._look.set()

    async def carry(self, window: Window) -> None:
        """Until it is done, or does not run any more. Raises what the shop's client and the agent's gateway raise."""
        self._asked_s.clear()
        if window.total is None:
            total = await count(self._client, LISTINGS[window.entity], created_between(window.since, window.until))
            await self._store.write(lambda db: windows.count(db, window.id, total))
        listed = Listed(self._pages(window), window.entity)
        async with aclosing(listed.pages):
            while self._runs(window):
                opened = await self._settle(window)
                handed = await self._hand_over(window, listed, len(opened))
                if handed is None:
                    # Paused, and perhaps taken up again by now: what was taken from the list is listed anew.
                    return
                opened |= handed
                await self._ask(window, windows.unheard(opened))
                if not opened and await listed.is_empty():
                    await self._end(window)
                    return
                await asyncio.sleep(LOOK_S)

    def _next(self) -> Window | None:
        return next((each for each in windows.unfinished(self._store.read, self.site) if each.state == "running"), None)

    def _runs(self, window: Window) -> bool:
        now = windows.get(self._store.read, window.id)
        return now is not None and now.state == "running"

    def _pages(self, window: Window) -> AsyncGenerator[Page, None]:
        span = created_between(window.since, window.until)
        return pages(self._client, LISTINGS[window.entity], [], window.last_id, every=span)

    async def _settle(self, window: Window) -> dict[str, str | None]:
        """Those that are under way, with the states of their events. What waits for something of its own, such as a rule of
        the operator's, may do so for weeks: it is safe in the inbox, and nothing waits behind it."""
        opened = windows.opened(self._store.read, window, utc_now() + windows.LONG)
        ended = windows.ended(opened)
        self.pace.note(len(ended), time.monotonic())
        if ended:
            await self._store.write(lambda db: windows.settle(db, window, ended))
            for entity_id in ended:
                self._asked_s.pop(entity_id, None)
        return {each: state for each, state in opened.items() if each not in ended and state != windows.WAITING}

    async def _hand_over(self, window: Window, listed: "Listed", are_open: int) -> dict[str, str | None] | None:
        """As many as there is room for, and not for a few: the agent reads many at once as fast as one. None where the
        window does not run any more."""
        most = self.pace.most_open(time.monotonic())
        if most - are_open < max(1, most // 4):
            return {}
        lines = await listed.take(most - are_open)
        if not lines:
            return {}
        piece, now, zone = _piece(lines), to_text(utc_now()), self._client.config.time_zone

        def commit(db: sqlite3.Connection) -> bool:
            asked_seq = table.highest_seq(db)
            known = [(line, Known(line.digest, "asked", asked_seq, "")) for line in lines]
            if not windows.hand_over(db, window, piece, asked_seq):
                return False
            table.put(db, self.site, zone, known, now)
            return True

        is_handed = await self._store.write(commit)
        return dict.fromkeys(piece.entity_ids) if is_handed else None

    async def _ask(self, window: Window, entity_ids: Iterable[str]) -> None:
        now_s = time.monotonic()
        due = [each for each in entity_ids if self._asked_s.get(each, -ASK_AGAIN_S) <= now_s - ASK_AGAIN_S]
        if not due:
            return
        entities = [{"entity": window.entity, "entity_id": each} for each in due]
        await self._gateway.ask("reemit", timeout_s=TIMEOUT_S, entities=entities)
        self._asked_s |= dict.fromkeys(due, now_s)
        if self.trouble:
            self.trouble = ""

    async def _end(self, window: Window) -> None:
        await self._store.write(lambda db: windows.end(db, window.id, to_text(utc_now())))
        if (ended := windows.get(self._store.read, window.id)) is not None:
            log("backfill", number=ended.id, site=self.site, entity=ended.entity, state=ended.state,
                handed=ended.handed, dead=ended.dead)  # fmt: skip

    def _note(self, error: BridgeError) -> None:
        if error.sentence() != self.trouble:
            log("backfill_failed", level=logging.WARNING, site=self.site, error=error.sentence())
        self.trouble = error.sentence()


class Listed:
    """Lines of a shop's list, taken in pieces; a page is read when the one before is used up."""

    def __init__(self, listed: AsyncGenerator[Page, None], entity: str) -> None:
        self.pages = listed
        self._entity = entity
        self._lines: deque[Line] = deque()
        self._is_ended = False

    async def take(self, most: int) -> list[Line]:
        await self.is_empty()
        return [self._lines.popleft() for _ in range(min(most, len(self._lines)))]

    async def is_empty(self) -> bool:
        while not self._lines and not self._is_ended:
            page = await anext(self.pages, None)
            self._is_ended = page is None
            with in_form("the shop"):
                self._lines.extend(_line(self._entity, item) for item in (page.items if page else []))
        return not self._lines


def _line(entity: str, item: dict[str, object]) -> Line:
    return order_line(item, Parts()) if entity == "order" else customer_line(item)


def _piece(lines: list[Line]) -> HandOver:
    piece = HandOver(int(lines[-1].entity_id), [line.entity_id for line in lines])
    for line in lines:
        with contextlib.suppress(ArithmeticError):
            if line.total:
                piece.add(line.currency, Decimal(line.total))
    return piece
