"""What the relay needs of an outbox: rows that wait, and their deletion. The shop's own table, or this host's file."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

RowKey = tuple[int, datetime]
"""(id, created_at): after a TRUNCATE the ids come again, so an id alone does not name a row."""


class Row(NamedTuple):
    """`created_at` is naive UTC, as whoever wrote the row has it."""

    id: int
    entity: str
    entity_id: int
    op: str
    created_at: datetime


class Wanted(NamedTuple):
    """An entity whose event the bridge wants once more; op D: it has seen that the record is gone."""

    entity: str
    entity_id: int
    op: str = "U"

    def is_among(self, waiting: Collection[tuple[str, int, str]]) -> bool:
        """Whether one of these rows (entity, id, op) leads to what is wanted; only a D explains an absence."""
        ops = ("D",) if self.op == "D" else ("I", "U", "D")
        return any((self.entity, self.entity_id, op) in waiting for op in ops)


class Added(NamedTuple):
    """What got a row. `at` is its `created_at`, by the same clock as all others'; what had a row and has none is older."""

    wanted: set[Wanted]
    at: datetime


class Rows(Protocol):
    """Every method raises AccessDenied, ConfigError or TargetUnavailable."""

    async def read_after(self, last_id: int, limit: int) -> list[Row]: ...

    async def read_up_to(self, last_id: int, limit: int) -> list[Row]: ...

    async def delete(self, rows: Iterable[RowKey]) -> int:
        """How many of these very rows were there and are gone now."""
        ...

    async def add_missing(self, wanted: Collection[Wanted]) -> Added:
        """A row for each that has none waiting. Repeated, it adds nothing that still waits."""
        ...

    async def waiting(self) -> tuple[int, float]:
        """Rows that wait, and the age of the oldest in seconds."""
        ...

    async def check(self) -> str:
        """The identity of where the rows come from, after proving that they can be read and deleted."""
        ...

    async def identity(self) -> str:
        """Another value means another shop or database."""
        ...

    def close(self) -> None: ...
