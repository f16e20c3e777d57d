"""Sending the outbox: each webhook signed and repeated with growing pauses until it is accepted.

A webhook leaves the outbox only after a 2xx answer, so a crash makes it come again, with the id it had. A
410 disables the subscription. Order is not kept: several are on their way at once. What else can go wrong is switched
on in webhook_faults.py.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp

from bridge_sandbox.bng import webhooks
from bridge_sandbox.bng.edge import Edge
from bridge_sandbox.bng.letters import written
from bridge_sandbox.bng.store import Store, Work
from bridge_sandbox.bng.webhook_faults import Post, WebhookFaults
from bridge_sandbox.bng.webhooks import Message

CONCURRENCY = 4
TIMEOUT_S = 10.0
LEASE_S = 2 * TIMEOUT_S
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
ACTOR = "webhooks"


async def run(store: Store, faults: WebhookFaults, edge: Edge) -> None:
    """Send until cancelled."""
    with store.work(ACTOR) as work:
        work.db.execute("UPDATE webhook_outbox SET due_s = 0")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        for number in range(CONCURRENCY):
            group.create_task(
                send_on_and_on(store, faults, partial(post, session, edge)), name=f"webhook sender {number}"
            )


async def send_on_and_on(store: Store, faults: WebhookFaults, send: Post) -> None:
    """Take one due webhook after the other; without one wait for the next."""
    while True:
        # Cleared before looking: one written after the look sets it again.
        store.outbox_grew.clear()
        with store.work(ACTOR) as work:
            message = claim(work, time.time())
            if message and faults.hold(work, message, time.time()):
                continue
            pause_s = None if message else until_next(work, time.time())
        if message:
            await deliver(store, message, faults, send)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(store.outbox_grew.wait(), pause_s)


def claim(work: Work, now_s: float) -> Message | None:
    """The webhook due longest, not due for others while it is being sent."""
    row = work.db.execute(
        "SELECT n, message_id, url, secret, body, attempts FROM webhook_outbox JOIN subscriptions USING (url)"
        " WHERE due_s <= ? ORDER BY due_s, n LIMIT 1",
        (now_s,),
    ).fetchone()
    if row is None:
        return None
    work.db.execute("UPDATE webhook_outbox SET due_s = ? WHERE n = ?", (now_s + LEASE_S, row[0]))
    return Message(*row)


def until_next(work: Work, now_s: float) -> float | None:
    """Seconds until a webhook is due, None if there is none."""
    (due_s,) = work.db.execute("SELECT min(due_s) FROM webhook_outbox").fetchone()
    return None if due_s is None else max(0.0, due_s - now_s)


async def deliver(store: Store, message: Message, faults: WebhookFaults, send: Post) -> None:
    """Send it once and settle it by the answer."""
    await faults.precede(message, send)
    status = await send(message, 0.0)
    accepted = 200 <= status < 300
    with store.work(ACTOR) as work:
        if accepted:
            work.db.execute("DELETE FROM webhook_outbox WHERE n = ?", (message.n,))
        elif status == 410:
            webhooks.disable(work, message.url)
        else:
            postpone(work, message, time.time())
    await faults.follow(message, send, accepted=accepted)


async def post(session: aiohttp.ClientSession, edge: Edge, message: Message, age_s: float) -> int:
    """The status answered, 0 if there was no answer; signed as if it were sent `age_s` ago."""
    letter = written(edge, message, datetime.now(UTC) - timedelta(seconds=age_s))
    if letter is None:
        return 204
    try:
        async with session.post(message.url, data=letter.body, headers=letter.headers, allow_redirects=False) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def postpone(work: Work, message: Message, now_s: float) -> None:
    """Due again after a pause that doubles with each attempt."""
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(message.attempts, 10))
    work.db.execute(
        "UPDATE webhook_outbox SET attempts = attempts + 1, due_s = ? WHERE n = ?", (now_s + pause_s, message.n)
    )
