"""Noticing that the store is a copy that somebody put back.

The store has a name, which is also written beside it, outside of any backup of the store, and changes every few seconds. A
store that comes up under a name that is not known there has not run here last: what was accepted and written since the copy
was made is unknown to it, and writes of that time may still be under way. A crash amid a change leaves both names.
"""

import asyncio
import sqlite3
import uuid
from datetime import datetime
from pathlib import Path

from bng_bridge.store import Store
from bridge_common import durable, queries
from bridge_common.clock import from_text, to_text, utc_now

_SQL = queries.load("bng_bridge", "life")
INTERVAL_S = 10.0
"""A copy younger than this looks like a crash."""


async def begin(store: Store) -> bool:
    """Once per start, before anything is written to a target. Whether the store is a copy."""
    known = await asyncio.to_thread(_read, _file(store))
    before = str(store.read.execute(_SQL["get"]).fetchone()["value"])
    is_copy = before not in known if known else bool(before)
    if is_copy:
        now = to_text(utc_now())
        await store.write(lambda db: db.execute(_SQL["note_restored"], {"now": now, "is_open": 1}))
    await rename(store)
    return is_copy


async def run(store: Store) -> None:
    """For ever. A disk that takes nothing is an alert; until it does again the store keeps its name."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await rename(store)
        except (OSError, sqlite3.Error) as error:
            store.note_failure(error)


async def rename(store: Store) -> None:
    before = str(store.read.execute(_SQL["get"]).fetchone()["value"])
    after = str(uuid.uuid4())
    await asyncio.to_thread(_write, _file(store), before, after)
    await store.write(lambda db: db.execute(_SQL["rename"], {"value": after}))
    await asyncio.to_thread(_write, _file(store), after)


def answer(db: sqlite3.Connection, now: str) -> None:
    """An operator has said of which time the copy is, and what was lost is read anew."""
    db.execute(_SQL["note_restored"], {"now": now, "is_open": 0})


def restored_at(db: sqlite3.Connection) -> datetime | None:
    text = db.execute(_SQL["get"]).fetchone()["restored_at"]
    return from_text(text) if text else None


def is_open(db: sqlite3.Connection) -> bool:
    """It was put back, and nobody has said of which time it is."""
    return bool(db.execute(_SQL["get"]).fetchone()["is_open"])


def _file(store: Store) -> Path:
    return store.path.with_name(f"{store.path.name}.life")


def _read(file: Path) -> set[str]:
    return set(file.read_text(encoding="utf-8").split("\n")) if file.exists() else set()


def _write(file: Path, *names: str) -> None:
    durable.replace(file, "\n".join(names).encode())
