"""`run` and `once`: start checks, then sessions until told to stop, or one session until all is carried."""

import asyncio
from dataclasses import replace

from bridge_common import systemd
from bridge_common.errors import TargetUnavailable
from bridge_common.log import log
from bridge_common.mqtt import Connection, connect, keep_connected
from bridge_common.waiting import wait_at_most
from magento_agent import __version__, heartbeat, trigger_watch, webhooks
from magento_agent.config import AgentConfig
from magento_agent.health import OK
from magento_agent.parts import Parts, open_parts
from magento_agent.relay import Counts, Relay
from magento_agent.session import Session
from magento_agent.start_checks import check

STOP_LIMIT_S = 20.0
CLOCK_LOOK_S = 2.0


class _Stopped(Exception):
    """Leads out of keep_connected, which otherwise goes on for ever."""


async def run(config: AgentConfig, stop: asyncio.Event) -> None:
    """Ready after the start checks: the bridge may be away for as long as it likes."""
    async with open_parts(config) as parts:
        await check(parts)
        async with webhooks.serving(parts.config.polling, parts.outbox):
            log("started", version=__version__, site=config.agent.site)
            systemd.notify("READY=1")
            gateway = asyncio.create_task(parts.gateway.run(), name="gateway")
            sessions = asyncio.create_task(_sessions(parts, stop), name="sessions")
            polling = asyncio.create_task(_poll(parts), name="poller")
            clock = asyncio.create_task(_watch_clock(parts), name="clock")
            triggers = asyncio.create_task(trigger_watch.run(config.outbox, parts.health), name="triggers")
            stopping = asyncio.create_task(stop.wait(), name="stop")
            tasks = {gateway, sessions, polling, clock, triggers, stopping}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if parts.health.is_connected:
                await asyncio.wait({gateway, sessions}, timeout=STOP_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
            await _end(stopping, sessions, gateway, polling, clock, triggers)


async def once(config: AgentConfig) -> Counts:
    """Carry everything that waits now. Raises TargetUnavailable when something does not get through."""
    async with open_parts(config) as parts:
        await check(parts)
        if parts.poller is not None:
            await parts.poller.run_once()
        gateway = asyncio.create_task(parts.gateway.run(), name="gateway")
        try:
            async with connect(parts.broker, heartbeat.will(config.agent.site)) as connection:
                counts = await _one_pass(parts, connection)
        finally:
            await _end(gateway)
        if parts.health.polling != OK:
            raise TargetUnavailable(f"Not everything could be read. {parts.health.polling}")
        return counts


async def _poll(parts: Parts) -> None:
    """For ever: where the shop's own triggers capture, there is nothing to poll."""
    if parts.poller is None:
        await asyncio.Event().wait()
    else:
        await parts.poller.run()


async def _watch_clock(parts: Parts) -> None:
    while True:
        await asyncio.sleep(CLOCK_LOOK_S)
        parts.health.look_at_clock()


async def _sessions(parts: Parts, stop: asyncio.Event) -> None:
    async def until_stop(session: Session) -> None:
        await stop.wait()
        await session.close()

    async def serve(connection: Connection) -> None:
        parts.health.is_connected = True
        try:
            await Session(parts, connection).run(until_stop)
        finally:
            parts.health.is_connected = False
        raise _Stopped

    try:
        await keep_connected(parts.broker, serve, will=heartbeat.will(parts.config.agent.site))
    except _Stopped:
        return


async def _one_pass(parts: Parts, connection: Connection) -> Counts:
    counts = Counts()

    async def until_carried(session: Session) -> None:
        nonlocal counts
        relay = await _wait_for_welcome(session, parts)
        await _finish(relay, parts)
        counts = replace(relay.counts)
        await session.close()

    await Session(parts, connection).run(until_carried)
    return counts


async def _wait_for_welcome(session: Session, parts: Parts) -> Relay:
    limit_s = parts.config.relay.receipt_timeout_s
    await wait_at_most(session.welcomed, limit_s)
    if session.relay is None:
        raise TargetUnavailable(
            f"The bridge did not answer within {limit_s:g} s.",
            hint=f"Check that bng-bridge runs, uses the same broker, and has a site {parts.config.agent.site!r}.",
        )
    return session.relay


async def _finish(relay: Relay, parts: Parts) -> None:
    """Raises TargetUnavailable when nothing moves for as long as a receipt may take."""
    limit_s = parts.config.relay.receipt_timeout_s
    finishing = asyncio.create_task(relay.finish(), name="finish")
    try:
        while not finishing.done():
            before = (relay.counts.batches, relay.counts.receipted, relay.counts.deleted_rows)
            await asyncio.wait({finishing}, timeout=limit_s)
            after = (relay.counts.batches, relay.counts.receipted, relay.counts.deleted_rows)
            if before == after and not finishing.done():
                raise TargetUnavailable(_obstacle(relay.counts, parts, limit_s))
        await finishing
    finally:
        finishing.cancel()


def _obstacle(counts: Counts, parts: Parts, limit_s: float) -> str:
    for sentence in (parts.health.database, parts.health.rest):
        if sentence != OK:
            return sentence
    return f"{counts.batches - counts.receipted} batches are published, and no receipt came within {limit_s:g} s."


async def _end(*tasks: "asyncio.Task[object]") -> None:
    """Cancel what still runs, and raise what one of them failed with."""
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
