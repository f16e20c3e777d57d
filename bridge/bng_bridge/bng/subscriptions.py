"""Subscriptions at an ERP that lets them die: made where they are missing, and renewed long before their end.

What is not announced meanwhile the poll finds: a failure here costs time and loses nothing.
"""

import asyncio
import logging

from bng_bridge.bng.client import BngClient
from bng_bridge.bng.pointers import at
from bng_bridge.bng.profile import Subscription
from bridge_common.errors import BridgeError
from bridge_common.log import log

RENEWALS_IN_A_LIFE = 3
AFTER_A_FAILURE_S = 60.0


async def run(client: BngClient, how: Subscription, url: str, key: str) -> None:
    """`url` is where BNG reaches the bridge's webhooks, `key` what it has to repeat in each of them."""
    while True:
        pause_s = how.life_s / RENEWALS_IN_A_LIFE
        try:
            made = await renew(client, how, url, key)
            log("subscribed", target="bng", new=made)
        except BridgeError as error:
            log("subscribe_failed", level=logging.WARNING, target="bng", error=error.message)
            pause_s = min(pause_s, AFTER_A_FAILURE_S)
        await asyncio.sleep(pause_s)


async def renew(client: BngClient, how: Subscription, url: str, key: str) -> int:
    """How many were missing and are made. Raises as a write to BNG does."""
    found = at(await client.call("GET", how.path), client.profile.list.records) or []
    ours = {str(each.get(how.resource)): str(each.get(how.id)) for each in found if each.get(how.url) == url}
    made = 0
    for resource in how.resources:
        body = {how.url: url, how.resource: resource, how.key: key}
        if resource in ours:
            await client.call("PATCH", client.profile.paths.record.format(path=how.path, id=ours[resource]), body)
        else:
            await client.call("POST", how.path, body)
            made += 1
    return made
