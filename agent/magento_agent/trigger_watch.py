"""Whether the triggers still stand, while the agent runs: a module's upgrade or a restored table takes them away without a
word, and then nothing comes any more.

Only the shop's own account is shown them (`inspection.py`). Where the service cannot use it, nothing is known of them, and
nothing else depends on it.
"""

import asyncio

from bridge_common.errors import BridgeError, TransientError
from magento_agent.config import Outbox
from magento_agent.health import Health
from magento_agent.inspection import trigger_failures

LOOK_S = 60.0


async def run(section: Outbox | None, health: Health) -> None:
    """For ever: a hosted shop has no triggers, and without [outbox.owner] nobody may see them."""
    if section is None or section.owner is None:
        await asyncio.Event().wait()
        return
    while True:
        await look(section, health)
        await asyncio.sleep(LOOK_S)


async def look(section: Outbox, health: Health) -> None:
    try:
        failures = await asyncio.to_thread(trigger_failures, section)
    except TransientError:
        return  # a database that is away is told already, and what was known of them stays
    except BridgeError as error:
        health.triggers_unseen(error)
        return
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    health.triggers_seen(f"{failures[0].name}: {failures[0].text}{more}" if failures else "")
