"""Batches of encoded events: packed below the broker's packet limit, and kept until the bridge's receipt."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bridge_common.event import SEPARATOR, Event, encode, join_batch
from magento_agent.changes import Change
from magento_agent.rows import RowKey

PACKET_OVERHEAD = 1024
"""Topic, user property and header of the packet, generously."""
LONGEST_RECEIPT_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Batch:
    """What one packet carries, and the rows that its receipt deletes."""

    payload: bytes
    rows: list[RowKey]
    events: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_s: float = 0.0
    attempts: int = 0

    def receipt_timeout_s(self, first_s: float) -> float:
        """Grows, so that a bridge that is away for days does not make the broker carry ever more copies."""
        return min(first_s * float(2 ** max(0, self.attempts - 1)), max(first_s, LONGEST_RECEIPT_TIMEOUT_S))


@dataclass(slots=True)
class Encoded:
    change: Change
    text: str
    size: int


def encode_all(
    made: Iterable[tuple[Change, Event]], limit: int, published_at: datetime, too_large: Callable[[Event, int], Event]
) -> Iterator[Encoded]:
    """Each event once as JSON; one that no packet can hold is replaced by what `too_large(event, size)` says."""
    for change, event in made:
        text = encode(event, published_at)
        size = _size(text)
        if size + len(SEPARATOR) > _room(limit):
            text = encode(too_large(event, size), published_at)
            size = _size(text)
        yield Encoded(change, text, size)


def pack(encoded: Iterable[Encoded], limit: int) -> Iterator[Batch]:
    """Batches in order, each as full as it gets."""
    some: list[Encoded] = []
    room = _room(limit)
    for item in encoded:
        if some and item.size + len(SEPARATOR) > room:
            yield _batch(some)
            some, room = [], _room(limit)
        some.append(item)
        room -= item.size + len(SEPARATOR)
    if some:
        yield _batch(some)


def _batch(some: list[Encoded]) -> Batch:
    rows = [row for item in some for row in item.change.rows]
    return Batch(join_batch(item.text for item in some), rows, len(some))


def _room(limit: int) -> int:
    """For the events, each with its separator or brackets."""
    return limit - PACKET_OVERHEAD - 1


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
