"""A daemon that starts while the disk is full ends with a code after which systemd starts it again."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import opened

from bng_bridge.store import open_store
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
