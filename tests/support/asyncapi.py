"""docs/asyncapi.yaml as a judge of real MQTT packets."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .json_schema import Json, Schemas, resolve

PATH = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"


@dataclass(frozen=True)
class Packet:
    """A PUBLISH as a subscriber sees it; `retain` as it was published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str | None = None
    expiry_s: int | None = None
    user_properties: dict[str, str] = field(default_factory=dict)


class Protocol:
    """The document, its references resolved as far as channels, messages and operations go."""

    def __init__(self) -> None:
        self.document: Json = yaml.safe_load(PATH.read_text(encoding="utf-8"))
        self.schemas: Json = self.document["components"]["schemas"]
        self._judge = Schemas(self.document)
        self._operations = {each["channel"]["$ref"].rpartition("/")[2]: each for each in self.operations()}

    def operations(self) -> list[Json]:
        return list(self.document["operations"].values())

    def channel_of(self, topic: str) -> str | None:
        """The channel with this address; None for a topic that is not in the document."""
        for name, channel in self.document["channels"].items():
            if re.fullmatch(channel["address"].replace("{site}", "[^/]+"), topic):
                return str(name)
        return None

    def messages(self, channel: str) -> Json:
        """By name, the messages of a channel."""
        named = self.document["channels"][channel]["messages"]
        return {name: resolve(self.document, message["$ref"]) for name, message in named.items()}

    def errors(self, schema: str, instance: Any) -> list[str]:
        """What is wrong with the instance, by the schema of this name."""
        return self._judge.errors({"$ref": f"#/components/schemas/{schema}"}, instance)

    def message_of(self, channel: str, payload: Any) -> tuple[str, Json]:
        """The one message that this payload is. Raises AssertionError with what keeps it from being any of them."""
        messages = self.messages(channel)
        found = {name: self._judge.errors(message["payload"], payload) for name, message in messages.items()}
        fitting = [name for name, errors in found.items() if not errors]
        assert len(fitting) == 1, f"on {channel}: {payload} fits {fitting or found}"
        return fitting[0], messages[fitting[0]]

    def faults(self, channel: str, message: Json, packet: Packet) -> list[str]:
        """What is wrong with the packet around the payload."""
        binding = self._operations[channel]["bindings"]["mqtt"]
        headers = message.get("headers", {"type": "object", "additionalProperties": False})
        wrong = self._judge.errors(headers, packet.user_properties)
        if (packet.qos, packet.retain) != (binding["qos"], binding["retain"]):
            wrong.append(f"qos {packet.qos}, retain {packet.retain}")
        if packet.content_type != message.get("contentType"):
            wrong.append(f"content type {packet.content_type}")
        return wrong + self._expiry_faults(binding.get("messageExpiryInterval"), packet.expiry_s)

    def _expiry_faults(self, described: Any, expiry_s: int | None) -> list[str]:
        if isinstance(described, dict):
            return self._judge.errors(described, expiry_s)
        # The broker counts it down while it holds the packet.
        fits = expiry_s == described or (expiry_s is not None and described is not None and 0 < expiry_s <= described)
        return [] if fits else [f"expiry {expiry_s} s"]
