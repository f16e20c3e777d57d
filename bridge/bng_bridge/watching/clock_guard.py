"""What is done when somebody sets the clock while the bridge runs.

Timers are monotonic, versions order events, and quiet periods are waited out in steady time: for them nothing changes. What
is left goes by the wall clock: when an event is looked at again, and how old it is. So all that waits is looked at at once,
and as long as the clock is off nothing is given up or forgotten for its age.
"""

import asyncio
from datetime import datetime, timedelta

from bng_bridge import inbox
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import ClockWatch, to_text, utc_now
from bridge_common.log import log

LOOK_S = 2.0
AHEAD = timedelta(minutes=1)
ALERT = "clock-jumped"


async def run(watch: ClockWatch, store: Store, worker: Worker, alerts: Alerts) -> None:
    looked_at = inbox.last_seq(store.read)
    while True:
        looked_at = await run_once(watch, store, worker, alerts, since=looked_at)
        await asyncio.sleep(LOOK_S)


async def run_once(watch: ClockWatch, store: Store, worker: Worker, alerts: Alerts, *, since: int = 0) -> int:
    """`since` is what the look before returned: the last event that was there."""
    step_s, now, last = watch.step_s(), utc_now(), inbox.last_seq(store.read)
    if step_s:
        await _follow(watch, store, worker, alerts, step_s, now)
    else:
        await _bring_back(store, worker, now, since)
    return last


async def _follow(
    watch: ClockWatch, store: Store, worker: Worker, alerts: Alerts, step_s: float, now: datetime
) -> None:
    waited = await store.write(lambda db: inbox.bring_forward(db, to_text(now)))
    worker.wake()
    log("clock_set", seconds=round(step_s), brought_forward=waited)
    if watch.is_off:
        alerts.begin(
            ALERT, f"the clock was set by {step_s:+.0f} s while the bridge ran",
            hint="Check it (timedatectl). Until it is set back, or the bridge is started again, nothing is given up for "
            "its age.",
        )  # fmt: skip
    else:
        alerts.end(ALERT)


async def _bring_back(store: Store, worker: Worker, now: datetime, since: int) -> None:
    """What was stored under a clock that was ahead and back again between two looks would wait until that time comes."""
    ahead = to_text(now + AHEAD)
    if inbox.select(store.read, "stored_ahead", ahead=ahead, since=since):
        brought = await store.write(lambda db: inbox.bring_forward(db, to_text(now), stored_after=ahead))
        worker.wake()
        log("clock_set", seconds=0, brought_forward=brought)
