"""The agent's status on up/status: retained, so a bridge that comes later sees it, and with a last will."""

import asyncio
from datetime import datetime
from typing import Any

from bridge_common import decimal_json, topics
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.mqtt import Connection, Will
from bridge_common.waiting import wait_at_most
from magento_agent import __version__
from magento_agent.health import Health
from magento_agent.rows import Rows

COUNT_LIMIT_S = 2.0


def will(site: str) -> Will:
    """What the broker says for an agent that went without a word."""
    return Will(topics.topic(site, topics.STATUS), decimal_json.dumps({"state": "offline", "site": site}).encode())


async def beat(connection: Connection, site: str, health: Health, outbox: Rows, interval_s: float) -> None:
    """For ever: the status every `interval_s`, and at each change."""
    while True:
        health.changed.clear()
        await publish_status(connection, site, "online", await _status(health, outbox))
        await wait_at_most(health.changed, interval_s)


async def publish_status(connection: Connection, site: str, state: str, facts: dict[str, Any] | None = None) -> None:
    """Raises PublishRefused when the broker's ACL does not let this user speak for `site`; BrokerLost."""
    status = {"state": state, "site": site, "at": to_text(utc_now()), "agent_version": __version__, **(facts or {})}
    payload = decimal_json.dumps(status).encode()
    await connection.publish(topics.topic(site, topics.STATUS), payload, retain=True)


async def _status(health: Health, outbox: Rows) -> dict[str, Any]:
    rows, oldest_s = await _count(health, outbox)
    return {
        "epoch": health.epoch,
        "outbox_rows": rows,
        "outbox_oldest_s": oldest_s,
        "in_flight": health.in_flight,
        "receipts_at": _text(health.receipts_at),
        "rest": health.rest,
        "database": health.database,
        "triggers": health.triggers,
        "polling": health.polling,
    }


async def _count(health: Health, outbox: Rows) -> tuple[int | None, float | None]:
    """None when the database does not answer at once: the status must go out all the same."""
    try:
        async with asyncio.timeout(COUNT_LIMIT_S):
            rows, oldest_s = await outbox.waiting()
    except BridgeError as error:
        health.database_failed(error)
        return None, None
    except TimeoutError:
        return None, None
    return rows, round(oldest_s, 3)


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None
