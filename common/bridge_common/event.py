"""A captured change, and its form on the wire: CloudEvents 1.0, JSON batch format.

A version `(epoch, n)` orders the events of one entity: the bridge grants the epoch, the agent draws n after it has read
the outbox rows and before it reads the entity, so a higher version never shows an older state.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text
from bridge_common.errors import InvalidEvent
from bridge_common.json_peek import peek

CONTENT_TYPE = "application/cloudevents-batch+json"
SEPARATOR = ",\n"
_DATA = ',"data":'
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Kind = Literal["snapshot", "tombstone", "unreadable"]
"""snapshot: `data` is the entity as REST shows it. tombstone: deleted, data is empty.
unreadable: it could not be read or is too large; data is {"reason": text}."""

_KINDS = ("snapshot", "tombstone", "unreadable")


@dataclass(frozen=True, slots=True)
class Version:
    epoch: int
    n: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.n}"


@dataclass(frozen=True, slots=True)
class Event:
    """One entity's state at `captured_at`; `committed_at` is the oldest outbox row that it answers.

    `data_text` is a JSON object, as the shop wrote it: nobody on its way writes it anew.
    """

    site: str
    entity: str
    entity_id: str
    kind: Kind
    version: Version
    ordering_key: str
    committed_at: datetime
    captured_at: datetime
    data_text: str = field(repr=False)
    increment_id: str | None = field(default=None, compare=False)
    """What people call the order; known of an event that came."""

    @property
    def data(self) -> dict[str, Any]:
        """Parsed anew for each who asks."""
        return dict(decimal_json.loads(self.data_text))


def encode_batch(events: Iterable[Event], published_at: datetime) -> bytes:
    return join_batch(encode(event, published_at) for event in events)


def join_batch(encoded: Iterable[str]) -> bytes:
    """A batch from events that `encode` made: lets the sender measure each event once while it fills a packet.

    Each on a line of its own, so that whoever reads it finds their ends without reading what is inside.
    """
    return ("[" + SEPARATOR.join(encoded) + "]").encode()


def encode(event: Event, published_at: datetime) -> str:
    """One line, which ends with the data."""
    head = decimal_json.dumps(
        {
            "specversion": "1.0",
            "id": str(event.version),
            "source": f"/sites/{event.site}",
            "type": f"magento.{event.entity}.{event.kind}",
            "subject": f"{event.entity}/{event.entity_id}",
            "time": to_text(event.captured_at),
            "datacontenttype": "application/json",
            "epoch": event.version.epoch,
            "n": event.version.n,
            "committedat": to_text(event.committed_at),
            "publishedat": to_text(published_at),
            "orderingkey": event.ordering_key,
        }
    )
    data = event.data_text if "\n" not in event.data_text else decimal_json.dumps(event.data)
    return f"{head[:-1]}{_DATA}{data}}}"


def decode_batch(payload: bytes, site: str) -> list[tuple[Event, datetime]]:
    """Events with their publishing time. Raises InvalidEvent when any part is not what `encode` writes.

    What it returns can be stored: a batch that only the store refuses would come again for ever. `site` comes from the
    topic, which the broker's ACL has checked; a different source inside is refused.
    """
    try:
        text = payload.decode()
        return [_decode(*member, site) for member in _lines(text) or _members(text)]
    except InvalidEvent:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidEvent(f"not a CloudEvents batch: {type(error).__name__}: {error}") from error


Member = tuple[dict[str, Any], str, Any]
"""An event's attributes, the text of its data, and the increment_id in it."""


def _lines(text: str) -> list[Member] | None:
    """Of a batch as `join_batch` writes it; the data is looked through and not built. None for one of another form."""
    if not (text.startswith("[{") and text.endswith("}]")) or _SURROGATE.search(text):
        return None
    try:
        return [_line(line) for line in text[1:-1].split(SEPARATOR)]
    except ValueError:
        return None


def _line(line: str) -> Member:
    # A quote inside a text is escaped, so this is the first attribute of that name, and nothing nested before it is whole.
    head, _, rest = line.partition(_DATA)
    data = rest.removesuffix("}")
    return decimal_json.loads(head + "}"), data, peek(data, "increment_id")


def _members(text: str) -> list[Member]:
    """Of any batch."""
    items = decimal_json.loads(text)
    if not isinstance(items, list):
        raise InvalidEvent("not an array of events")
    if _SURROGATE.search(text):
        # Half a pair is valid JSON when escaped, and no text that could be encoded.
        decimal_json.dumps(items).encode()
    return [_member(item, dict(item["data"])) for item in items]


def _member(item: dict[str, Any], data: dict[str, Any]) -> Member:
    return item, decimal_json.dumps(data), data.get("increment_id")


def _decode(item: dict[str, Any], data_text: str, increment_id: Any, site: str) -> tuple[Event, datetime]:
    if item["specversion"] != "1.0" or item["source"] != f"/sites/{site}":
        raise InvalidEvent(f"event of {item['source']} arrived on the topic of {site}")
    _, entity, kind = item["type"].split(".")
    _, entity_id = item["subject"].split("/", 1)
    if kind not in _KINDS:
        raise InvalidEvent(f"unknown event type {item['type']}")
    event = Event(
        site=site,
        entity=entity,
        entity_id=entity_id,
        kind=kind,
        version=Version(_number(item["epoch"]), _number(item["n"])),
        ordering_key=_text(item["orderingkey"]),
        committed_at=from_text(item["committedat"]),
        captured_at=from_text(item["time"]),
        data_text=data_text,
        increment_id=None if increment_id is None else _text(increment_id),
    )
    return event, from_text(item["publishedat"])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidEvent(f"found {type(value).__name__} in place of a text")
    return value


def _number(value: Any) -> int:
    """A whole number of 64 bits, as databases hold them."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise InvalidEvent("epoch and n must be whole numbers of 64 bits")
    return value
