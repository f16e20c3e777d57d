"""From changes and what REST shows of them to events: versions, tombstones, and what becomes of a missing entity."""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bridge_common import decimal_json
from bridge_common.clock import utc_now
from bridge_common.event import Event, Kind, Version
from bridge_common.log import log
from magento_agent.changes import Change
from magento_agent.hydrate import Found

FIRST_RETRY_S = 0.25


@dataclass(frozen=True)
class Drawn:
    """Changes of one entity type with their versions, drawn before REST is asked."""

    changes: list[Change]
    versions: list[Version]
    captured_at: datetime

    @property
    def entity(self) -> str:
        return self.changes[0].entity

    @property
    def ids(self) -> list[int]:
        return [change.entity_id for change in self.changes]


class Capture:
    """Numbers the events of one site under one epoch."""

    def __init__(self, site: str, epoch: int, *, hydrate_attempts: int) -> None:
        self.epoch = epoch
        self._site = site
        self._hydrate_attempts = hydrate_attempts
        self._numbers = itertools.count(1)

    def draw(self, changes: list[Change]) -> Drawn:
        """After the rows were read and before the entities are: so a higher version never shows an older state."""
        return Drawn(changes, [Version(self.epoch, next(self._numbers)) for _ in changes], utc_now())

    def events(self, drawn: Drawn, found: Found, put_back: Callable[[Change], None]) -> Iterator[tuple[Change, Event]]:
        """An event for each change that REST answered, or that was tried often enough; the others are put back."""
        for change, version in zip(drawn.changes, drawn.versions, strict=True):
            document = found.documents.get(change.entity_id)
            if document is not None:
                # Also after a delete: the grid row of an order may go (archived) while the order stays.
                yield change, self._event(change, version, drawn.captured_at, "snapshot", document)
            elif change.is_deleted and change.entity_id not in found.failed:
                yield change, self._event(change, version, drawn.captured_at, "tombstone", "{}")
            elif self._is_given_up(change, reason := _reason(change, found)):
                yield change, self._event(change, version, drawn.captured_at, "unreadable", _because(reason))
            else:
                put_back(change)

    def _is_given_up(self, change: Change, reason: str) -> bool:
        change.attempts += 1
        change.due_s = time.monotonic() + FIRST_RETRY_S * 2**change.attempts
        if change.attempts < self._hydrate_attempts:
            return False
        log("unreadable", level=logging.WARNING, entity=f"{change.entity}/{change.entity_id}", reason=reason)
        return True

    def _event(self, change: Change, version: Version, captured_at: datetime, kind: Kind, data_text: str) -> Event:
        return Event(
            site=self._site,
            entity=change.entity,
            entity_id=str(change.entity_id),
            kind=kind,
            version=version,
            ordering_key=f"{change.entity}/{change.entity_id}",
            committed_at=change.committed_at.replace(tzinfo=UTC),
            captured_at=captured_at,
            data_text=data_text,
        )


def too_large(limit: int) -> Callable[[Event, int], Event]:
    """What stands for an event that no packet can hold."""

    def stub(event: Event, size: int) -> Event:
        reason = f"too large: {event.entity} {event.entity_id} takes {size} bytes, and max_packet_bytes is {limit}"
        log("unreadable", level=logging.WARNING, event=event.version, reason=reason)
        return replace(event, kind="unreadable", data_text=_because(reason))

    return stub


def _because(reason: str) -> str:
    return decimal_json.dumps({"reason": reason})


def _reason(change: Change, found: Found) -> str:
    failure = found.failed.get(change.entity_id)
    if failure is not None:
        return f"failed: {failure}"
    return f"absent: REST shows no {change.entity} {change.entity_id} though its row was written"
