"""The bridge's last word when its disk takes nothing any more."""

import asyncio
import contextlib
import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bng_bridge.alerting.alerts import Alerts
from bng_bridge.alerting.notifier import Notifier
from bng_bridge.store import Store
from bng_bridge.watching.conditions import of_disk
from bridge_common.disk import is_passing, unusable

LAST_WORD_S = 10.0


@asynccontextmanager
async def told(store: Store, alerts: Alerts, notifier: Notifier) -> AsyncIterator[None]:
    """Where tasks in the block end of a write that the disk refuses: an alert, and TransientError in place of their group.

    Told now: the next start may fail before anybody could be. Whatever else ends the block passes unchanged.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        refused, others = group.split(_is_refusal)
        if refused is None or others is not None:
            raise
        error = _first(refused)
        now_s = asyncio.get_running_loop().time()
        full = of_disk(store.path.parent, (now_s, str(error)), now_s)
        alerts.begin(full.key, full.subject, hint=full.hint)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await notifier.run_once(math.inf)
        raise unusable(store.path, error, hint=full.hint) from group


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, OSError | sqlite3.Error) and is_passing(error)


def _first(group: BaseException) -> OSError | sqlite3.Error:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    assert isinstance(group, OSError | sqlite3.Error)
    return group
