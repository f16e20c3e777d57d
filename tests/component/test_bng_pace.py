"""The pace towards a BNG that limits its callers: its quota is heeded, and every call is counted in its class."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import customer_body, customer_write, giving, opened, running_bng

from bridge_common.errors import RateLimited, TargetPaused
from bridge_sandbox.bng.settings import Settings


def by_token(folder: Path) -> dict[str, Any]:
    (folder / "secret").write_text(Settings.client_secret)
    return {"api_key_file": None, "client_id": Settings.client_id, "client_secret_file": folder / "secret"}


async def test_a_quota_that_is_told_is_not_run_into(tmp_path: Path) -> None:
    async with running_bng(tmp_path, rate=15) as bng:
        for _ in range(25):
            await bng.client.get("customers/C-1")
        shown = bng.client.throttle.shown()
    assert shown["calls"]["customers"]["total"] == 25
    assert (shown["quota"]["allowed"], shown["quota"]["window_s"]) == (15, 1)
    assert 0 <= shown["quota"]["remaining"] < 15


async def test_a_bng_that_was_called_too_often_is_called_half_as_often(tmp_path: Path) -> None:
    async with running_bng(tmp_path) as bng:
        await bng.fault("status", status=429, retry_after="1")
        with pytest.raises(RateLimited):
            await bng.client.get("customers/C-1")
        assert bng.client.throttle.shown()["pace"] == "slowed to 500/s: it asked to wait"


async def test_every_call_is_counted_in_its_class_and_tokens_are_not(tmp_path: Path) -> None:
    async with (
        running_bng(tmp_path, no_keys=True, **by_token(tmp_path)) as bng,
        opened(tmp_path / "bridge.sqlite") as store,
    ):
        await bng.deliver(store)(1, customer_write(), giving(customer_body(Phone="1")))
        await bng.deliver(store)(1, customer_write(), giving(customer_body(Phone="2")))
        await bng.client.search("sales-orders")
        counted = {name: each["total"] for name, each in bng.client.throttle.shown()["calls"].items()}
        assert counted == {"customers": 4, "sales-orders": 1}
        assert sum(counted.values()) == await bng.calls()


async def test_a_request_that_is_sent_again_with_a_new_token_counts_twice(tmp_path: Path) -> None:
    async with running_bng(tmp_path, **by_token(tmp_path)) as bng:
        await bng.fault("status", path="/customers", status=401)
        await bng.client.get("customers/C-1")
        assert bng.client.throttle.shown()["calls"]["customers"]["total"] == await bng.calls() == 2


async def test_a_bng_in_maintenance_is_asked_once_in_a_while(tmp_path: Path) -> None:
    async with running_bng(tmp_path) as bng:
        await bng.fault("maintenance")
        with pytest.raises(TargetPaused):
            await bng.client.get("customers/C-1")
        assert bng.client.throttle.state().endswith("maintenance mode")
        assert bng.client.throttle.room() == 0
