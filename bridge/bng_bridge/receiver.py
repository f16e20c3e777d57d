"""The bridge's end of the broker: events into the inbox, then the acknowledgement, then the receipt.

The order is the promise: a batch is acknowledged to the broker only after the inbox commit, and the agent deletes its outbox
rows only on the receipt that follows. Killed in between, the batch comes again and its duplicates are receipted again.
"""

import asyncio
import logging
from typing import Any

from bng_bridge import inbox
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.holds import Holds
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.sites import Presence, epoch_of, grant_epoch, identity_of
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common import decimal_json, topics
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import IdentityChanged, InvalidEvent, TakenOver
from bridge_common.event import decode_batch
from bridge_common.log import log
from bridge_common.mqtt import BrokerLost, Connection, Incoming, PublishRefused


class Receiver:
    """One MQTT session for all sites."""

    def __init__(
        self,
        store: Store,
        worker: Worker,
        gateways: dict[str, GatewayTransport],
        presence: dict[str, Presence],
        alerts: Alerts | None = None,
        holds: Holds | None = None,
    ) -> None:
        self._store = store
        self._worker = worker
        self._gateways = gateways
        self._presence = presence
        self._alerts = alerts or Alerts()
        self._holds = holds or Holds(store, presence, self._alerts)
        self._connection: Connection | None = None
        self.connected = False

    async def session(self, connection: Connection) -> None:
        """Runs until the connection ends."""
        await connection.subscribe([topics.topic("+", "up/#")])
        self._connection, self.connected = connection, True
        try:
            async for packet in connection.incoming():
                await self._receive(connection, packet)
        finally:
            self._connection, self.connected = None, False

    async def publish(self, topic: str, payload: bytes, expiry_s: float) -> None:
        """For the gateway's requests. Raises BrokerLost or PublishRefused."""
        if self._connection is None:
            raise BrokerLost("the bridge has no connection to the broker")
        await self._connection.publish(topic, payload, expiry_s=expiry_s)

    async def _receive(self, connection: Connection, packet: Incoming) -> None:
        try:
            site, channel = topics.split(packet.topic)
        except ValueError:
            packet.ack()
            return
        presence = self._presence.setdefault(site, Presence())
        if not packet.retained:
            presence.seen_at_s = asyncio.get_running_loop().time()
        if channel == topics.EVENTS:
            await self._store_batch(connection, site, packet)
            return
        if channel == topics.RESPONSES and site in self._gateways:
            self._gateways[site].receive(packet.payload)
        elif channel == topics.STATUS:
            _note_status(presence, packet.payload)
            self._note_gateway(site, presence.heartbeat)
        elif channel == topics.HELLO:
            await self._welcome(connection, site, packet.payload)
        packet.ack()

    def _note_gateway(self, site: str, heartbeat: dict[str, Any]) -> None:
        """An epoch above ours means that our store was restored from a copy: the agent's own counts, or it refuses all."""
        gateway = self._gateways.get(site)
        if gateway is not None:
            gateway.online = heartbeat.get("state") != "offline"
            epoch = heartbeat.get("epoch")
            if isinstance(epoch, int) and epoch > gateway.epoch:
                gateway.epoch = epoch

    async def _store_batch(self, connection: Connection, site: str, packet: Incoming) -> None:
        now, batch = to_text(utc_now()), packet.properties.get("batch", "")
        try:
            events = decode_batch(packet.payload, site)
        except InvalidEvent as error:
            reason = error.message
            await self._store.write(lambda db: inbox.put_undecodable(db, site, packet.payload, reason, now))
            log("undecodable", level=logging.ERROR, site=site, error=reason)
            events, pending = [], 0
        else:
            pending = await self._store.write(lambda db: inbox.put_events(db, events, now))
        packet.ack()
        log("stored", site=site, batch=batch, events=len(events), pending=pending)
        if pending:
            self._worker.wake()
        # The epoch the batch was made under, so that an agent that said hello meanwhile ignores the receipt.
        epoch = events[0][0].version.epoch if events else epoch_of(self._store.read, site)
        await self._answer(connection, site, topics.RECEIPTS, {"batch": batch, "epoch": epoch, "stored": len(events)})

    async def _welcome(self, connection: Connection, site: str, payload: bytes) -> None:
        try:
            hello = dict(decimal_json.loads(payload))
            now = to_text(utc_now())
            epoch = await self._store.write(lambda db: grant_epoch(db, site, hello, now))
        except (ValueError, KeyError, TypeError) as error:
            log("hello", level=logging.WARNING, site=site, error=f"not a hello: {error!r}")
            return
        except IdentityChanged as error:
            await self._holds.hold(site, "hello", error.message, identity_of(hello))
            return
        except TakenOver as error:
            self._alerts.tell("two agents of one site", site=site, error=error.message)
            await self._answer(
                connection, site, topics.WELCOME, {"hello": hello.get("hello"), "taken_over": error.message}
            )
            return
        await self._holds.release(site, "hello")
        if site in self._gateways:
            self._gateways[site].epoch, self._gateways[site].online = epoch, True
        log("hello", site=site, epoch=epoch)
        await self._answer(connection, site, topics.WELCOME, {"hello": hello.get("hello"), "epoch": epoch})

    async def _answer(self, connection: Connection, site: str, channel: str, body: dict[str, Any]) -> None:
        """An agent that left meanwhile misses this; it says hello or publishes again."""
        try:
            await connection.publish(topics.topic(site, channel), decimal_json.dumps(body).encode(), expiry_s=60)
        except PublishRefused as error:
            log("broker_lost", level=logging.WARNING, site=site, error=error.message)


def _note_status(presence: Presence, payload: bytes) -> None:
    try:
        presence.heartbeat = dict(decimal_json.loads(payload))
    except (ValueError, TypeError):
        presence.heartbeat = {"state": "unreadable"}
