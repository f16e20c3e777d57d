"""The net under the webhooks: what they miss is found, and the watermark never runs ahead of the hints."""

import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.bridge import BngRig, running_bng

from bng_bridge import inbox, sites
from bng_bridge.config import Poll
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.sources.poller import Poller
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text
from bridge_common.errors import TargetUnavailable
from bridge_sandbox.bng import samples

STOCK, SHIPMENTS = "inventory-items", "shipments"


class Enough(Exception):
    """Ends a loop that has no end."""


async def never(_claimed: Claimed) -> Outcome:
    return DONE


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path) as rig:
        yield rig


def new(store: Store, rig: BngRig, overlap_s: float = 120) -> Poller:
    return Poller(store, Worker(store, never, slots=1), rig.client, Poll(overlap_s=overlap_s))


async def begin(store: Store, rig: BngRig, resource: str, overlap_s: float = 0) -> Poller:
    """A poller that has polled once, before anything changed."""
    poller = new(store, rig, overlap_s)
    await poller.run_once(resource)
    await store.write(lambda db: db.execute("DELETE FROM inbox").rowcount)
    return poller


async def change_stock(rig: BngRig, sku: str = "MUG-WHITE") -> str:
    """UpdatedAt of the item."""
    return str((await rig.admin("POST", "/stock", SKU=sku, Warehouse="MAIN", Delta="-1"))["UpdatedAt"])


def keys(store: Store) -> list[str]:
    return [row["event_key"] for row in store.read.execute("SELECT event_key FROM inbox ORDER BY seq")]


def states(store: Store) -> list[str]:
    """The keys without the records' times."""
    return [re.sub(r"@[^/]+", "", key) for key in keys(store)]


async def test_a_change_that_no_webhook_told_of_becomes_a_hint(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, STOCK)
    await change_stock(rig)
    assert await poller.run_once(STOCK) == 1
    assert states(store) == ["bng/stock/2/MAIN|MUG-WHITE"]


async def test_a_shipment_that_no_webhook_told_of_becomes_a_hint(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, SHIPMENTS)
    headers = {"X-API-Key": "sandbox-key", "Idempotency-Key": "1"}
    order = samples.order(await rig.customer(), ExternalID="shop1-74")
    async with rig.session.post(f"{rig.url}/api/v1/sales-orders", json=order, headers=headers) as answer:
        assert answer.status == 201
    made = await rig.admin("POST", "/ship", ExternalID="shop1-74")
    assert await poller.run_once(SHIPMENTS) == 1
    row = inbox.select(store.read, "open_hints", entity="shipment")[0]
    assert row["entity_id"] == made["ShipmentID"]


async def test_the_watermark_stands_at_the_newest_change_seen_in_bng_s_own_time(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, STOCK)
    await change_stock(rig)
    newest = await change_stock(rig, "TEE-S")
    await poller.run_once(STOCK)
    assert sites.watermark(store.read, STOCK) == newest


async def test_a_poll_that_finds_nothing_leaves_the_watermark(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, STOCK)
    before = sites.watermark(store.read, STOCK)
    assert await poller.run_once(STOCK) == 0
    assert sites.watermark(store.read, STOCK) == before


async def test_the_first_poll_ever_replays_no_history(store: Store, rig: BngRig) -> None:
    for _ in range(3):
        await change_stock(rig)
    assert await new(store, rig, overlap_s=0).run_once(STOCK) == 0
    assert keys(store) == []


async def test_what_lies_within_the_overlap_is_seen_again_and_hinted_once(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, STOCK, overlap_s=120)
    await change_stock(rig)
    calls = [await poller.run_once(STOCK) for _ in range(3)]
    assert calls[1:] == [0, 0]
    assert states(store).count("bng/stock/2/MAIN|MUG-WHITE") == 1


async def test_a_record_that_became_visible_late_is_found_by_the_overlap(store: Store, rig: BngRig) -> None:
    """Its time lies before the watermark: BNG's transaction took a while."""
    poller = await begin(store, rig, STOCK, overlap_s=120)
    changed_at = from_text(await change_stock(rig))
    ahead = to_text(changed_at + timedelta(seconds=100))
    await store.write(lambda db: sites.move_watermark(db, STOCK, ahead))
    await store.write(lambda db: db.execute("DELETE FROM inbox").rowcount)
    await poller.run_once(STOCK)
    assert "bng/stock/2/MAIN|MUG-WHITE" in states(store)
    assert sites.watermark(store.read, STOCK) == ahead


async def test_the_watermark_moves_only_with_the_hints(
    store: Store, rig: BngRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that dies in the commit sees the change again."""
    poller = await begin(store, rig, STOCK)
    before = sites.watermark(store.read, STOCK)
    await change_stock(rig)

    def full(*_arguments: object) -> None:
        raise sqlite3.OperationalError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sites, "move_watermark", full)
        with pytest.raises(sqlite3.OperationalError):
            await poller.run_once(STOCK)
    assert (keys(store), sites.watermark(store.read, STOCK)) == ([], before)
    assert await poller.run_once(STOCK) == 1


async def test_a_poll_that_fails_moves_nothing_and_misses_nothing(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, STOCK)
    before = sites.watermark(store.read, STOCK)
    await change_stock(rig)
    await rig.fault("cut_before", method="GET", path="/inventory-items$", count=2)
    with pytest.raises(TargetUnavailable):
        await poller.run_once(STOCK)
    assert sites.watermark(store.read, STOCK) == before
    await rig.clear_faults()
    assert await poller.run_once(STOCK) == 1


async def test_more_changes_than_fit_a_page_are_all_found(store: Store, rig: BngRig) -> None:
    poller = await begin(store, rig, STOCK)
    for number in range(120):
        await change_stock(rig, f"SKU-{number:03d}")
    assert await poller.run_once(STOCK) == 120


async def test_the_daemon_s_poller_goes_on_after_a_failure(
    store: Store, rig: BngRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` is one loop over both resources; a failure of one does not keep the other from being polled."""
    polled: list[str] = []
    poller = Poller(store, Worker(store, never, slots=1), rig.client, Poll(interval_s=0.001))

    async def run_once(resource: str) -> int:
        polled.append(resource)
        if resource == SHIPMENTS:
            raise TargetUnavailable("down")
        if len(polled) > 5:
            raise Enough
        return 0

    monkeypatch.setattr(poller, "run_once", run_once)
    with pytest.raises(Enough):
        await poller.run()
    assert polled[:4] == [SHIPMENTS, STOCK, "sales-orders", SHIPMENTS]


async def test_a_resource_that_a_webhook_names_is_polled_at_once_and_alone(
    store: Store, rig: BngRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled: list[str] = []
    poller = Poller(store, Worker(store, never, slots=1), rig.client, Poll(interval_s=3600))

    async def run_once(resource: str) -> int:
        polled.append(resource)
        if polled == [SHIPMENTS, STOCK, "sales-orders"]:
            for asked in (STOCK, "customers", STOCK):
                poller.look(asked)
        if len(polled) > 3:
            raise Enough
        return 0

    monkeypatch.setattr(poller, "run_once", run_once)
    with pytest.raises(Enough):
        await poller.run()
    assert polled == [SHIPMENTS, STOCK, "sales-orders", STOCK]
