"""`bridgectl drain`, `resync`, `replay` and `restored` against the socket: what they ask of whom, and what they say."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.component import test_admin
from tests.component.test_admin import Bridge
from tests.support.bridge import Clock, at, customer_body, customer_write, giving, opened, running_bng, until

from bng_bridge import bindings, deliver, inbox, life, sites
from bng_bridge.bindings import Binding
from bng_bridge.deliver import Deliver
from bng_bridge.inbox import Hint
from bng_bridge.magento.client import MagentoClient
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.store import Store, connect
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import QuietPeriod
from bridge_sandbox.bng import samples
from bridge_sandbox.bng.settings import Settings

bridge = test_admin.bridge

HINT = Hint("shipment", "SH-1", "shop1/order/74", "bng/shipment/SH-1/1", {"SalesOrderID": "SO-1"})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "other.sqlite") as store:
        yield store


def bound(target_key: str, **changes: Any) -> Binding:
    binding = Binding(target_key, "shop1", "bng", "sales_order", "SO-1", "100 2026 x", "digest", "", {})
    return replace(binding, **changes)


async def bind(rig: Bridge, *made: Binding) -> None:
    def put(db: Any) -> None:
        for each in made:
            bindings.put(db, each, to_text(utc_now()))

    await rig.store.write(put)


def digest(rig: Bridge, target_key: str) -> str:
    found = bindings.get(rig.store.read, target_key)
    assert found is not None
    return found.digest


def hints(rig: Bridge) -> list[tuple[str, str, str]]:
    rows = rig.store.read.execute("SELECT * FROM inbox WHERE source = 'bng' AND state = 'pending' ORDER BY seq")
    return [(row["entity"], row["entity_id"], row["event_key"].split("/")[0]) for row in rows]


def asked(rig: Bridge) -> list[dict[str, Any]]:
    """What the agent was asked to emit once more."""
    return [each for request in rig.requests if request["operation"] == "reemit" for each in request["entities"]]


# drain


async def test_a_drained_bridge_says_what_waits_and_begins_nothing_until_it_is_resumed(bridge: Bridge) -> None:
    await bridge.put(1)
    ended = await bridge.ctl("drain")
    assert ended.code == 0
    assert "drained: 1 wait in the inbox, nothing is under way" in ended.out
    throttle = bridge.running.context.bng.throttle
    assert throttle.room() == 0
    assert sites.paused(bridge.store.read) == {"bng": "drained", "shop1": "drained"}

    ended = await bridge.ctl("resume", "--all")
    assert (ended.code, ended.out) == (0, "resumed: bng, shop1\n")
    assert (throttle.room(), sites.paused(bridge.store.read)) == (None, {})
    assert (await bridge.ctl("resume", "--all")).out == "resumed: nothing was closed\n"


async def test_a_drain_waits_for_what_is_under_way(bridge: Bridge) -> None:
    await bridge.put(1)
    (event,) = await bridge.store.write(lambda db: inbox.claim(db, to_text(utc_now()), 1))
    draining = asyncio.create_task(bridge.ctl("drain", "--json"))
    await until("it is closed", lambda: bridge.running.context.bng.throttle.held)
    await bridge.store.write(lambda db: inbox.settle(db, event, "done", started_at=at(1), now=at(2)))
    ended = await draining
    assert (ended.code, ended.json()) == (0, {"under_way": 0, "waiting": 0, "unknown": 0})


async def test_a_drain_that_takes_too_long_ends_with_1_and_stays_closed(bridge: Bridge) -> None:
    await bridge.put(1)
    await bridge.store.write(lambda db: inbox.claim(db, to_text(utc_now()), 1))
    ended = await bridge.ctl("drain", "--timeout", "0")
    assert ended.code == 1
    assert "not drained: 0 wait in the inbox, 1 is under way" in ended.out
    assert bridge.running.context.bng.throttle.held


async def test_a_drain_leaves_a_target_that_is_paused_its_reason(bridge: Bridge) -> None:
    await bridge.ctl("pause", "bng", "--reason", "stocktaking")
    await bridge.ctl("drain")
    assert sites.paused(bridge.store.read) == {"bng": "stocktaking", "shop1": "drained"}


async def test_what_an_operator_has_paused_stays_closed_when_the_drained_are_resumed(bridge: Bridge) -> None:
    await bridge.ctl("pause", "bng", "--reason", "stocktaking")
    await bridge.ctl("drain")
    ended = await bridge.ctl("resume", "--all")
    paused = "still paused: bng (stocktaking). To open it: bridgectl resume bng"
    assert (ended.code, ended.out.splitlines()) == (0, ["resumed: shop1", paused])
    assert sites.paused(bridge.store.read) == {"bng": "stocktaking"}
    assert bridge.running.context.bng.throttle.held == "stocktaking"
    ended = await bridge.ctl("resume", "--all")
    assert ended.out.splitlines() == ["resumed: nothing was drained", paused]


# resync


async def test_an_order_is_asked_for_anew_with_its_digests_forgotten(bridge: Bridge) -> None:
    await bridge.put(1, entity_id="74", data={"increment_id": "000000074"})
    keys = ("shop1/order/74/sales_order", "shop1/order/74/cancellation", "shop1/order/75/sales_order")
    await bind(bridge, *(bound(key) for key in keys))
    bridge.answers["reemit"] = {"inserted": [{"entity": "order", "entity_id": "74"}], "waiting": []}
    ended = await bridge.ctl("resync", "order", "000000074")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "order 000000074 of shop1 is read anew, and written again.",
        "Follow it: bridgectl trace 000000074",
    ]
    assert asked(bridge) == [{"entity": "order", "entity_id": "74"}]
    assert [digest(bridge, key) for key in keys] == ["", "", "digest"]


async def test_an_order_that_never_arrived_is_looked_for_in_the_shop(bridge: Bridge) -> None:
    bridge.answers["rest"] = {"items": [{"entity_id": 9, "increment_id": "000000009"}]}
    bridge.answers["reemit"] = {"inserted": [{"entity": "order", "entity_id": "9"}], "waiting": []}
    assert (await bridge.ctl("resync", "order", "000000009")).code == 0
    assert asked(bridge) == [{"entity": "order", "entity_id": "9"}]
    bridge.answers["rest"] = {"items": []}
    ended = await bridge.ctl("resync", "order", "no such")
    assert (ended.code, ended.err.startswith("There is no order no such.")) == (1, True)


def shop_answering(orders: dict[str, str]) -> Callable[[dict[str, Any]], Any]:
    """A shop with these increment ids by entity id: listed by number, or single. It reads an id as a number."""

    def answer(request: dict[str, Any]) -> Any:
        if request["path"] == "/V1/orders":
            number = request["query"]["searchCriteria[filter_groups][0][filters][0][value]"]
            return {"items": [{"entity_id": int(each)} for each, name in orders.items() if name == number]}
        entity_id = str(int(request["path"].rpartition("/")[2]))
        return {"entity_id": int(entity_id)} if entity_id in orders else None

    return answer


async def test_an_order_that_never_arrived_is_found_by_its_entity_id_too(bridge: Bridge) -> None:
    bridge.answers["rest"] = shop_answering({"9": "000000123", "12": "77"})
    bridge.answers["reemit"] = {"inserted": [{}], "waiting": []}
    for name in ("9", "77"):
        ended = await bridge.ctl("resync", "order", name, "--site", "shop1")
        assert ended.code == 0, ended.err
    assert [each["entity_id"] for each in asked(bridge)] == ["9", "12"]
    for name in ("10", "000000009"):
        ended = await bridge.ctl("resync", "order", name)
        assert (ended.code, ended.err.startswith(f"There is no order {name}.")) == (1, True)


@pytest.fixture
def second_shop(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """shop2's orders, by entity id; that shop is another one behind the same agent."""
    orders: dict[str, str] = {}

    async def take(_topic: str, payload: bytes, _expiry_s: float) -> None:
        request = json.loads(payload)
        body = shop_answering(orders)(request)
        answer = {"id": request["id"], "state": "done", "status": 200 if body else 404, "body": body or {}}
        asyncio.get_running_loop().call_soon(gateway.receive, json.dumps(answer).encode())

    gateway = GatewayTransport("shop2", take)
    gateway.epoch = 1
    running = bridge.running
    config = running.config.sites["shop1"]
    monkeypatch.setitem(running.config.sites, "shop2", config)
    monkeypatch.setitem(running.context.magento, "shop2", MagentoClient("shop2", config, gateway))
    monkeypatch.setitem(running.gateways, "shop2", gateway)
    return orders


async def test_a_number_that_two_shops_have_is_not_taken_for_the_one_that_arrived(
    bridge: Bridge, second_shop: dict[str, str]
) -> None:
    second_shop["5"] = "000000074"
    await bridge.put(1, entity_id="74", data={"increment_id": "000000074"})
    ended = await bridge.ctl("resync", "order", "000000074")
    assert (ended.code, ended.err) == (
        1, "Several shops have an order 000000074. Choose with --site: shop1, shop2.\n",
    )  # fmt: skip
    bridge.answers["reemit"] = {"inserted": [{}], "waiting": []}
    assert (await bridge.ctl("resync", "order", "000000074", "--site", "shop1")).code == 0
    assert asked(bridge) == [{"entity": "order", "entity_id": "74"}]


async def test_with_a_site_an_order_that_arrived_from_another_is_not_taken(
    bridge: Bridge, second_shop: dict[str, str]
) -> None:
    await bridge.put(1, entity_id="74", data={"increment_id": "000000074"})
    ended = await bridge.ctl("resync", "order", "74", "--site", "shop2")
    assert (ended.code, ended.err.startswith("There is no order 74.")) == (1, True)


async def test_a_shop_that_cannot_be_asked_is_said_with_the_choice(bridge: Bridge, second_shop: dict[str, str]) -> None:
    await bridge.put(1, entity_id="74", data={"increment_id": "000000074"})
    bridge.running.gateways["shop2"].online = False
    ended = await bridge.ctl("resync", "order", "000000074")
    assert ended.code == 1
    assert ended.err.startswith("shop2 cannot be asked for order 000000074: ")
    assert "choose with --site: shop1" in ended.err


async def test_a_record_of_bng_gets_a_hint_with_a_key_of_its_own(bridge: Bridge) -> None:
    """Though this very version of it was seen before."""
    shipment_id = await shipped(bridge)
    for _ in range(2):
        ended = await bridge.ctl("resync", "shipment", shipment_id)
        assert ended.code == 0
        said = f"shipment {shipment_id} is looked at; one that the shop has already is not written again."
        assert ended.out.splitlines()[0] == said
    rows = inbox.select(bridge.store.read, "of_entity", source="bng", entity="shipment", entity_id=shipment_id, site="")
    assert [row["state"] for row in rows] == ["superseded", "pending"]
    assert len({row["event_key"] for row in rows}) == 2
    assert all(row["event_key"].startswith("resync/") for row in rows)
    assert (await bridge.ctl("resync", "shipment", "SH-none")).err == "BNG has no shipment SH-none.\n"


async def test_the_stock_of_a_sku_is_written_again_in_every_warehouse_that_is_shown(bridge: Bridge) -> None:
    bridge.running.config.sites["shop1"].sources.update({"MAIN": "default", "EAST": "east"})
    keys = ("shop1/stock/default|MUG/source_item", "shop1/stock/east|MUG/source_item")
    await bind(bridge, *(bound(key, target="magento", entity="source_item") for key in keys))
    await bridge.ctl("resync", "stock", "MUG", "--warehouse", "EAST")
    assert [digest(bridge, key) for key in keys] == ["digest", ""]
    await bridge.ctl("resync", "stock", "MUG")
    assert [digest(bridge, key) for key in keys] == ["", ""]
    assert {entity_id for _, entity_id, _ in hints(bridge)} == {"MAIN|MUG", "EAST|MUG"}


async def test_a_product_is_written_again_for_all_store_views_by_its_id_or_its_sku(bridge: Bridge) -> None:
    product = await bridge.bng.product("VASE/A+B", Name="Vase")
    product_id = product["ProductID"]
    keys = [f"shop1/product/{product_id}/{step}" for step in ("product", "product@de")]
    for name in (product_id, "VASE/A+B"):
        await bind(bridge, *(bound(key, target="magento", entity="product") for key in keys))
        assert (await bridge.ctl("resync", "product", name)).code == 0
        assert [digest(bridge, key) for key in keys] == ["", ""]
        assert hints(bridge) == [("product", product_id, "resync")]
    assert (await bridge.ctl("resync", "product", "none")).err == "BNG has no product none.\n"


# replay


async def test_a_replay_finds_what_changed_on_both_sides_and_looks_at_each_once(bridge: Bridge) -> None:
    shipment_id = await shipped(bridge)
    bridge.answers["rest"] = {"items": [{"entity_id": 5, "order_id": 5, "id": 5}]}
    bridge.answers["reemit"] = {"inserted": [{}], "waiting": []}
    dry = (await bridge.ctl("replay", "--since", "2h", "--dry-run", "--json")).json()
    many = {entity: dry["found"][entity] for entity in ("stock", "product")}
    found = {"order": 1, "customer": 1, "shipment": 1, "sales_order": 1} | many
    assert (dry["found"], dry["asked"], hints(bridge), asked(bridge)) == (found, 0, [], [])

    ended = await bridge.ctl("replay", "--since", "2h", "--json")
    assert ended.json()["asked"] == sum(found.values())
    assert asked(bridge) == [{"entity": "order", "entity_id": "5"}, {"entity": "customer", "entity_id": "5"}]
    assert ("shipment", shipment_id, "replay") in hints(bridge)
    assert len(hints(bridge)) == sum(found[entity] for entity in ("shipment", "sales_order", *many))
    reads = [request["path"] for request in bridge.requests if request["operation"] == "rest"]
    assert {"/V1/orders", "/V1/shipments", "/V1/invoices", "/V1/creditmemos", "/V1/customers/search"} == set(reads)


async def test_the_shop_is_asked_in_its_own_time_without_an_offset(bridge: Bridge) -> None:
    since, until_ = "2026-01-31T08:00:00+01:00", "2026-01-31T09:30:00+01:00"
    await bridge.ctl("replay", "--since", since, "--until", until_, "--entity", "customer", "--dry-run")
    query = bridge.requests[-1]["query"]
    values = [query[f"searchCriteria[filter_groups][{group}][filters][0][value]"] for group in (0, 1)]
    assert values == ["2026-01-31 07:00:00", "2026-01-31 08:30:00"]


async def test_a_replay_goes_on_behind_an_order_that_the_list_hides(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is short then, and not the last."""
    monkeypatch.setattr("bng_bridge.magento.listing.PAGE_SIZE", 2)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        query = request["query"]
        after = int(query["searchCriteria[filter_groups][2][filters][0][value]"])
        above = [number for number in range(1, 6) if number > after]
        page = above[: int(query["searchCriteria[pageSize]"])]
        return {"items": [{"id": number} for number in page if number != 2], "total_count": len(above)}

    bridge.answers["rest"] = answer
    dry = (await bridge.ctl("replay", "--since", "2h", "--entity", "customer", "--dry-run", "--json")).json()
    assert dry["found"] == {"customer": 4}


async def test_a_stock_without_a_warehouse_is_looked_at_with_none(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listed(_path: str, **_: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"SKU": "MUG", "UpdatedAt": to_text(utc_now())}

    monkeypatch.setattr(bridge.running.context.bng, "pages", listed)
    ended = await bridge.ctl("replay", "--since", "2h", "--entity", "stock", "--until", "2999-01-01T00:00:00Z")
    assert ended.code == 0, ended.err
    assert hints(bridge) == [("stock", "|MUG", "replay")]


async def test_many_records_are_compared_with_the_discarded_ones_beside_the_event_loop(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shipped(bridge)
    used: list[bool] = []

    def is_discarded(db: Any, *_: Any) -> bool:
        used.append(db is bridge.store.read)
        return False

    monkeypatch.setattr("bng_bridge.admin.replay._is_discarded", is_discarded)
    await bridge.ctl("replay", "--since", "2h", "--entity", "shipment", "--dry-run")
    assert used == [False]


async def test_what_was_discarded_stays_out_of_a_replay(bridge: Bridge) -> None:
    shipment_id = await shipped(bridge)
    await bridge.ctl("resync", "shipment", shipment_id)
    letter = await bridge.kill()
    await bridge.ctl("dlq", "discard", str(letter.seq), "--reason", "shipped by hand")
    answer = (await bridge.ctl("replay", "--since", "2h", "--entity", "shipment", "--json")).json()
    assert (answer["found"], answer["discarded"], answer["asked"]) == ({"shipment": 0}, 1, 0)


async def test_more_than_a_thousand_are_not_looked_at_unasked(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bng_bridge.ctl.replay.MANY", 0)
    await shipped(bridge)
    ended = await bridge.ctl("replay", "--since", "2h", "--entity", "shipment")
    assert (ended.code, "records once more?" in ended.err) == (1, True)
    assert hints(bridge) == []
    assert (await bridge.ctl("replay", "--since", "2h", "--entity", "shipment", "--yes")).code == 0
    assert len(hints(bridge)) == 1


@pytest.mark.parametrize("since", ["yesterday", "2026-01-31T08:00:00", "5x"])
async def test_a_time_that_is_not_plain_is_misuse(bridge: Bridge, since: str) -> None:
    assert (await bridge.ctl("replay", "--since", since)).code == 64


# restored


async def test_a_restored_bridge_goes_back_before_the_backup_and_waits_out_what_may_be_under_way(
    bridge: Bridge,
) -> None:
    now = utc_now()
    for name in ("shipments", "sales-orders"):
        await bridge.store.write(lambda db, each=name: sites.move_watermark(db, each, to_text(now)))  # type: ignore[misc]
    backup_at = now - timedelta(hours=1)
    ended = await bridge.ctl("restored", "--backup-time", backup_at.isoformat(), "--json")
    assert ended.json()["since"] == to_text(backup_at - timedelta(minutes=10))
    overlap = timedelta(seconds=bridge.running.config.bng.poll.overlap_s)
    assert sites.watermark(bridge.store.read, "shipments") == to_text(backup_at - overlap)
    assert sites.watermark(bridge.store.read, "inventory-items") is None


async def test_a_watermark_that_is_older_than_the_backup_stays(bridge: Bridge) -> None:
    old = to_text(utc_now() - timedelta(days=9))
    await bridge.store.write(lambda db: sites.move_watermark(db, "shipments", old))
    await bridge.ctl("restored", "--backup-time", "1h")
    assert sites.watermark(bridge.store.read, "shipments") == old


async def test_nothing_that_could_happen_twice_is_sent_before_the_quiet_period_is_over(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write of the lost time is executed late, and found."""
    steady = Clock()
    monkeypatch.setattr(deliver, "steady_now", steady)
    async with running_bng(tmp_path, no_keys=True) as bng:
        write = Deliver(store, lambda _write: bng.target)
        write.wait_out(60)
        steady.advance(59)
        with pytest.raises(QuietPeriod, match="the store was restored"):
            await write(1, customer_write(), giving(customer_body()))
        made = await bng.customer("shop1-5")
        steady.advance(2)
        assert (await write(1, customer_write(), giving(customer_body()))).binding.target_id == made
        assert len(await bng.records("customers")) == 1


async def test_a_store_knows_whether_it_ran_here_last(tmp_path: Path) -> None:
    path = tmp_path / "bridge.sqlite"
    async with opened(path) as store:
        assert not await life.begin(store)
        await life.rename(store)
    copy = path.read_bytes()
    async with opened(path) as store:
        assert not await life.begin(store)
        assert not life.is_open(store.read)
    path.write_bytes(copy)
    async with opened(path) as store:
        assert await life.begin(store)
        assert life.is_open(store.read)
        restored_at = life.restored_at(store.read)
        assert restored_at is not None
    async with opened(path) as store:
        assert not await life.begin(store)
        assert life.is_open(store.read), "until somebody says of which time it is"
        await store.write(lambda db: life.answer(db, at(0)))
        assert not life.is_open(store.read)


@pytest.mark.parametrize("when", ["before the store is renamed", "after it"])
async def test_a_crash_amid_a_rename_does_not_look_like_a_copy(tmp_path: Path, when: str) -> None:
    path = tmp_path / "bridge.sqlite"
    async with opened(path) as store:
        await life.begin(store)
        before = store.read.execute("SELECT value FROM life").fetchone()[0]
    (tmp_path / "bridge.sqlite.life").write_text(f"{before}\nthe next one")
    if when == "after it":
        connection = connect(path)
        connection.execute("UPDATE life SET value = 'the next one'")
        connection.close()
    async with opened(path) as store:
        assert not await life.begin(store)


async def test_the_new_name_beside_the_store_is_on_the_disk_with_its_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the store itself is renamed, or a power cut leaves it under a name that is not known there."""
    synced: list[str] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            synced.append((tmp_path / "other.sqlite.life").read_text())

    monkeypatch.setattr(os, "fsync", fsync)
    before = store.read.execute("SELECT value FROM life").fetchone()[0]
    await life.rename(store)
    after = store.read.execute("SELECT value FROM life").fetchone()[0]
    assert synced == [f"{before}\n{after}", after]


async def test_a_disk_that_takes_nothing_does_not_end_the_bridge_for_a_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    async def full(_store: Store) -> None:
        tried.append("once")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(life, "rename", full)
    monkeypatch.setattr(life, "INTERVAL_S", 0.001)
    running = asyncio.create_task(life.run(store))
    await until("it was tried again", lambda: len(tried) > 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def shipped(rig: Bridge) -> str:
    """A shipment made in BNG, of an order that is none of ours; its id."""
    customer_id = await rig.bng.customer("hand-made")
    made = await post(rig, "sales-orders", samples.order(customer_id, ExternalID="hand-made"))
    body = {"ExternalID": "hand-made"}
    answer = await rig.bng.admin("POST", "/ship", **body)
    assert made["SalesOrderID"] == answer["SalesOrderID"]
    return str(answer["ShipmentID"])


async def post(rig: Bridge, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"X-API-Key": Settings.api_key, "Idempotency-Key": path}
    async with rig.bng.session.post(f"{rig.bng.url}/api/v1/{path}", json=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        found: dict[str, Any] = json.loads(await answer.text())
        return found
