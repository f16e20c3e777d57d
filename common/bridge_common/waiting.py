"""Waiting with a limit. asyncio.wait_for of Python 3.11 swallows a cancellation that comes at the moment when what it
waits for is done; a loop around it then goes on for ever. asyncio.timeout does not."""

import asyncio


async def wait_at_most(event: asyncio.Event, limit_s: float) -> bool:
    """Whether the event was set in time."""
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
