"""The polled shop's outbox: rows that survive, and what was seen already."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge_common.errors import ConfigError, TargetUnavailable
from magento_agent.capture_file import CaptureFile
from magento_agent.listing import Entry
from magento_agent.rows import Wanted

SHOP = "https://shop.example.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture.sqlite"


@pytest.fixture
def capture(path: Path) -> Iterator[CaptureFile]:
    opened = CaptureFile(path, SHOP)
    yield opened
    opened.close()


def order(number: int, updated_at: str = "2026-03-02 12:00:00", **fields: Any) -> Entry:
    return Entry(number, updated_at, {"entity_id": number, **fields}, "order", number)


async def entities(capture: CaptureFile) -> list[tuple[str, int]]:
    return [(row.entity, row.entity_id) for row in await capture.read_after(0, 100)]


async def test_a_row_is_there_after_a_crash(capture: CaptureFile, path: Path) -> None:
    capture.add("order", 74)
    again = CaptureFile(path, SHOP)
    (row,) = await again.read_after(0, 10)
    assert (row.entity, row.entity_id, row.op) == ("order", 74, "U")
    assert datetime.now(UTC) - row.created_at.replace(tzinfo=UTC) < timedelta(minutes=1)
    again.close()


async def test_rows_are_read_in_their_order_from_both_sides(capture: CaptureFile) -> None:
    for number in range(1, 6):
        capture.add("order", number)
    assert [row.id for row in await capture.read_after(2, 2)] == [3, 4]
    assert [row.id for row in await capture.read_up_to(4, 3)] == [1, 2, 3]


async def test_only_the_very_row_is_deleted(capture: CaptureFile) -> None:
    capture.add("order", 1)
    (row,) = await capture.read_after(0, 10)
    assert (
        await capture.delete([(row.id, row.created_at + timedelta(microseconds=1)), (row.id + 1, row.created_at)]) == 0
    )
    assert await capture.delete([(row.id, row.created_at)]) == 1
    assert await capture.delete([(row.id, row.created_at)]) == 0


async def test_the_number_of_a_deleted_row_never_comes_again(capture: CaptureFile, path: Path) -> None:
    capture.add("order", 1)
    (row,) = await capture.read_after(0, 10)
    await capture.delete([(row.id, row.created_at)])
    again = CaptureFile(path, SHOP)
    again.add("order", 2)
    assert [each.id for each in await again.read_after(0, 10)] == [row.id + 1]
    again.close()


async def test_what_waits_is_counted_with_the_age_of_the_oldest(capture: CaptureFile, path: Path) -> None:
    assert await capture.waiting() == (0, 0.0)
    for number in (1, 2):
        capture.add("order", number)
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None).isoformat(timespec="microseconds")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE outbox SET created_at = ? WHERE id = 1", (hour_ago,))
    connection.close()
    count, age_s = await capture.waiting()
    assert count == 2
    assert age_s == pytest.approx(3600, abs=60)


async def test_what_is_wanted_again_gets_a_row_unless_one_waits(capture: CaptureFile) -> None:
    capture.add("order", 1)
    wanted = [Wanted("order", 1), Wanted("order", 2), Wanted("customer", 1, "D")]
    added = await capture.add_missing(wanted)
    assert added.wanted == set(wanted[1:])
    assert (await capture.add_missing(wanted)).wanted == set()
    first, *rows = await capture.read_after(0, 10)
    assert [(row.entity, row.entity_id, row.op, row.created_at) for row in rows] == [
        ("customer", 1, "D", added.at), ("order", 2, "U", added.at)
    ]  # fmt: skip
    assert first.created_at <= added.at


async def test_only_a_row_of_a_delete_explains_that_a_record_is_gone(capture: CaptureFile) -> None:
    capture.add("order", 1)
    gone = Wanted("order", 1, "D")
    assert (await capture.add_missing([gone])).wanted == {gone}
    assert (await capture.add_missing([gone, Wanted("order", 1)])).wanted == set()


async def test_the_same_entry_is_taken_once(capture: CaptureFile) -> None:
    assert capture.take("orders", [order(1), order(2)]) == 2
    assert capture.take("orders", [order(1), order(2, note="new")]) == 1
    assert await entities(capture) == [("order", 1), ("order", 2), ("order", 2)]


async def test_lists_do_not_know_each_other_s_entries(capture: CaptureFile) -> None:
    capture.take("orders", [order(1)])
    assert capture.take("shipments", [Entry(1, "2026-03-02 12:00:00", {"entity_id": 1}, "order", 7)]) == 1
    assert await entities(capture) == [("order", 1), ("order", 7)]


async def test_equal_amounts_written_differently_are_no_change(capture: CaptureFile) -> None:
    capture.take("orders", [order(1, total=Decimal("12.50"))])
    assert capture.take("orders", [order(1, total=Decimal("12.5"))]) == 0


async def test_what_is_known_from_before_makes_no_row(capture: CaptureFile) -> None:
    capture.know("orders", [order(1)])
    assert capture.take("orders", [order(1)]) == 0
    assert capture.take("orders", [order(1, note="new")]) == 1
    assert await entities(capture) == [("order", 1)]


async def test_a_page_is_taken_as_a_whole_or_not_at_all(capture: CaptureFile) -> None:
    bad = Entry(2, "2026-03-02 12:00:00", {"entity_id": float("nan")}, "order", 2)
    with pytest.raises(ValueError, match="JSON"):
        capture.take("orders", [order(1), bad])
    assert await entities(capture) == []
    assert capture.take("orders", [order(1)]) == 1


async def test_only_what_will_not_be_listed_again_is_forgotten(capture: CaptureFile) -> None:
    early, late = order(1, "2026-03-02 11:58:59"), order(2, "2026-03-02 11:59:00")
    capture.take("orders", [early, late])
    capture.move_watermark("orders", "2026-03-02 12:00:00", forget_before="2026-03-02 11:59:00")
    assert capture.take("orders", [late]) == 0
    assert capture.take("orders", [early]) == 1


async def test_each_list_has_its_own_watermark(capture: CaptureFile, path: Path) -> None:
    assert capture.watermark("orders") is None
    capture.move_watermark("orders", "2026-03-02 12:00:00", forget_before="")
    capture.move_watermark("shipments", "2026-03-02 13:00:00", forget_before="")
    again = CaptureFile(path, SHOP)
    assert (again.watermark("orders"), again.watermark("shipments")) == ("2026-03-02 12:00:00", "2026-03-02 13:00:00")
    again.close()


async def test_another_shop_has_another_identity(capture: CaptureFile, tmp_path: Path) -> None:
    other = CaptureFile(tmp_path / "other.sqlite", "https://other.example.com")
    assert await capture.check() == await capture.identity() != await other.identity()
    other.close()


def test_only_the_service_s_user_may_read_the_file(capture: CaptureFile, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


async def test_a_disk_that_takes_nothing_is_an_error_with_a_name(capture: CaptureFile, path: Path) -> None:
    capture.add("order", 1)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE seen")
        other.execute("DROP TABLE outbox")
    other.close()
    with pytest.raises(TargetUnavailable, match="cannot be written"):
        capture.add("order", 2)
    with pytest.raises(TargetUnavailable, match="cannot be written"):
        capture.take("orders", [order(1)])
    with pytest.raises(TargetUnavailable, match="cannot be read"):
        await capture.read_after(0, 10)
    with pytest.raises(TargetUnavailable, match="cannot be read"):
        await capture.waiting()


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigError, match="newer magento-agent"):
        CaptureFile(path, SHOP)


def test_a_file_that_cannot_be_used_is_a_mistake_in_the_configuration(path: Path) -> None:
    path.write_text("this is no database, and long enough to be seen as something else by SQLite")
    with pytest.raises(ConfigError, match="cannot be used: file is not a database") as refused:
        CaptureFile(path, SHOP)
    assert "[agent] state_dir must be writable" in refused.value.hint
