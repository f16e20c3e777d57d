"""A captured change, and its form on the wire: CloudEvents 1.0, JSON batch format.

A version `(epoch, n)` orders the events of one entity: the bridge grants the epoch, the agent draws n after it has read
the outbox rows and before it reads the entity, so a higher version never shows an older state.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bridge_common import decimal_json
from bridge_common.clock import from_text, to_text
from bridge_common.errors import InvalidEvent

CONTENT_TYPE = "application/cloudevents-batch+json"

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

    `data_text` is `data` as it came, where it need not be written anew to be stored.
    """

    site: str
    entity: str
    entity_id: str
    kind: Kind
    version: Version
    ordering_key: str
    committed_at: datetime
    captured_at: datetime
    data: dict[str, Any]
    data_text: str | None = field(default=None, compare=False, repr=False)


def encode_batch(events: Iterable[Event], published_at: datetime) -> bytes:
    return join_batch(encode(event, published_at) for event in events)


def join_batch(encoded: Iterable[str]) -> bytes:
    """A batch from events that `encode` made: lets the sender measure each event once while it fills a packet."""
    return ("[" + ",".join(encoded) + "]").encode()


def encode(event: Event, published_at: datetime) -> str:
    return decimal_json.dumps(
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
            "data": event.data,
        }
    )


def decode_batch(payload: bytes, site: str) -> list[tuple[Event, datetime]]:
    """Events with their publishing time. Raises InvalidEvent when any part is not what `encode` writes.

    What it returns can be stored: a batch that only the store refuses would come again for ever. `site` comes from the
    topic, which the broker's ACL has checked; a different source inside is refused.
    """
    try:
        items = decimal_json.loads_array(payload.decode())
        if b"\\ud" in payload.lower():
            # Half a surrogate pair is valid JSON when escaped, and no text that could be encoded.
            decimal_json.dumps([item for item, _ in items]).encode()
        return [_decode(item, text, site) for item, text in items]
    except InvalidEvent:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidEvent(f"not a CloudEvents batch: {type(error).__name__}: {error}") from error


def _decode(item: dict[str, Any], text: str, site: str) -> tuple[Event, datetime]:
    if item["specversion"] != "1.0" or item["source"] != f"/sites/{site}":
        raise InvalidEvent(f"event of {item['source']} arrived on the topic of {site}")
    _, entity, kind = item["type"].split(".")
    _, entity_id = item["subject"].split("/", 1)
    if kind not in _KINDS:
        raise InvalidEvent(f"unknown event type {item['type']}")
    data = dict(item["data"])
    if data.get("increment_id") is not None:
        _text(data["increment_id"])
    event = Event(
        site=site,
        entity=entity,
        entity_id=entity_id,
        kind=kind,
        version=Version(_number(item["epoch"]), _number(item["n"])),
        ordering_key=_text(item["orderingkey"]),
        committed_at=from_text(item["committedat"]),
        captured_at=from_text(item["time"]),
        data=data,
        data_text=_data_text(item, text),
    )
    return event, from_text(item["publishedat"])


def _data_text(item: dict[str, Any], text: str) -> str | None:
    """Known where `data` stands last and nothing before it is nested, as `encode` writes it."""
    *others, last = item
    if last != "data" or any(isinstance(item[name], dict | list) for name in others):
        return None
    _, found, data = text.partition('"data":')
    return data[:-1] if found else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidEvent(f"found {type(value).__name__} in place of a text")
    return value


def _number(value: Any) -> int:
    """A whole number of 64 bits, as databases hold them."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise InvalidEvent("epoch and n must be whole numbers of 64 bits")
    return value
