"""One connection to the broker, from hello to its end: subscribe, be welcomed, relay, answer, beat.

The welcome grants the epoch and proves the subscription (a broker's ACL never refuses SUBSCRIBE, it only drops packets).
Every (re)connection says hello anew, so nothing of an earlier connection is mistaken for this one's.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

from bridge_common import decimal_json, topics
from bridge_common.errors import BridgeError, TakenOver, TargetUnavailable
from bridge_common.event import CONTENT_TYPE
from bridge_common.log import log
from bridge_common.mqtt import Connection, PublishRefused
from bridge_common.waiting import wait_at_most
from magento_agent import __version__
from magento_agent.batches import Batch
from magento_agent.capture import Capture
from magento_agent.heartbeat import beat, publish_status
from magento_agent.parts import Parts
from magento_agent.relay import Relay

HELLO_INTERVAL_S = 2.0
IDENTITY_INTERVAL_S = 5.0
RECEIPTS_LIMIT_S = 5.0
GATEWAY_LIMIT_S = 10.0


class Session:
    """`run` once. `relay` is there from the welcome on."""

    def __init__(self, parts: Parts, connection: Connection) -> None:
        self.relay: Relay | None = None
        self.welcomed = asyncio.Event()
        self._parts = parts
        self._connection = connection
        self._site = parts.config.agent.site
        self._hello = str(uuid.uuid4())
        self._group = asyncio.TaskGroup()
        self._relaying: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    async def run(self, until: Callable[["Session"], Awaitable[None]]) -> None:
        """Serve until `until(self)` returns, or the connection ends: then an ExceptionGroup with BrokerLost."""
        self._parts.health.epoch = None
        self._parts.gateway.max_packet_bytes = self._max_packet_bytes()
        await self._connection.subscribe(map(self._topic, (topics.WELCOME, topics.RECEIPTS, topics.REQUESTS)))
        async with self._group:
            self._beating = self._group.create_task(self._beat(), name="heartbeat")
            tasks = [
                self._beating,
                self._group.create_task(self._receive(), name="receive"),
                self._group.create_task(self._say_hello(), name="hello"),
                self._group.create_task(self._publish_responses(), name="responses"),
                self._group.create_task(self._watch_identity(), name="identity"),
            ]
            await until(self)
            for task in (*tasks, self._relaying):
                if task is not None:
                    task.cancel()

    async def close(self) -> None:
        """An orderly end: what is in flight gets a moment, then the site is said to be offline."""
        if self.relay is not None:
            await self.relay.drain(RECEIPTS_LIMIT_S)
        # Requests that still come in are refused as stale: surely not executed, and asked again of the next run.
        self._parts.health.epoch = None
        await self._parts.gateway.drain(GATEWAY_LIMIT_S)
        while not self._parts.gateway.responses.empty():
            await self._publish_response()
        if self._beating is not None:
            self._beating.cancel()  # or it could say online after the last word
        await publish_status(self._connection, self._site, "offline")

    # Coming in

    async def _receive(self) -> None:
        """Each packet is acknowledged after it was handled: what a crash cuts off comes again."""
        async for packet in self._connection.incoming():
            _, channel = topics.split(packet.topic)
            if channel == topics.REQUESTS:
                await self._parts.gateway.receive(packet)
                continue
            try:
                fields = decimal_json.loads(packet.payload)
                if channel == topics.RECEIPTS and self.relay is not None:
                    self.relay.receive_receipt(str(fields["batch"]), int(fields["epoch"]))
                elif channel == topics.WELCOME and "taken_over" in fields:
                    self._check_place(str(fields["hello"]), str(fields["taken_over"]))
                elif channel == topics.WELCOME:
                    self._receive_welcome(str(fields["hello"]), int(fields["epoch"]))
            except (ValueError, KeyError, TypeError) as error:
                log("undecodable", level=logging.WARNING, channel=channel, error=error)
            packet.ack()

    def _receive_welcome(self, hello: str, epoch: int) -> None:
        """Also a second answer to a hello that was said twice: the bridge's last epoch counts."""
        current = self._parts.health.epoch
        if hello != self._hello or (current is not None and epoch <= current):
            return
        log("welcomed", site=self._site, epoch=epoch)
        self._parts.last_epoch = epoch
        self._parts.health.epoch = epoch
        if self._relaying is not None:
            self._relaying.cancel()
        self.relay = self._new_relay(epoch)
        self._relaying = self._group.create_task(self.relay.run(), name="relay")
        self.welcomed.set()
        self._parts.health.changed.set()

    def _check_place(self, hello: str, reason: str) -> None:
        """Raises TakenOver: the newer agent carries on. Leaving, and not throwing it out in turn, is what ends the fight."""
        if hello == self._hello:
            raise TakenOver(
                f"A second agent runs as {self._site}, and this one gives way: {reason}.",
                hint="Stop one of them for good, or give it a site of its own; then start this one again if it is to stay.",
            )

    def _new_relay(self, epoch: int) -> Relay:
        section = self._parts.config.relay.model_copy(update={"max_packet_bytes": self._max_packet_bytes()})
        return Relay(
            Capture(self._site, epoch, hydrate_attempts=section.hydrate_attempts),
            section,
            outbox=self._parts.outbox,
            hydrator=self._parts.hydrator,
            publish=self._publish_batch,
            health=self._parts.health,
        )

    def _max_packet_bytes(self) -> int:
        """Over a larger packet the broker would cut the connection, after every reconnect anew."""
        own = self._parts.config.relay.max_packet_bytes
        return min(own, self._connection.max_packet_bytes or own)

    # Going out

    async def _say_hello(self) -> None:
        """Until the bridge answers; it may be away for days."""
        fields = {
            "hello": self._hello,
            "agent_version": __version__,
            "database_id": self._parts.database_id,
            "base_url": self._parts.config.magento.base_url,
            "instance": self._parts.instance,
            "last_epoch": self._parts.last_epoch,
        }
        payload = decimal_json.dumps(fields).encode()
        log("hello", site=self._site, hello=self._hello)
        while not self.welcomed.is_set():
            try:
                await self._connection.publish(self._topic(topics.HELLO), payload, expiry_s=HELLO_INTERVAL_S)
            except PublishRefused as error:
                log("publish_refused", level=logging.WARNING, channel=topics.HELLO, error=error.sentence())
            await wait_at_most(self.welcomed, HELLO_INTERVAL_S)

    async def _publish_batch(self, batch: Batch, expiry_s: float) -> None:
        await self._connection.publish(
            self._topic(topics.EVENTS),
            batch.payload,
            properties={"batch": batch.id},
            expiry_s=expiry_s,
            content_type=CONTENT_TYPE,
        )

    async def _publish_responses(self) -> None:
        while True:
            await self._publish_response()

    async def _publish_response(self) -> None:
        """One that the broker does not take is dropped: the bridge asks for the request's state."""
        responses = self._parts.gateway.responses
        response = await responses.get()
        try:
            await self._connection.publish(self._topic(topics.RESPONSES), decimal_json.dumps(response).encode())
        except PublishRefused as error:
            log("publish_refused", level=logging.WARNING, request=response["id"], error=error.sentence())
        except BaseException:
            responses.put_nowait(response)
            raise

    async def _beat(self) -> None:
        parts = self._parts
        await beat(self._connection, self._site, parts.health, parts.outbox, parts.config.heartbeat.interval_s)

    async def _watch_identity(self) -> None:
        """A hello names the database; when that was exchanged under our feet, the bridge has to judge it anew."""
        while True:
            await asyncio.sleep(IDENTITY_INTERVAL_S)
            try:
                identity = await self._parts.outbox.identity()
            except BridgeError as error:
                self._parts.health.database_failed(error)
                continue
            if identity != self._parts.database_id:
                self._parts.database_id = identity
                raise TargetUnavailable("The shop's database is another one than at the hello; saying hello again.")

    def _topic(self, channel: str) -> str:
        return topics.topic(self._site, channel)
