"""Forgets closed events after their time, so that the store does not grow for ever. Bindings and versions stay."""

import asyncio
import sqlite3
from datetime import timedelta

from bng_bridge import inbox, policy_waits
from bng_bridge.store import Store
from bridge_common.clock import ClockWatch, to_text, utc_now
from bridge_common.log import log

KEEP = timedelta(days=30)
INTERVAL_S = 600.0
PAUSE_S = 0.5


async def run(store: Store, clock: ClockWatch) -> None:
    while True:
        is_behind = not clock.is_off and await run_once(store) == inbox.CLEANED
        await asyncio.sleep(PAUSE_S if is_behind else INTERVAL_S)


async def run_once(store: Store) -> int:
    """Events deleted, at most inbox.CLEANED: one call is one short commit."""
    before = to_text(utc_now() - KEEP)

    def clean(db: sqlite3.Connection) -> int:
        policy_waits.clean(db)
        return inbox.clean(db, before)

    deleted = await store.write(clean)
    if deleted:
        log("cleaned", events=deleted)
    return deleted
