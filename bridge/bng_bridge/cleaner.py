"""Forgets closed events after their time, so that the store does not grow for ever. Bindings and versions stay."""

import asyncio
from datetime import timedelta

from bng_bridge import inbox
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
    deleted = await store.write(lambda db: inbox.clean(db, before))
    if deleted:
        log("cleaned", events=deleted)
    return deleted
