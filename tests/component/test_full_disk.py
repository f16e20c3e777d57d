"""A daemon that starts while the disk is full ends with a code after which systemd starts it again."""

import asyncio
import errno
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.component.test_alerts import Kept
from tests.support.bridge import opened

from bng_bridge.alerting.alerts import Alerts
from bng_bridge.alerting.notifier import Notifier
from bng_bridge.sites import move_watermark
from bng_bridge.store import Store, open_store
from bng_bridge.watching.full_disk import told
from bridge_common.disk import is_passing
from bridge_common.errors import TransientError
from magento_agent.answers import Answers
from magento_agent.capture_file import CaptureFile

OPENERS: dict[str, Callable[[Path], Any]] = {
    "the bridge's store": open_store,
    "the agent's answers": Answers,
    "a hosted shop's rows": lambda path: CaptureFile(path, "https://shop.example"),
}


@pytest.mark.parametrize("open_file", OPENERS.values(), ids=OPENERS)
async def test_a_new_file_on_a_full_disk_is_no_mistake_in_the_configuration(
    tmp_path: Path, open_file: Callable[[Path], Any]
) -> None:
    with full_disk(), pytest.raises(TransientError, match="cannot be written") as ended:
        open_file(tmp_path / "file.sqlite")
    assert ended.value.exit_code == 69
    assert "df" in ended.value.hint


async def test_a_store_that_stood_before_is_neither(tmp_path: Path) -> None:
    path = tmp_path / "bridge.sqlite"
    async with opened(path):
        pass
    with full_disk(), pytest.raises(TransientError, match="cannot be written"):
        open_store(path)
    async with opened(path):
        pass


async def refused(store: Store) -> None:
    with full_disk():
        await store.write(lambda db: move_watermark(db, "x", "y" * 100_000))


async def fail() -> None:
    raise KeyError("a bug")


async def test_a_bridge_that_ends_of_a_full_disk_tells_before_and_ends_with_one_sentence(tmp_path: Path) -> None:
    way = Kept()
    notifier = Notifier([way])
    async with opened(tmp_path / "bridge.sqlite") as store:
        with pytest.raises(TransientError, match="cannot be written") as ended:
            async with told(store, Alerts(notifier.take), notifier), asyncio.TaskGroup() as group:
                group.create_task(refused(store))
    assert ended.value.exit_code == 69
    assert [(each["key"], each["state"], each["hint"]) for each in way.documents] == [
        ("disk-full", "begun", f"df -h {tmp_path}")
    ]


async def test_a_bug_is_not_taken_for_a_full_disk_even_where_both_end_the_bridge(tmp_path: Path) -> None:
    way = Kept()
    notifier = Notifier([way])
    async with opened(tmp_path / "bridge.sqlite") as store:
        with pytest.raises(BaseExceptionGroup) as ended:
            async with told(store, Alerts(notifier.take), notifier):
                raise BaseExceptionGroup("both", [KeyError("a bug"), OSError(errno.ENOSPC, "full")])
        with pytest.raises(BaseExceptionGroup):
            async with told(store, Alerts(notifier.take), notifier), asyncio.TaskGroup() as group:
                group.create_task(fail())
    assert ended.group_contains(KeyError)
    assert way.documents == []


def test_what_is_not_the_disk_s_fault_does_not_pass() -> None:
    assert not is_passing(PermissionError(13, "Permission denied"))
    assert not is_passing(sqlite3.ProgrammingError("Cannot operate on a closed database."))


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows beyond its first byte: EFBIG, as ENOSPC would be."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
