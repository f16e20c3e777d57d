"""What the relay needs of an outbox: rows that wait, and their deletion. The shop's own table, or this host's file."""

from collections.abc import Iterable
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


class Rows(Protocol):
    """Every method raises AccessDenied, ConfigError or TargetUnavailable."""

    async def read_after(self, last_id: int, limit: int) -> list[Row]: ...

    async def read_up_to(self, last_id: int, limit: int) -> list[Row]: ...

    async def delete(self, rows: Iterable[RowKey]) -> int:
        """How many of these very rows were there and are gone now."""
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
