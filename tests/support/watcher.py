"""A client that sees everything the broker passes on, with the properties that bridge_common.mqtt does not show."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge_common import topics
from bridge_sandbox.mosquitto import Mosquitto, acl

from .asyncapi import Packet

NAME = "watcher"
PASSWORD = "sees everything"
DEADLINE_S = 15.0


class Watcher:
    """What it has seen, in the order of the broker."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self._news = threading.Condition()

    def note(self, _client: Any, _userdata: Any, message: MQTTMessage) -> None:
        """In the client's thread."""
        properties = message.properties
        packet = Packet(
            message.topic,
            bytes(message.payload),
            message.qos,
            bool(message.retain),
            getattr(properties, "ContentType", None),
            getattr(properties, "MessageExpiryInterval", None),
            dict(getattr(properties, "UserProperty", ())),
        )
        with self._news:
            self.packets.append(packet)
            self._news.notify_all()

    def wait_for(self, what: str, is_it: Callable[[Packet], bool]) -> None:
        """Until a packet for which `is_it` was seen."""
        with self._news:
            assert self._news.wait_for(lambda: any(map(is_it, self.packets)), DEADLINE_S), f"no {what} was seen"


def admit(broker: Mosquitto) -> None:
    """Let the watcher in; before the broker is started, or followed by a reload."""
    broker.users[NAME] = PASSWORD
    broker.acl = acl("bridge", watchers=(NAME,))


@contextmanager
def watching(broker: Mosquitto) -> Iterator[Watcher]:
    """Returns when it is subscribed."""
    watcher, subscribed = Watcher(), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id=NAME, protocol=MQTTv5)
    client.username_pw_set(NAME, PASSWORD)
    client.on_message = watcher.note
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        client.subscribe([(f"{topics.ROOT}/#", options)])
        assert subscribed.wait(DEADLINE_S)
        yield watcher
    finally:
        client.disconnect()
        client.loop_stop()
