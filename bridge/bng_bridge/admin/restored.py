"""After the bridge's own store was restored from a backup: what it accepted and wrote since then, it does not know."""

import sqlite3
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bng_bridge import life, sites
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.sources.followed import EVENTS as FOLLOWED
from bng_bridge.sources.poller import RESOURCES
from bridge_common.clock import from_text, to_text, utc_now

ALERT = "store-restored"
MARGIN = timedelta(minutes=10)
"""How long before the backup reading anew begins: for clocks that differ, and what was under way while it was made."""


async def restored(bridge: Bridge, backup_at: datetime) -> dict[str, Any]:
    """{"since", "quiet_s"}: what changed since then is to be read anew; so long nothing is sent that could happen twice.

    Again is harmless. Writes of the lost time may be under way; after the quiet period a look-up finds them.
    """
    since = backup_at - MARGIN
    overlap = timedelta(seconds=bridge.config.bng.poll.overlap_s)
    latest, now = to_text(backup_at - overlap), to_text(utc_now())

    def commit(db: sqlite3.Connection) -> None:
        life.answer(db, now)
        for name in (*RESOURCES, *FOLLOWED):
            known = sites.watermark(db, name)
            if known is not None and from_text(known) > from_text(latest):
                sites.move_watermark(db, name, latest)

    await bridge.store.write(commit)
    bridge.context.deliver.wait_out(bridge.longest_quiet_s)
    bridge.alerts.end(ALERT)
    return {"since": to_text(since), "quiet_s": bridge.longest_quiet_s}


async def _restored(bridge: Bridge, request: web.Request) -> Any:
    return await restored(bridge, from_text(str((await request.json())["backup_time"])))


ROUTES: tuple[Route, ...] = (("POST", "/restored", _restored),)
