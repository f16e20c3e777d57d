"""A webhook as the profile has it: what its body says, and how it proves where it comes from.

Standard Webhooks sign id, time and body in headers. Others sign the body, or a part of it, in a header or inside, or
only repeat a word that both sides know.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from standardwebhooks import Webhook

from bridge_common import decimal_json
from bridge_sandbox.bng.edge import Edge
from bridge_sandbox.bng.names import steps
from bridge_sandbox.bng.questions import set_at
from bridge_sandbox.bng.webhooks import TYPES, Message


@dataclass(frozen=True)
class Letter:
    """As sent."""

    body: bytes
    headers: dict[str, str]


def written(edge: Edge, message: Message, at: datetime) -> Letter | None:
    """The webhook, signed as if it were sent at this time; None for one that the profile does not announce."""
    how = edge.profile["webhooks"]
    if how["verify"] == "standard":
        return Letter(message.body.encode(), {"Content-Type": "application/json", **standard(message, at)})
    announced = json.loads(message.body)
    if announced["type"] not in how["kinds"]:
        return None
    body = notice(edge, announced, message.secret)
    headers = {"Content-Type": "application/json"}
    if how["verify"] == "signature":
        sign(how["signature"], body, headers, message.secret)
    return Letter(text(body).encode(), headers)


def standard(message: Message, at: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    return {
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(message.secret).sign(message.message_id, at, message.body),
    }


def notice(edge: Edge, announced: dict[str, Any], secret: str) -> Any:
    """What the body says: the kind, and the record's id or what else names it."""
    how = edge.profile["webhooks"]
    entity, data = TYPES[announced["type"]], announced["data"]
    event: Any = {}
    if how["content"] == "record":
        known = edge.names.outward(entity, data | {"UpdatedAt": announced["timestamp"]})
        for name, value in known.items():
            set_at(event, f"{how['data']}/{name}", value)
    kind = how["kinds"][announced["type"]].replace("{id}", data[entity.id_field])
    set_at(event, how["kind"], kind)
    if how["key"]:
        set_at(event, how["key"], secret)
    if not how["events"]:
        return event
    body: Any = {}
    set_at(body, f"{how['events']}/0", event)
    return body


def sign(how: dict[str, str], body: Any, headers: dict[str, str], secret: str) -> None:
    """Put the signature into the headers or the body."""
    over = how.get("over", "")
    part = body
    for step in steps(over):
        part = part[step]
    digest = hmac.new(secret.encode(), text(part).encode(), hashlib.sha256)
    forms = {"base64": base64.b64encode(digest.digest()).decode(), "hex": digest.hexdigest()}
    encoding = how.get("encoding", "base64")
    signature = forms["hex"].upper() if encoding == "HEX" else forms[encoding]
    if how.get("header"):
        headers[how["header"]] = signature
    else:
        set_at(body, how["field"], signature)


def text(body: Any) -> str:
    """Compact, so that a part of the body is the same text by itself."""
    return decimal_json.dumps(body)
