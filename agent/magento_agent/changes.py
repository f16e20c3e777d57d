"""What was read from the outbox and is not yet done: rows, coalesced per entity. Pure; lives only in memory.

A row is *claimed* from when it is read until its deletion: reading it again changes nothing. An entity is hydrated once
at a time, otherwise a lower version could be read later than a higher one and show a newer state.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from magento_agent.rows import Row, RowKey

EntityKey = tuple[str, int]


@dataclass(slots=True)
class Change:
    """All rows of one entity that one event will answer. `due_s` is a monotonic time."""

    entity: str
    entity_id: int
    committed_at: datetime
    rows: list[RowKey] = field(default_factory=list)
    is_deleted: bool = False
    attempts: int = 0
    due_s: float = 0.0

    @property
    def key(self) -> EntityKey:
        return self.entity, self.entity_id

    def absorb(self, other: "Change") -> None:
        """`other` is of the same entity, and was read later."""
        self.rows += other.rows
        self.committed_at = min(self.committed_at, other.committed_at)
        self.is_deleted = self.is_deleted or other.is_deleted
        # A delete explains the absence that was waited for.
        self.due_s = 0.0 if other.is_deleted else self.due_s


class Changes:
    """The waiting entities in the order of their first row."""

    def __init__(self) -> None:
        self._claimed: set[RowKey] = set()
        self._waiting: dict[EntityKey, Change] = {}
        self._hydrating: set[EntityKey] = set()
        self._gone: set[RowKey] = set()

    @property
    def claimed(self) -> int:
        return len(self._claimed)

    @property
    def fresh(self) -> int:
        """Waiting entities that have not been tried yet."""
        return sum(1 for change in self._waiting.values() if not change.attempts)

    @property
    def is_empty(self) -> bool:
        return not self._claimed

    def begin_read(self) -> None:
        """Rows that are released from now on may still be in what this read returns: `add` knows them."""
        self._gone.clear()

    def add(self, rows: Iterable[Row]) -> int:
        """How many rows were new."""
        before = len(self._claimed)
        for row in rows:
            row_key = (row.id, row.created_at)
            if row_key not in self._claimed and row_key not in self._gone:
                self._claimed.add(row_key)
                self._note(row, row_key)
        return len(self._claimed) - before

    def take(self, limit: int, now_s: float) -> list[Change]:
        """Up to `limit` due changes of one entity type, the oldest first. They count as being hydrated."""
        taken: list[Change] = []
        for change in self._waiting.values():
            if change.due_s <= now_s and change.key not in self._hydrating:
                if not taken or change.entity == taken[0].entity:
                    taken.append(change)
                if len(taken) == limit:
                    break
        for change in taken:
            del self._waiting[change.key]
            self._hydrating.add(change.key)
        return taken

    def hydrated(self, changes: Iterable[Change]) -> None:
        """Their entities may be read again: a later reading now gets a higher version."""
        self._hydrating.difference_update(change.key for change in changes)

    def put_back(self, change: Change) -> None:
        """For another attempt, together with what came in meanwhile."""
        self._hydrating.discard(change.key)
        newer = self._waiting.get(change.key)
        if newer is not None:
            change.absorb(newer)
        self._waiting[change.key] = change

    def release(self, rows: Collection[RowKey]) -> None:
        """The rows are deleted."""
        self._claimed.difference_update(rows)
        self._gone.update(rows)

    def next_due_s(self) -> float | None:
        """When the next waiting change is due; None when nothing waits for its time."""
        return min(
            (change.due_s for change in self._waiting.values() if change.key not in self._hydrating), default=None
        )

    def _note(self, row: Row, row_key: RowKey) -> None:
        key = (row.entity, row.entity_id)
        change = Change(row.entity, row.entity_id, row.created_at, [row_key], is_deleted=row.op == "D")
        waiting = self._waiting.setdefault(key, change)
        if waiting is not change:
            waiting.absorb(change)
