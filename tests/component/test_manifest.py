"""A pass over a real shop's lists against a real store: what is found missing, what is not, and that nothing is lost."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import event, opened, site, until
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge import bindings, inbox
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.bindings import Binding
from bng_bridge.config import Manifest as Section
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.manifest import mark
from bng_bridge.manifest.manifest import Manifest
from bng_bridge.manifest.report import Report
from bng_bridge.store import Store
from bridge_common.clock import to_text, utc_now
from bridge_common.event import Kind
from bridge_sandbox.mariadb import MariaDB, ShopAccount

CUSTOMER = {"firstname": "Ida", "lastname": "Brandt", "website_id": 1, "store_id": 1, "group_id": 1}


@pytest.fixture
def shop_account(mariadb: MariaDB) -> ShopAccount:
    """A shop of its own for each test: a pass lists everything."""
    return new_account(mariadb)


class Agent:
    """Behind the gateway: `waiting` is its outbox; what is asked for is inserted there.

    `before_answer` runs before it looks, `after_look` after that: before the bridge has its answer.
    """

    def __init__(self) -> None:
        self.after_look: Callable[[], Any] = lambda: None
        self.gateway = GatewayTransport("shop1", self._take)
        self.gateway.epoch = 1
        self.waiting: list[dict[str, str]] = []
        self.asked: list[list[dict[str, str]]] = []
        self.before_answer: Callable[[], Any] = lambda: None

    async def _take(self, _topic: str, payload: bytes, _expiry_s: float) -> None:
        request = json.loads(payload)
        if (happening := self.before_answer()) is not None:
            await happening
        self.asked.append(request["entities"])
        inserted = [pair for pair in request["entities"] if pair not in self.waiting]
        waiting = [pair for pair in request["entities"] if pair in self.waiting]
        body = {"inserted": inserted, "waiting": waiting, "at": to_text(utc_now())}
        self.waiting += inserted
        if (happening := self.after_look()) is not None:
            await happening
        answer = {"id": request["id"], "state": "done", "status": 200, "body": body}
        self.gateway.receive(json.dumps(answer).encode())


class Told(Alerts):
    """Keeps what was told."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        super().__init__(lambda notice: self.subjects.append(notice.subject))


@dataclass
class Rig:
    shop: ShopRig
    store: Store
    agent: Agent
    mariadb: MariaDB
    account: ShopAccount
    alerts: Told = field(default_factory=Told)
    _n: int = 0

    def __post_init__(self) -> None:
        self.configure()

    async def run(self) -> Report:
        report = await self.manifest.run_once()
        assert report.error == ""
        return report

    async def missing(self) -> list[str]:
        return sorted((await self.run()).missing)

    async def carry(
        self, entity: str, entity_id: int, *, kind: Kind = "snapshot", state: str = "done", reason: str = "",
        at: datetime | None = None,
    ) -> None:  # fmt: skip
        """An event of its state now, as the agent would send it; in the end in this state of the inbox.

        Stored at `at`, too, where that is still to come.
        """
        path = f"/V1/orders/{entity_id}" if entity == "order" else f"/V1/customers/{entity_id}"
        data = {} if kind != "snapshot" else await self.shop.client.get(path)
        self._n += 1
        made, published_at = event(self._n, entity=entity, entity_id=str(entity_id), kind=kind, data=data)
        made = replace(made, committed_at=utc_now(), captured_at=at or utc_now())
        now = to_text(max(at or utc_now(), utc_now()))

        def put(db: sqlite3.Connection) -> None:
            inbox.put_events(db, [(made, published_at)], now)
            if state == "pending":
                return
            (claimed,) = inbox.claim(db, now, 1)
            if state == "discarded":
                inbox.settle(db, claimed, "dead", started_at=now, now=now)
                inbox.discard(db, claimed.seq, reason, now)
            else:
                inbox.settle(db, claimed, state, started_at=now, now=now, reason=reason)

        await self.store.write(put)

    async def order(self, *, at: datetime | None = None, **options: Any) -> int:
        """Placed and carried."""
        order_id = await self.place(**options)
        await self.carry("order", order_id, at=at)
        return order_id

    async def place(self, **options: Any) -> int:
        return int((await self.shop.admin("POST", "/checkout", kind="simple", **options))["order_id"])

    async def register(self, mail: str = "ida@example.com") -> int:
        body = {"customer": {**CUSTOMER, "email": mail}}
        return int((await self.shop.client.write("POST", "/V1/customers", body, "r"))["id"])

    def row(self, entity: str, entity_id: int) -> dict[str, Any]:
        """The manifest's."""
        found = self.store.read.execute(
            "SELECT * FROM manifest WHERE source = 'magento' AND site = 'shop1' AND entity = ? AND entity_id = ?",
            (entity, str(entity_id)),
        ).fetchone()
        return dict(found)

    def listed_at(self) -> dict[str, str | None]:
        return {entity: mark.listed_at(self.store.read, "shop1", entity) for entity in ("order", "customer")}

    def sql(self, statement: str, *arguments: Any) -> None:
        with self.mariadb.connect_root(self.account.database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments)

    def configure(self, **changes: Any) -> None:
        """Other options of [sites.shop1]; `manifest` options beside the grace of 0."""
        manifest = Section(**{"grace_s": 0, **changes.pop("manifest", {})})
        self.shop.client.config = site(manifest=manifest, **changes)
        self.manifest = Manifest(self.shop.client, self.agent.gateway, self.store, self.alerts)


@pytest.fixture
async def rig(tmp_path: Path, mariadb: MariaDB, shop_account: ShopAccount) -> AsyncIterator[Rig]:
    agent = Agent()
    async with running_shop_rig(mariadb, shop_account, site()) as shop, opened(tmp_path / "bridge.sqlite") as store:
        yield Rig(shop, store, agent, mariadb, shop_account)


async def test_what_has_come_is_covered_and_has_its_row(rig: Rig) -> None:
    rig.configure(time_zone="Pacific/Kiritimati")
    order_id, customer_id = await rig.order(), await rig.register()
    await rig.carry("customer", customer_id)
    report = await rig.run()
    assert (report.listed, report.covered, report.asked, report.missing) == (2, 2, 0, [])
    document = await rig.shop.client.get(f"/V1/orders/{order_id}")
    assert document is not None
    order, customer = rig.row("order", order_id), rig.row("customer", customer_id)
    day = datetime.fromisoformat(f"{document['created_at']}+00:00") + timedelta(hours=14)
    assert (order["name"], order["day"]) == (document["increment_id"], day.date().isoformat())
    assert (order["total"], order["currency"]) == (f"{document['grand_total']:.2f}", "EUR")
    assert (order["state"], order["excluded"]) == ("covered", "")
    assert (customer["name"], customer["total"], customer["state"]) == ("ida@example.com", "", "covered")


async def test_of_an_unchanged_line_no_stored_document_is_read_again(rig: Rig) -> None:
    order_id = await rig.order()
    await rig.run()
    first = rig.row("order", order_id)
    await rig.store.write(lambda db: db.execute("UPDATE document SET data = 'not JSON'"))
    assert (await rig.run()).covered == 1
    second = rig.row("order", order_id)
    assert second["listed_at"] > first["listed_at"]
    assert {**second, "listed_at": ""} == {**first, "listed_at": ""}


async def test_an_order_that_never_came_is_asked_for_and_found_missing(rig: Rig) -> None:
    order_id = await rig.place()
    assert await rig.missing() == [f"order/{order_id}"]
    assert rig.agent.asked == [[{"entity": "order", "entity_id": str(order_id)}]]
    assert rig.row("order", order_id)["state"] == "asked"
    (alert,) = rig.alerts.active()
    assert (alert.key, "silent" in alert.subject) == ("outbox-silent/shop1", True)
    assert rig.alerts.subjects == ["1 changes of shop1 were missed by its capture: re-emitted", alert.subject]
    await rig.carry("order", order_id)
    assert await rig.missing() == []
    assert rig.row("order", order_id)["state"] == "covered"


async def test_the_outbox_is_silent_until_orders_come_again(rig: Rig) -> None:
    await rig.carry("order", await rig.place())
    await rig.place()
    await rig.run()
    assert len(rig.alerts.active()) == 1
    await rig.run()
    assert len(rig.alerts.active()) == 1
    await rig.order()
    await rig.run()
    assert rig.alerts.active() == []


async def test_an_older_order_that_was_missed_while_others_come_is_no_silence(rig: Rig) -> None:
    missed = await rig.place()
    await rig.order()
    assert await rig.missing() == [f"order/{missed}"]
    assert rig.alerts.active() == []


async def test_what_waits_at_the_agent_is_on_its_way(rig: Rig) -> None:
    order_id = await rig.place()
    rig.agent.waiting.append({"entity": "order", "entity_id": str(order_id)})
    report = await rig.run()
    assert (report.missing, report.asked, report.on_the_way) == ([], 0, 1)
    assert rig.alerts.active() == []


async def test_what_came_during_the_grace_is_not_asked_for(rig: Rig) -> None:
    order_id = await rig.place()
    rig.configure(manifest={"grace_s": 0.5})
    passing = asyncio.create_task(rig.run())
    await until("the order to be listed", lambda: rig.manifest.report.listed)
    await rig.carry("order", order_id)
    report = await passing
    assert (report.missing, report.asked, report.on_the_way) == ([], 0, 1)
    assert rig.agent.asked == []


async def test_what_came_while_the_agent_was_asked_was_just_late(rig: Rig) -> None:
    order_id = await rig.place()
    rig.agent.before_answer = lambda: rig.carry("order", order_id)
    report = await rig.run()
    assert (report.missing, report.asked, report.on_the_way) == ([], 0, 1)


async def test_an_event_that_comes_of_asking_before_the_answer_is_there_is_no_excuse(rig: Rig) -> None:
    order_id = await rig.place()
    rig.agent.after_look = lambda: rig.carry("order", order_id)
    assert await rig.missing() == [f"order/{order_id}"]
    rig.agent.after_look = lambda: None
    assert (await rig.run()).covered == 1


async def test_what_waits_in_the_inbox_is_neither_missing_nor_covered(rig: Rig) -> None:
    order_id = await rig.place()
    await rig.carry("order", order_id, state="pending")
    await rig.shop.admin("POST", "/address", order_id=order_id, city="Plön")
    report = await rig.run()
    assert (report.on_the_way, report.covered, report.missing) == (1, 0, [])
    assert rig.row("order", order_id)["digest"] == ""


async def test_an_edited_address_that_did_not_come_is_missing(rig: Rig) -> None:
    order_id = await rig.order(at=utc_now() - timedelta(seconds=5))
    assert await rig.missing() == []
    await rig.shop.admin("POST", "/address", order_id=order_id, city="Plön")
    assert await rig.missing() == [f"order/{order_id}"]
    assert rig.alerts.active() == []


async def test_a_customer_s_change_that_did_not_come_is_missing(rig: Rig) -> None:
    customer_id = await rig.register()
    await rig.carry("customer", customer_id, at=utc_now() - timedelta(seconds=5))
    assert await rig.missing() == []
    await rig.shop.admin("POST", "/customer", customer_id=customer_id, lastname="Voss")
    assert await rig.missing() == [f"customer/{customer_id}"]


@pytest.mark.parametrize("edit", ["address", "shipment"])
async def test_an_agent_whose_clock_was_a_day_ahead_hides_nothing_that_did_not_come(rig: Rig, edit: str) -> None:
    order_id, ahead = await rig.order(), to_text(utc_now() + timedelta(days=1))
    await rig.store.write(lambda db: db.execute("UPDATE inbox SET captured_at = ?", (ahead,)))
    assert await rig.missing() == []
    if edit == "address":
        await rig.shop.admin("POST", "/address", order_id=order_id, street=["Umzugsweg 1"])
    else:
        await ship(rig, order_id)
        rig.sql("UPDATE sales_shipment SET created_at = created_at + INTERVAL 1 MINUTE")
    assert await rig.missing() == [f"order/{order_id}"]


async def test_the_same_line_is_not_asked_for_once_an_event_has_come(rig: Rig) -> None:
    """Whatever keeps differing, the event is there: asking on would never end."""
    order_id = await rig.place()
    await rig.missing()
    await rig.carry("order", order_id)
    await rig.store.write(lambda db: db.execute("""UPDATE document SET data = replace(data, '"new"', '"gnu"')"""))
    rig.agent.waiting.clear()
    assert await rig.missing() == []
    assert rig.row("order", order_id)["state"] == "covered"
    assert len(rig.agent.asked) == 1


async def test_what_was_asked_for_and_did_not_come_is_asked_for_again(rig: Rig) -> None:
    order_id = await rig.place()
    await rig.missing()
    rig.agent.waiting.clear()
    assert await rig.missing() == [f"order/{order_id}"]
    assert len(rig.agent.asked) == 2


async def test_a_shipment_long_after_the_last_event_is_missing(rig: Rig) -> None:
    order_id = await rig.order(at=utc_now() - timedelta(minutes=1))
    await rig.run()
    await ship(rig, order_id)
    assert await rig.missing() == [f"order/{order_id}"]


async def test_a_shipment_in_the_second_of_the_last_event_is_asked_for_and_not_said_to_be_missing(rig: Rig) -> None:
    order_id = await rig.place()
    await ship(rig, order_id)
    await rig.carry("order", order_id)
    report = await rig.run()
    assert (report.asked, report.missing) == (1, [])
    await rig.carry("order", order_id)
    assert (await rig.run()).covered == 1


async def test_a_track_and_an_invoice_are_seen_by_their_times(rig: Rig) -> None:
    order_id = await rig.place()
    shipment_id = await ship(rig, order_id)
    await rig.carry("order", order_id, at=utc_now() + timedelta(minutes=1))
    assert (await rig.run()).covered == 1
    track = {"parent_id": shipment_id, "order_id": order_id, "track_number": "T", "title": "DHL", "carrier_code": "c"}
    await rig.shop.client.write("POST", "/V1/shipment/track", {"entity": track}, "r")
    rig.sql("UPDATE sales_shipment_track SET created_at = created_at + INTERVAL 2 HOUR")
    assert await rig.missing() == [f"order/{order_id}"]


async def test_an_old_order_with_a_new_shipment_is_listed(rig: Rig) -> None:
    order_id = await rig.order(at=utc_now() - timedelta(days=50))
    await ship(rig, order_id)
    rig.sql("UPDATE sales_order SET created_at = '2020-01-01 00:00:00', updated_at = '2020-01-01 00:00:00'")
    await rig.carry("order", order_id, at=utc_now() - timedelta(days=50))
    assert await rig.missing() == [f"order/{order_id}"]
    rig.configure(manifest={"order_days": 1})
    rig.sql("UPDATE sales_shipment SET created_at = '2020-01-01 00:00:00', updated_at = '2020-01-01 00:00:00'")
    assert (await rig.run()).listed == 0


async def test_a_deleted_customer_is_asked_for_as_deleted_until_its_tombstone_has_come(rig: Rig) -> None:
    first, deleted, last = [await rig.register(f"c{number}@example.com") for number in range(3)]
    for each in (first, deleted, last):
        await rig.carry("customer", each)
    await rig.run()
    await rig.shop.admin("DELETE", f"/customer/{deleted}")
    assert await rig.missing() == [f"customer/{deleted} D"]
    assert rig.agent.asked == [[{"entity": "customer", "entity_id": str(deleted), "op": "D"}]]
    assert rig.row("customer", deleted)["state"] == "asked"
    await rig.carry("customer", deleted, kind="tombstone")
    assert await rig.missing() == []
    assert rig.row("customer", deleted)["state"] == "deleted"
    assert rig.row("customer", deleted)["name"] == "c1@example.com"


async def test_a_customer_that_only_the_inbox_knows_is_found_deleted(rig: Rig) -> None:
    customer_id = await rig.register()
    await rig.carry("customer", customer_id)
    await rig.shop.admin("DELETE", f"/customer/{customer_id}")
    assert await rig.missing() == [f"customer/{customer_id} D"]


async def test_a_customer_that_only_an_order_brought_to_bng_is_found_deleted(rig: Rig) -> None:
    """Registered and deleted while the triggers were away; the guest beside it is nobody whom the shop could delete."""
    customer_id, kept = await rig.register(), await rig.register("b@example.com")
    for source_id in (str(customer_id), str(kept), "guest-bf1539cdd13a575b"):
        key = f"shop1/customer/{source_id}/customer"
        bound = Binding(key, "shop1", "bng", "customer", f"C-{source_id}", "", "", "", {})
        await rig.store.write(lambda db, bound=bound: bindings.put(db, bound, to_text(utc_now())))  # type: ignore[misc]
    await rig.carry("customer", kept)
    await rig.shop.admin("DELETE", f"/customer/{customer_id}")
    assert await rig.missing() == [f"customer/{customer_id} D"]


async def test_a_customer_that_the_list_lacks_and_the_shop_has_is_not_deleted(rig: Rig) -> None:
    customer_id = await rig.register()
    await rig.carry("customer", customer_id)
    await rig.run()
    get = rig.shop.client.get

    async def poor(path: str, query: dict[str, str] | None = None) -> dict[str, Any] | None:
        return {"items": None, "total_count": 0} if "customers/search" in path else await get(path, query)

    rig.shop.client.get = poor  # type: ignore[method-assign]
    assert await rig.missing() == []


@pytest.mark.parametrize("entity", ["order", "customer"])
async def test_of_many_that_a_list_lacks_each_has_its_turn_pass_after_pass(
    rig: Rig, entity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first are there when they are read alone: they do not hide the last, which is gone."""
    monkeypatch.setattr("bng_bridge.manifest.survey.MOST_GONE", 1)
    ids = [await (rig.place() if entity == "order" else rig.register(f"c{number}@example.com")) for number in range(3)]
    for each in ids:
        await rig.carry(entity, each)
    await rig.run()
    if entity == "order":
        rig.sql("DELETE FROM sales_order WHERE entity_id = %s", ids[-1])
    else:
        await rig.shop.admin("DELETE", f"/customer/{ids[-1]}")
    read = watch_reads_with_empty_lists(rig)
    assert [await rig.missing() for _ in range(3)] == [[], [], [f"{entity}/{ids[-1]} D"]]
    await rig.run()
    assert [path.rpartition("/")[2] for path in read] == [str(each) for each in (*ids, ids[0])]


def watch_reads_with_empty_lists(rig: Rig) -> list[str]:
    """The paths of single records that are read from now on; lists have nothing."""
    get, read = rig.shop.client.get, list[str]()

    async def poor(path: str, query: dict[str, str] | None = None) -> dict[str, Any] | None:
        if not path.rpartition("/")[2].isdecimal():
            return {"items": None, "total_count": 0}
        read.append(path)
        return await get(path, query)

    rig.shop.client.get = poor  # type: ignore[method-assign]
    return read


async def test_a_deleted_order_is_found_among_those_of_the_window(rig: Rig) -> None:
    order_id, _ = await rig.order(), await rig.order()
    await rig.run()
    rig.sql("DELETE FROM sales_order WHERE entity_id = %s", order_id)
    assert await rig.missing() == [f"order/{order_id} D"]


async def test_before_go_live_nothing_is_asked_for_and_the_row_says_so(rig: Rig) -> None:
    rig.configure(go_live_at=utc_now() + timedelta(days=1))
    order_id, customer_id = await rig.place(), await rig.register()
    assert await rig.missing() == []
    assert rig.row("order", order_id)["excluded"] == "before go-live"
    assert rig.row("customer", customer_id)["excluded"] == "before go-live"
    assert await rig.missing() == []


async def test_what_was_discarded_stays_excluded_with_its_reason_until_it_changes(rig: Rig) -> None:
    order_id = await rig.place()
    await rig.carry("order", order_id, state="discarded", reason="a test order", at=utc_now() - timedelta(seconds=5))
    assert await rig.missing() == []
    assert rig.row("order", order_id)["excluded"] == "discarded: a test order"
    await rig.shop.admin("POST", "/address", order_id=order_id, city="Plön")
    assert await rig.missing() == [f"order/{order_id}"]


async def test_what_was_cleaned_from_the_inbox_stays_covered(rig: Rig) -> None:
    order_id = await rig.place()
    await rig.carry("order", order_id, state="discarded", reason="a test order")
    await rig.run()
    await rig.store.write(lambda db: inbox.clean(db, "9999"))
    assert await rig.missing() == []
    assert rig.row("order", order_id)["excluded"] == "discarded: a test order"
    await rig.shop.admin("POST", "/address", order_id=order_id, city="Plön")
    assert await rig.missing() == [f"order/{order_id}"]


async def test_a_late_lower_version_is_not_taken_for_the_newest_state(rig: Rig) -> None:
    """Its row has the higher number in the inbox."""
    order_id = await rig.order()
    made, published_at = event(0, epoch=0, entity_id=str(order_id))
    await rig.store.write(lambda db: inbox.put_events(db, [(made, published_at)], to_text(utc_now())))
    report = await rig.run()
    assert (report.covered, report.missing) == (1, [])


async def test_the_customers_of_a_large_shop_are_listed_in_turn(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bng_bridge.magento.listing.PAGE_SIZE", 2)
    rig.configure(manifest={"customers_per_pass": 3})
    ids = [await rig.register(f"c{number}@example.com") for number in range(7)]
    for each in ids:
        await rig.carry("customer", each)
    assert [(await rig.run()).listed for _ in range(3)] == [4, 3, 4]
    await rig.shop.admin("DELETE", f"/customer/{ids[-1]}")
    assert await rig.missing() == [f"customer/{ids[-1]} D"]


async def test_a_whole_pass_says_since_when_the_shop_is_listed(rig: Rig) -> None:
    await rig.order()
    assert rig.listed_at() == {"order": None, "customer": None}
    began_at = (await rig.run()).began_at
    assert rig.listed_at() == {"order": began_at, "customer": began_at}


async def test_a_pass_that_does_not_come_to_its_end_leaves_the_shop_listed_as_before(rig: Rig) -> None:
    before = (await rig.run()).began_at
    await rig.place()
    rig.agent.gateway.online = False
    assert (await rig.manifest.run_once()).error
    await rig.shop.fault("status", status=503)
    assert (await rig.manifest.run_once()).error
    assert rig.listed_at() == {"order": before, "customer": before}


async def test_customers_listed_in_turn_are_listed_when_the_last_had_theirs(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bng_bridge.magento.listing.PAGE_SIZE", 2)
    rig.configure(manifest={"customers_per_pass": 3})
    for number in range(7):
        await rig.carry("customer", await rig.register(f"c{number}@example.com"))
    first = (await rig.run()).began_at
    assert rig.listed_at() == {"order": first, "customer": None}
    second = (await rig.run()).began_at
    assert rig.listed_at() == {"order": second, "customer": second}


async def test_while_the_agent_is_away_a_pass_ends_with_its_reason_and_the_next_one_finds_the_same(rig: Rig) -> None:
    order_id = await rig.place()
    rig.agent.gateway.online = False
    report = await rig.manifest.run_once()
    assert "the agent of shop1 is offline" in report.error
    assert report.ended_at
    rig.agent.gateway.online = True
    assert await rig.missing() == [f"order/{order_id}"]
    assert len(rig.alerts.active()) == 1


async def test_what_was_found_is_told_also_when_the_agent_leaves_in_between(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bng_bridge.manifest.inquiry.MOST_ENTITIES", 1)
    first, second = await rig.place(), await rig.place()
    rig.agent.before_answer = lambda: setattr(rig.agent.gateway, "online", False)
    report = await rig.manifest.run_once()
    assert (report.missing, "offline" in report.error) == ([f"order/{first}"], True)
    assert rig.alerts.subjects == ["1 changes of shop1 were missed by its capture: re-emitted"]
    rig.agent.gateway.online, rig.agent.before_answer = True, lambda: None
    assert await rig.missing() == [f"order/{second}"]


async def test_a_shop_that_is_away_ends_the_pass_and_changes_nothing(rig: Rig) -> None:
    order_id = await rig.order()
    await rig.run()
    before = rig.row("order", order_id)
    await rig.shop.fault("status", status=503)
    assert "503" in (await rig.manifest.run_once()).error
    await rig.shop.clear_faults()
    assert rig.row("order", order_id) == before


async def test_passes_that_cannot_be_ended_are_told_and_so_is_their_end(rig: Rig) -> None:
    await rig.shop.fault("status", status=500, count=10_000)
    for _ in range(4):
        await rig.manifest.run_once()
    assert rig.alerts.active() == []
    await rig.manifest.run_once()
    (alert,) = rig.alerts.active()
    assert (alert.key, "500" in alert.subject) == ("manifest-failing/shop1", True)
    await rig.shop.clear_faults()
    await rig.run()
    assert rig.alerts.active() == []


async def ship(rig: Rig, order_id: int) -> int:
    return int(await rig.shop.client.write("POST", f"/V1/order/{order_id}/ship", {}, "r"))
