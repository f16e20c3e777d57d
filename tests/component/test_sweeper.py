"""The net under webhooks and poll: what BNG's lists showed late is found once, and what BNG lost is told."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import order

from bng_bridge import bindings, inbox, sites
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.config import Poll, Sweep
from bng_bridge.flows.keys import sales_order_key
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.sources import sweeper
from bng_bridge.sources.hints import hint_of, listed_hint
from bng_bridge.sources.poller import Poller
from bng_bridge.sources.sweeper import Sweeper, Swept
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import TargetUnavailable
from bridge_sandbox.bng import webhooks

ORDERS, SHIPMENTS, STOCK, CUSTOMERS = "sales-orders", "shipments", "inventory-items", "customers"
SHELVES = {ORDERS: "sales_orders", SHIPMENTS: "shipments", STOCK: "inventory_items"}
GONE = "sales-orders-gone"


class Enough(Exception):
    """Ends a loop that has no end."""


async def never(_claimed: Claimed) -> Outcome:
    return DONE


@dataclass
class Rig:
    """A bridge that has polled each list once before anything happens, with no overlap; and BNG."""

    flows: FlowRig
    poller: Poller
    sweeper: Sweeper
    alerts: Alerts

    @property
    def store(self) -> Store:
        return self.flows.store

    async def poll(self) -> list[int]:
        return [await self.poller.run_once(resource) for resource in SHELVES]

    async def sell(self, order_id: int = 74, **changes: Any) -> str:
        """An order of the shop that BNG has; its SalesOrderID."""
        await self.flows.order(order(order_id=order_id, **changes))
        bound = bindings.get(self.store.read, sales_order_key("shop1", str(order_id)))
        assert bound is not None
        return bound.target_id

    async def ship(self, order_id: int = 74) -> dict[str, Any]:
        made: dict[str, Any] = await self.flows.bng.admin("POST", "/ship", ExternalID=f"shop1-{order_id}")
        return made

    async def stock(self, sku: str = "MUG-WHITE") -> dict[str, Any]:
        made: dict[str, Any] = await self.flows.bng.admin("POST", "/stock", SKU=sku, Delta="-1")
        return made

    async def late(self, resource: str, record: dict[str, Any]) -> dict[str, Any]:
        """The record becomes visible only now, with a time just before what the poller has seen: its list passed it by."""
        seen = sites.watermark(self.store.read, resource)
        assert seen is not None
        before = to_text(from_text(seen) - timedelta(microseconds=1))
        return await self.backdate(resource, record, before)

    async def backdate(self, resource: str, record: dict[str, Any], when: str) -> dict[str, Any]:
        id_name = next(name for name in ("ShipmentID", "InventoryItemID", "SalesOrderID") if name in record)
        path = f"/records/{SHELVES[resource]}/{record[id_name]}/backdate"
        made: dict[str, Any] = await self.flows.bng.admin("POST", path, UpdatedAt=when)
        return made

    async def delete(self, sales_order_id: str) -> None:
        await self.flows.bng.admin("DELETE", f"/records/sales_orders/{sales_order_id}")

    def other_sweeper(self, **options: Any) -> Sweeper:
        """With these options of [bng.sweep]."""
        config = self.flows.bng.client.config
        self.flows.bng.client.config = config.model_copy(update={"sweep": Sweep(**options)})
        worker = Worker(self.store, never, slots=1)
        return Sweeper(self.store, worker, self.flows.bng.client, self.flows.context.sites, self.alerts)

    def hints(self) -> list[str]:
        return [f"{row['entity']}/{row['entity_id']}" for row in self.store.read.execute(
            "SELECT entity, entity_id FROM inbox WHERE source = 'bng' ORDER BY seq")]  # fmt: skip

    def rows(self, entity: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM manifest WHERE source = 'bng' AND entity = ? ORDER BY entity_id"
        return [dict(row) for row in self.store.read.execute(query, (entity,))]

    def alert(self) -> str:
        return next((f"{each.subject} {each.hint}" for each in self.alerts.active() if each.key == GONE), "")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with flow_rig(tmp_path) as flows:
        yield await begun(flows)


async def begun(flows: FlowRig) -> Rig:
    alerts, worker = Alerts(), Worker(flows.store, never, slots=1)
    flows.bng.client.config = flows.bng.config.model_copy(update={"poll": Poll(overlap_s=0)})
    poller = Poller(flows.store, worker, flows.bng.client, flows.bng.client.config.poll)
    rig = Rig(flows, poller, Sweeper(flows.store, worker, flows.bng.client, flows.context.sites, alerts), alerts)
    await rig.poll()
    return rig


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("bridge"), "propagate", True)
    caplog.set_level(logging.INFO, logger="bridge")
    return caplog


async def test_a_shipment_that_the_list_showed_late_is_found_and_told(rig: Rig, told: pytest.LogCaptureFixture) -> None:
    await rig.sell()
    await rig.sell(75)
    await rig.ship(75)
    await rig.poll()
    shipment = await rig.late(SHIPMENTS, await rig.ship())
    assert await rig.poller.run_once(SHIPMENTS) == 0
    assert (await rig.sweeper.run_once(SHIPMENTS)).found == 1
    assert rig.hints()[-1] == f"shipment/{shipment['ShipmentID']}"
    assert f"action=sweep_found event=bng/shipment/{shipment['ShipmentID']}/1@" in told.text
    assert "action=alert subject=\"neither webhook nor poll had told of 1 of BNG's shipments" in told.text


async def test_stock_and_status_that_the_lists_showed_late_are_found(rig: Rig) -> None:
    sales_order_id = await rig.sell()
    await rig.stock("TEE-S")
    await rig.sell(75)
    await rig.poll()
    held = await rig.flows.bng.admin("POST", "/status", SalesOrderID=sales_order_id, OrderStatus=30)
    await rig.late(ORDERS, held)
    await rig.late(STOCK, await rig.stock("POT 12CM"))
    found = [(await rig.sweeper.run_once(resource)).found for resource in (ORDERS, STOCK)]
    assert found == [1, 1]
    assert rig.hints()[-2:] == [f"sales_order/{sales_order_id}", "stock/MAIN|POT 12CM"]


async def test_nothing_is_found_twice(rig: Rig, told: pytest.LogCaptureFixture) -> None:
    await rig.stock("TEE-S")
    await rig.poll()
    await rig.late(STOCK, await rig.stock())
    assert [(await rig.sweeper.run_once(STOCK)).found for _ in range(3)] == [1, 0, 0]
    assert told.text.count("action=alert") == 1


async def test_what_a_webhook_told_of_is_not_found(rig: Rig) -> None:
    await rig.stock("TEE-S")
    await rig.poll()
    record = await rig.late(STOCK, await rig.stock())
    hint = listed_hint(STOCK, record, rig.store.read)
    assert hint is not None
    await rig.store.write(lambda db: inbox.put_hint(db, hint, to_text(utc_now())))
    assert (await rig.sweeper.run_once(STOCK)).found == 0


async def test_a_webhook_and_a_list_have_one_key_for_one_state(rig: Rig) -> None:
    sales_order_id = await rig.sell()
    records = {
        ("inventory_updated", STOCK): await rig.stock(),
        ("order_status_changed", ORDERS): await rig.flows.bng.admin(
            "POST", "/status", SalesOrderID=sales_order_id, OrderStatus=30
        ),
        ("shipment_created", SHIPMENTS): await rig.ship(),
    }
    for (kind, resource), record in records.items():
        body = {name: record[name] for name in (*webhooks.HINTS, "ShipmentID") if name in record}
        told, listed = hint_of(kind, body, "msg-1", rig.store.read), listed_hint(resource, record, rig.store.read)
        assert told is not None
        assert told == listed
        assert told.event_key.count(record["UpdatedAt"]) == 1


async def test_what_the_next_poll_will_tell_of_is_left_to_it(rig: Rig, told: pytest.LogCaptureFixture) -> None:
    await rig.stock()
    assert (await rig.sweeper.run_once(STOCK)).found == 0
    assert "action=alert" not in told.text
    assert await rig.poller.run_once(STOCK) == 1


async def test_history_from_before_the_first_poll_is_not_replayed(rig: Rig) -> None:
    """What was there when the bridge was installed is counted, and left alone."""
    await rig.sell()
    shipment = await rig.ship()
    await rig.poll()
    await rig.store.write(lambda db: db.execute("DELETE FROM inbox").rowcount)
    await rig.backdate(SHIPMENTS, shipment, to_text(utc_now() - timedelta(hours=1)))
    assert (await rig.sweeper.run_once(SHIPMENTS)).found == 0
    assert [(row["entity_id"], row["excluded"]) for row in rig.rows("shipment")] == [
        (shipment["ShipmentID"], sweeper.HISTORY)
    ]


async def test_a_store_that_polled_before_there_were_sweeps_takes_its_watermark_for_the_first_poll(rig: Rig) -> None:
    await rig.stock()
    await rig.poll()
    await rig.store.write(lambda db: db.execute("DELETE FROM watermark WHERE name LIKE '%/first'").rowcount)
    await rig.store.write(lambda db: db.execute("DELETE FROM inbox").rowcount)
    assert (await rig.sweeper.run_once(STOCK)).found == 0
    await rig.poll()
    await rig.store.write(lambda db: db.execute("DELETE FROM inbox").rowcount)
    assert (await rig.sweeper.run_once(STOCK)).found == 0


async def test_a_bng_restored_from_a_backup_gives_a_version_twice_and_both_are_told_of(rig: Rig) -> None:
    await rig.flows.bng.admin("POST", "/backup")
    first = await rig.stock()
    await rig.poll()
    await rig.flows.bng.admin("POST", "/restore")
    second = await rig.stock()
    assert (first["Sequence"], first["Version"]) == (second["Sequence"], second["Version"])
    assert await rig.poller.run_once(STOCK) == 1
    await rig.flows.bng.admin("POST", "/restore")
    third = await rig.late(STOCK, await rig.stock())
    assert third["Version"] == first["Version"]
    assert (await rig.sweeper.run_once(STOCK)).found == 1


async def test_a_sweep_writes_down_what_bng_has(rig: Rig) -> None:
    """An order's day is the one that it has in its shop."""
    sales_order_id = await rig.sell(created_at="2026-03-02 10:15:00")
    shipment = await rig.ship()
    swept = [await rig.sweeper.run_once(resource) for resource in (ORDERS, SHIPMENTS, STOCK, CUSTOMERS)]
    assert [each.listed for each in swept] == [1, 1, 6, 1]
    (sales_order,), (sent,), (customer,) = (rig.rows(entity) for entity in ("sales_order", "shipment", "customer"))
    names = ("entity_id", "name", "day", "total", "currency", "state", "excluded")
    assert [sales_order[name] for name in names] == [
        sales_order_id, "shop1-74", "2026-03-02", "28.78", "EUR", "covered", "",
    ]  # fmt: skip
    assert [sent[name] for name in names] == [
        shipment["ShipmentID"], "", shipment["CreatedAt"][:10], "", "", "covered", "",
    ]  # fmt: skip
    assert (customer["name"], customer["day"]) == ("shop1-5", utc_now().date().isoformat())
    assert sweeper.swept_at(rig.store.read, ORDERS) is not None


async def test_a_row_follows_its_record_and_keeps_the_reason_for_which_it_was_left_out(rig: Rig) -> None:
    sales_order_id = await rig.sell()
    await rig.sweeper.run_once(ORDERS)
    await rig.store.write(lambda db: db.execute("UPDATE manifest SET excluded = 'why'").rowcount)
    await rig.flows.bng.patch(f"sales-orders/{sales_order_id}", Freight="6.00", Total="29.78")
    await rig.sweeper.run_once(ORDERS)
    assert [(row["total"], row["excluded"]) for row in rig.rows("sales_order")] == [("29.78", "why")]


async def test_more_records_than_fit_a_page_are_all_listed(rig: Rig) -> None:
    for number in range(120):
        await rig.stock(f"SKU-{number:03d}")
    assert (await rig.sweeper.run_once(STOCK)).listed == 126


async def test_a_sales_order_that_was_deleted_is_told_with_the_command_that_writes_it_again(
    rig: Rig, told: pytest.LogCaptureFixture
) -> None:
    sales_order_id = await rig.sell()
    await rig.sell(75)
    await rig.delete(sales_order_id)
    assert (await rig.sweeper.run_once(ORDERS)).gone == 1
    assert f"BNG no longer has 1 of our sales orders, such as {sales_order_id}" in rig.alert()
    assert "bridgectl resync order 74 --site shop1." in rig.alert()
    assert {row["entity_id"]: row["state"] for row in rig.rows("sales_order")}[sales_order_id] == "deleted"
    await rig.sweeper.run_once(ORDERS)
    assert (told.text.count("action=alert"), told.text.count("state=gone")) == (1, 1)


async def test_another_sales_order_that_goes_is_told_anew(rig: Rig, told: pytest.LogCaptureFixture) -> None:
    for order_id in (74, 75):
        await rig.delete(await rig.sell(order_id))
        await rig.sweeper.run_once(ORDERS)
    assert "BNG no longer has 2 of our sales orders" in rig.alert()
    assert told.text.count("action=alert ") == 2


async def test_a_sales_order_that_came_back_is_no_longer_told(rig: Rig) -> None:
    await rig.sell()
    await rig.flows.bng.admin("POST", "/backup")
    await rig.delete((await rig.flows.bng.records("sales_orders"))[0]["SalesOrderID"])
    await rig.sweeper.run_once(ORDERS)
    assert rig.alert()
    await rig.flows.bng.admin("POST", "/restore")
    assert (await rig.sweeper.run_once(ORDERS)).gone == 0
    assert (rig.alert(), [row["state"] for row in rig.rows("sales_order")]) == ("", ["covered"])


async def test_a_restored_bng_lost_the_order_also_when_its_number_is_another_order_s_now(rig: Rig) -> None:
    """The customer is in the copy, the order is not."""
    await rig.sell(73)
    await rig.flows.bng.admin("POST", "/backup")
    lost = await rig.sell(74)
    await rig.flows.bng.admin("POST", "/restore")
    assert await rig.sell(75) == lost
    assert (await rig.sweeper.run_once(ORDERS)).gone == 1
    assert "shop1 order 74" in rig.alert()


async def test_an_order_that_the_list_does_not_show_is_not_called_gone_before_it_was_asked_for(rig: Rig) -> None:
    sales_order_id = await rig.sell()
    (sales_order,) = await rig.flows.bng.records("sales_orders")
    await rig.backdate(ORDERS, sales_order, to_text(utc_now() - timedelta(days=8)))
    assert (await rig.sweeper.run_once(ORDERS)) == Swept(ORDERS, 0, 0, 0)
    assert [row["entity_id"] for row in rig.rows("sales_order")] == [sales_order_id]


async def test_an_order_from_before_the_time_that_is_swept_is_not_missed(rig: Rig) -> None:
    sales_order_id = await rig.sell()
    old = to_text(utc_now() - timedelta(days=8))
    facts = f'{{"CreatedAt": "{old}"}}'
    await rig.store.write(lambda db: db.execute("UPDATE binding SET facts = ?", (facts,)).rowcount)
    await rig.delete(sales_order_id)
    before = await rig.flows.bng.calls("GET /api/v1/sales-orders/{id}")
    assert (await rig.sweeper.run_once(ORDERS)).gone == 0
    assert await rig.flows.bng.calls("GET /api/v1/sales-orders/{id}") == before


async def test_a_sweep_that_fails_is_not_taken_for_one(rig: Rig) -> None:
    await rig.flows.bng.fault("cut_before", method="GET", path="/shipments$", count=2)
    with pytest.raises(TargetUnavailable):
        await rig.sweeper.run_once(SHIPMENTS)
    assert sweeper.swept_at(rig.store.read, SHIPMENTS) is None


async def test_a_record_in_another_form_fails_the_sweep_and_not_the_daemon(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pages(_resource: str, **_filters: str) -> AsyncIterator[dict[str, Any]]:
        yield {"ShipmentID": "SH-1"}

    monkeypatch.setattr(rig.flows.bng.client, "pages", pages)
    with pytest.raises(TargetUnavailable, match="UpdatedAt"):
        await rig.sweeper.run_once(SHIPMENTS)


async def test_a_sales_order_in_another_form_that_may_be_gone_fails_the_sweep_and_not_the_daemon(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales_order_id = await rig.sell()
    await rig.delete(sales_order_id)

    async def get(_path: str) -> dict[str, Any]:
        return {"Number": 7}

    monkeypatch.setattr(rig.flows.bng.client, "get", get)
    with pytest.raises(TargetUnavailable, match=f"sales-orders {sales_order_id} in a form that cannot be read"):
        await rig.sweeper.run_once(ORDERS)


async def test_a_list_that_cannot_be_read_holds_up_no_other_and_is_tried_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = rig.other_sweeper(interval_s=0.001)
    swept: list[str] = []

    async def run_once(resource: str) -> Swept:
        swept.append(resource)
        if set(swept) == set(sweeper.RESOURCES) and swept.count(SHIPMENTS) > 2:
            raise Enough
        if resource == SHIPMENTS:
            raise TargetUnavailable("down")
        return Swept(resource, 0, 0, 0)

    monkeypatch.setattr(often, "run_once", run_once)
    with pytest.raises(ExceptionGroup) as raised:
        await often.run()
    assert raised.group_contains(Enough)


async def test_a_sweep_may_be_switched_off(rig: Rig) -> None:
    await rig.other_sweeper(interval_s=0).run()
    assert sweeper.swept_at(rig.store.read, STOCK) is None


async def test_a_discarded_dead_letter_stays_so_for_all_that_the_sweep_lists(rig: Rig) -> None:
    await rig.stock()
    await rig.poll()
    await rig.store.write(lambda db: db.execute("UPDATE inbox SET state = 'dead'").rowcount)
    seq = rig.store.read.execute("SELECT max(seq) FROM inbox").fetchone()[0]
    await rig.store.write(lambda db: inbox.discard(db, seq, "not ours", at(0)))
    await rig.stock("TEE-S")
    await rig.poll()
    await rig.sweeper.run_once(STOCK)
    assert [row["state"] for row in rig.store.read.execute("SELECT state FROM inbox WHERE seq = ?", (seq,))] == [
        "discarded"
    ]
    assert rig.hints().count("stock/MAIN|MUG-WHITE") == 1
