"""The broker client: the only place that imports aiomqtt.

aiomqtt 2.5 acknowledges a packet as soon as it arrives and hides the reason code of a PUBACK. Both would lose data, so
this module turns on manual acknowledgement before connecting, publishes through paho directly, and raises
PublishRefused when the broker did not take the packet. tests/integration/test_mqtt.py keeps both experiments.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
from paho.mqtt import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bridge_common.errors import AccessDenied, BridgeError, TargetUnavailable, TransientError
from bridge_common.log import log

_LASTING_S = 5.0
# A publish right after an acknowledgement, both small: Nagle's algorithm keeps it back for 40 ms.
_AT_ONCE = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
_QUIET = logging.getLogger("aiomqtt")
_QUIET.setLevel(logging.CRITICAL)
_ACCESS_CODES = {"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"}


class BrokerLost(TransientError):
    """The connection ended; what was not acknowledged comes again after the next one."""


class PublishRefused(TransientError):
    """The broker answered, and did not take the packet (ACL, quota, nobody subscribed)."""


@dataclass(frozen=True)
class BrokerAddress:
    host: str
    port: int
    username: str
    password: str | None = None
    client_id: str = ""
    tls: ssl.SSLContext | None = None
    session_expiry_s: int = 3 * 24 * 3600
    timeout_s: float = 10.0
    keepalive_s: int = 20


@dataclass(frozen=True)
class Will:
    topic: str
    payload: bytes


@dataclass(slots=True)
class Incoming:
    """A packet not yet acknowledged. The broker sends it again after a reconnect until `ack` was called.

    `expires_in_s` is what the broker says is left of its life, None when it has no end.
    """

    topic: str
    payload: bytes
    properties: dict[str, str]
    retained: bool
    expires_in_s: float | None
    _client: Any = field(repr=False)
    _mid: int = 0
    _qos: int = 0

    def ack(self) -> None:
        if self._qos:
            self._client.ack(self._mid, self._qos)


class Connection:
    """One live connection. Made by `connect`; ends with BrokerLost out of whichever call notices first.

    `max_packet_bytes` is what the broker said it takes, None when it named no limit.
    """

    def __init__(self, client: aiomqtt.Client, address: BrokerAddress) -> None:
        self.max_packet_bytes: int | None = None
        self._client = client
        self._paho = client._client  # noqa: SLF001 # see the head of this module
        self._timeout_s = address.timeout_s
        self._acknowledged: dict[int, asyncio.Future[ReasonCode]] = {}
        self._aiomqtt_on_connect: Any = self._paho.on_connect
        self._paho.on_connect = self._on_connect
        self._aiomqtt_on_disconnect: Any = self._paho.on_disconnect
        self._paho.on_disconnect = self._on_disconnect
        self._loop = asyncio.get_running_loop()
        self._paho.on_publish = self._on_publish
        self._paho.manual_ack_set(on=True)
        client._disconnected.add_done_callback(self._on_disconnected)  # noqa: SLF001

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        properties: dict[str, str] | None = None,
        expiry_s: float | None = None,
        retain: bool = False,
        content_type: str | None = None,
    ) -> None:
        """QoS 1; returns when the broker took it.

        Raises PublishRefused on a reason code above 127 or "no matching subscribers", BrokerLost otherwise.
        """
        info = self._paho.publish(
            topic, payload, qos=1, retain=retain, properties=_publish_properties(properties, expiry_s, content_type)
        )
        if info.rc != 0:
            raise BrokerLost(f"the broker connection is gone (paho code {info.rc})")
        acknowledged = self._acknowledged.setdefault(info.mid, asyncio.get_running_loop().create_future())
        try:
            # Not wait_for: see waiting.py.
            async with asyncio.timeout(self._timeout_s):
                reason = await acknowledged
        except TimeoutError as error:
            raise BrokerLost(f"no PUBACK within {self._timeout_s:g} s for {topic}") from error
        finally:
            self._acknowledged.pop(info.mid, None)
        if reason.is_failure or (reason.value == 16 and not retain):
            raise PublishRefused(f"the broker refused a publish to {topic}: {reason}")

    async def subscribe(self, topics: Iterable[str]) -> None:
        with _as_broker_lost():
            for topic in topics:
                await self._client.subscribe(topic, qos=1, timeout=self._timeout_s)

    async def incoming(self) -> AsyncIterator[Incoming]:
        with _as_broker_lost():
            async for message in self._client.messages:
                yield Incoming(
                    str(message.topic),
                    bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b"",
                    dict(getattr(message.properties, "UserProperty", ())),
                    message.retain,
                    getattr(message.properties, "MessageExpiryInterval", None),
                    self._paho,
                    message.mid,
                    message.qos,
                )

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: ReasonCode, properties: Any = None) -> None:
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
        self._aiomqtt_on_connect(client, userdata, flags, reason, properties)

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: Any, reason: ReasonCode, properties: Any = None
    ) -> None:
        """Also in the thread in which paho connects."""
        self._loop.call_soon_threadsafe(self._give_up_connecting, reason)
        self._aiomqtt_on_disconnect(client, userdata, flags, reason, properties)

    def _give_up_connecting(self, reason: ReasonCode) -> None:
        """Cut before the broker's answer, by a broker that starts or something between: aiomqtt would wait for its limit."""
        connected = self._client._connected  # noqa: SLF001
        if not connected.done():
            connected.set_exception(aiomqtt.MqttError(f"it ended the connection before it answered ({reason})"))
            connected.exception()  # retrieved: perhaps nobody awaits it

    def _on_disconnected(self, disconnected: "asyncio.Future[None]") -> None:
        """A publish under way learns it at once, instead of waiting for its limit."""
        reason = None if disconnected.cancelled() else disconnected.exception()
        for future in self._acknowledged.values():
            if not future.done():
                future.set_exception(BrokerLost(f"the broker connection ended: {reason or 'closed'}"))

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        future = self._acknowledged.get(mid)
        if future is not None and not future.done():
            future.set_result(reason)


@asynccontextmanager
async def connect(address: BrokerAddress, will: Will | None = None) -> AsyncIterator[Connection]:
    """Raises TargetUnavailable when nobody answers, AccessDenied when the broker refuses the user."""
    client = _client(address, will)
    connection = Connection(client, address)
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as error:
        raise _connect_error(address, error) from error
    try:
        yield connection
    finally:
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)


async def keep_connected(
    address: BrokerAddress,
    session: Callable[[Connection], Awaitable[None]],
    *,
    will: Will | None = None,
    longest_pause_s: float = 15.0,
) -> None:
    """Run `session` on one connection after another, for ever; pauses grow from 0.2 s with jitter.

    AccessDenied does not end it: after the start, rights come and go, and a daemon that leaves helps nobody.
    """
    pause_s = 0.2
    while True:
        begun_s = time.monotonic()
        try:
            async with connect(address, will) as connection:
                log("broker_connected", host=address.host, port=address.port)
                await session(connection)
        # A session that runs a TaskGroup ends with a group of errors.
        except* (BrokerLost, PublishRefused, TargetUnavailable, AccessDenied) as group:
            log("broker_lost", level=logging.WARNING, error=_sentence(group))
        # Only a connection that lasted starts the pauses anew: two clients of one name throw each other out at once.
        if time.monotonic() - begun_s > _LASTING_S:
            pause_s = 0.2
        await asyncio.sleep(pause_s * random.uniform(0.7, 1.3))  # noqa: S311
        pause_s = min(pause_s * 2, longest_pause_s)


def _sentence(group: BaseException) -> str:
    """Of the first error in it."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group.sentence() if isinstance(group, BridgeError) else str(group)


def _client(address: BrokerAddress, will: Will | None) -> aiomqtt.Client:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = address.session_expiry_s
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=address.client_id or address.username,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
        tls_context=address.tls,
        keepalive=address.keepalive_s,
        timeout=address.timeout_s,
        max_inflight_messages=65535,
        socket_options=_AT_ONCE,
        will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True) if will else None,
        logger=_QUIET,
    )


def _publish_properties(user: dict[str, str] | None, expiry_s: float | None, content_type: str | None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if user:
        properties.UserProperty = list(user.items())
    if expiry_s is not None:
        properties.MessageExpiryInterval = max(1, round(expiry_s))
    if content_type is not None:
        properties.ContentType = content_type
    return properties


@contextlib.contextmanager
def _as_broker_lost() -> Any:
    try:
        yield
    except (aiomqtt.MqttError, MQTTException) as error:
        raise BrokerLost(f"the broker connection ended: {error}") from error


def _connect_error(address: BrokerAddress, error: aiomqtt.MqttError) -> TransientError | AccessDenied:
    where = f"{address.host}:{address.port}"
    reason = str(error)
    if any(code in reason for code in _ACCESS_CODES):
        return AccessDenied(
            f"The broker at {where} refuses user {address.username!r}: {reason}.",
            hint="Check [broker] username and password_file against the broker's password file.",
        )
    return TargetUnavailable(
        f"The broker at {where} cannot be reached: {reason}.",
        hint="Check [broker] host and port, that mosquitto runs, and the firewall between.",
    )
