"""The store: what `write` returned from is on disk, one failure takes no other with it, one daemon per file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.support.bridge import opened

from bng_bridge import schema
from bng_bridge import store as stores
from bng_bridge.store import Store, connect, migrate, open_store
from bridge_common.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "bridge.sqlite"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with opened(path) as opened_store:
        yield opened_store


def put(db: sqlite3.Connection, name: str) -> str:
    db.execute("INSERT INTO watermark (name, value) VALUES (?, 'x')", (name,))
    return name


def names(db: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in db.execute("SELECT name FROM watermark ORDER BY name")]


async def test_a_write_returns_its_result_after_the_commit(store: Store, path: Path) -> None:
    assert await store.write(partial(put, name="a")) == "a"
    other = connect(path, read_only=True)
    assert names(other) == names(store.read) == ["a"]
    other.close()


async def test_what_write_returned_from_survives_a_daemon_that_dies(path: Path, tmp_path: Path) -> None:
    """A copy of the files as they are on disk, log included, is what a killed daemon leaves."""
    async with opened(path) as store:
        for name in ("a", "b"):
            await store.write(partial(put, name=name))
        left = tmp_path / "left"
        left.mkdir()
        for file in path.parent.glob("bridge.sqlite*"):
            (left / file.name).write_bytes(file.read_bytes())
    async with opened(left / "bridge.sqlite") as store:
        assert names(store.read) == ["a", "b"]


async def test_every_commit_waits_for_the_disk(store: Store) -> None:
    assert store.read.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert await store.write(lambda db: db.execute("PRAGMA synchronous").fetchone()[0]) == 2
    assert await store.write(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"


async def test_one_failing_operation_takes_no_other_with_it(store: Store) -> None:
    def fail(db: sqlite3.Connection) -> None:
        put(db, "half")
        raise ValueError("no")

    results = await asyncio.gather(
        store.write(partial(put, name="a")),
        store.write(fail),
        store.write(partial(put, name="a")),
        store.write(partial(put, name="b")),
        return_exceptions=True,
    )
    assert results[0] == "a"
    assert results[3] == "b"
    assert isinstance(results[1], ValueError)
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert names(store.read) == ["a", "b"]


async def test_writes_that_wait_share_a_commit(store: Store, path: Path) -> None:
    """What another connection sees while an operation runs changes with each commit only."""

    def put_and_look_from_outside(db: sqlite3.Connection, name: str) -> int:
        outside = connect(path, read_only=True)
        put(db, name)
        seen = len(names(outside))
        outside.close()
        return seen

    seen = await asyncio.gather(*(store.write(partial(put_and_look_from_outside, name=f"{n:03d}")) for n in range(50)))
    assert len(set(seen)) <= 5
    assert len(names(store.read)) == 50


async def test_a_write_whose_caller_is_cancelled_is_committed(store: Store) -> None:
    cancelled = asyncio.create_task(store.write(partial(put, name="a")))
    await asyncio.sleep(0)
    cancelled.cancel()
    await store.write(partial(put, name="b"))
    assert names(store.read) == ["a", "b"]


async def test_a_failed_commit_is_the_failure_of_all_in_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deferred constraint is checked by the commit itself."""

    def strict(path: Path, *, read_only: bool = False, timeout_s: float = 30) -> sqlite3.Connection:
        connection = connect(path, read_only=read_only, timeout_s=timeout_s)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    monkeypatch.setattr(stores, "connect", strict)
    async with opened(path) as store:
        await store.write(lambda db: db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)").rowcount)
        child = "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        await store.write(lambda db: db.execute(child).rowcount)

        def orphan(db: sqlite3.Connection) -> None:
            put(db, "lost")
            db.execute("INSERT INTO child (id) VALUES (1)")

        with pytest.raises(sqlite3.IntegrityError):
            await store.write(orphan)
        assert await store.write(partial(put, name="a")) == "a"
        assert names(store.read) == ["a"]


async def test_a_write_that_nobody_awaits_any_more_is_done_all_the_same(store: Store) -> None:
    waiting = asyncio.create_task(store.write(partial(put, name="a")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    await store.write(partial(put, name="b"))
    assert names(store.read) == ["a", "b"]


async def test_closing_commits_what_waits(path: Path) -> None:
    store = open_store(path)
    writes = [asyncio.create_task(store.write(partial(put, name=f"{n:04d}"))) for n in range(600)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*writes)) == 600
    async with opened(path) as again:
        assert len(names(again.read)) == 600


async def test_reading_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        put(store.read, "a")


async def test_a_second_bridge_over_the_same_file_is_refused(store: Store, path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bridge\.sqlite is in use by another bridge") as refused:
        open_store(path)
    assert "stop the other one" in refused.value.hint
    assert await store.write(partial(put, name="a")) == "a"


async def test_the_file_is_free_again_after_closing(path: Path) -> None:
    for _ in range(2):
        async with opened(path) as store:
            assert names(store.read) == []


async def test_a_file_of_a_newer_bridge_is_refused_and_left_alone(path: Path) -> None:
    async with opened(path):
        pass
    connection = connect(path)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"has schema {schema.VERSION + 1}, this program knows up to"):
            open_store(path)


def test_migrating_a_new_file_makes_the_schema_and_no_copy(path: Path) -> None:
    path.parent.mkdir()
    assert migrate(path) == (0, schema.VERSION)
    assert migrate(path) == (schema.VERSION, schema.VERSION)
    assert not list(path.parent.glob("*.schema-*"))


def test_a_migration_keeps_a_copy_of_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    migrate(path)
    connection = connect(path)
    put(connection, "a")
    found = schema.VERSION
    with monkeypatch.context() as patch:
        patch.setattr(schema, "VERSION", found + 1)
        patch.setattr(schema, "steps_after", lambda found: [found + 1])
        patch.setattr(schema, "statements", lambda _version: "ALTER TABLE watermark ADD COLUMN more TEXT")
        assert migrate(path) == (found, found + 1)
    connection.close()

    copy = connect(path.with_name(f"bridge.sqlite.schema-{found}"))
    assert names(copy) == ["a"]
    assert copy.execute("PRAGMA user_version").fetchone()[0] == found
    copy.close()
    migrated = connect(path)
    assert migrated.execute("SELECT name, more FROM watermark").fetchone()["more"] is None
    migrated.close()


@pytest.mark.parametrize("begin", schema.steps_after(0)[:-1])
def test_a_store_of_any_earlier_schema_is_brought_up_with_what_is_in_it_and_a_copy_kept(path: Path, begin: int) -> None:
    """Step by step over the numbers that there are."""
    path.parent.mkdir()
    old = connect(path)
    for number in schema.steps_after(0):
        if number <= begin:
            old.executescript(f"BEGIN; {schema.statements(number)}; PRAGMA user_version = {number}; COMMIT;")
    put(old, "a")
    old.execute(
        "INSERT INTO site (site, epoch, database_id, base_url, hello_at) VALUES ('shop1', 7, 'db', 'url', 'now')"
    )
    old.close()

    assert migrate(path) == (begin, schema.VERSION)
    new, copy = connect(path), connect(path.with_name(f"bridge.sqlite.schema-{begin}"))
    for connection in (new, copy):
        assert names(connection) == ["a"]
    row = new.execute("SELECT * FROM site").fetchone()
    assert (row["epoch"], row["instance"]) == (7, "")
    assert copy.execute("PRAGMA user_version").fetchone()[0] == begin
    assert tables(new) == tables_of_a_new_store(path)
    new.close()
    copy.close()


def tables(connection: sqlite3.Connection) -> dict[str, str]:
    return {row["name"]: row["sql"] for row in connection.execute("SELECT name, sql FROM sqlite_schema")}


def tables_of_a_new_store(path: Path) -> dict[str, str]:
    other = path.with_name("new.sqlite")
    migrate(other)
    connection = connect(other)
    found = tables(connection)
    connection.close()
    return found


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    migrate(path)
    found = schema.VERSION
    with monkeypatch.context() as patch:
        patch.setattr(schema, "VERSION", found + 1)
        patch.setattr(schema, "steps_after", lambda found: [found + 1])
        patch.setattr(schema, "statements", lambda _version: "CREATE TABLE more (id); INSERT INTO nowhere VALUES (1)")
        with pytest.raises(sqlite3.OperationalError):
            migrate(path)
    assert migrate(path) == (found, found)
    connection = connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone()[0] == 0
    connection.close()


async def test_a_state_folder_that_cannot_be_used_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"):
        open_store(tmp_path / "file" / "bridge.sqlite")


async def test_a_file_that_is_no_store_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "bridge.sqlite").write_text("once upon a time" * 100)
    with pytest.raises(ConfigError, match="cannot be used"):
        open_store(tmp_path / "bridge.sqlite")


async def test_another_process_s_lock_is_waited_for_without_holding_up_the_loop(tmp_path: Path) -> None:
    async with opened(tmp_path / "bridge.sqlite") as store:
        other = sqlite3.connect(tmp_path / "bridge.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(
            store.write(lambda db: db.execute("INSERT INTO watermark VALUES ('a', '1')").rowcount)
        )
        for _ in range(50):
            await asyncio.sleep(0)
        assert not writing.done()
        other.execute("COMMIT")
        other.close()
        assert await writing == 1
