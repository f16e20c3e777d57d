"""BNG's stock beside a shop's: what agrees, why the rest does not, and that what nothing explains is written again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, site
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge import inbox
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.config import StockCheck as Section
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.inbox import Hint
from bng_bridge.sources.hints import shipment_hint
from bng_bridge.stock_check import comparison, report
from bng_bridge.stock_check.report import Report
from bng_bridge.stock_check.stock_check import StockCheck
from bng_bridge.worker import Worker
from bridge_sandbox.catalogue import BY_SKU
from bridge_sandbox.mariadb import MariaDB

pytestmark = pytest.mark.integration
SKU = "TEE-S"
COUNTED = ("TEE-S", "NUT+M4", "LAMP/DESK 1")
Opened = Callable[..., Any]


@dataclass
class Rig:
    flows: FlowRig
    shop: ShopRig
    check: StockCheck
    alerts: list[str]

    async def count(self, on_hand: int, sku: str = SKU) -> None:
        await self.flows.bng.admin("POST", "/stock", SKU=sku, Warehouse="MAIN", QuantityOnHand=str(on_hand))

    async def tell(self, sku: str = SKU) -> None:
        number = self.flows.claimed("x", "", {}).seq
        await self.flows.hint(stock_hint(sku, "MAIN", f"test/{number}"))

    async def change_in_shop(self, quantity: int, sku: str = SKU) -> None:
        item = {"sku": sku, "source_code": "default", "quantity": quantity, "status": 1}
        await self.shop.client.write("POST", "/V1/inventory/source-items", {"sourceItems": [item]}, "by hand")

    async def compare(self, *, repairs: bool = True) -> Report:
        return await self.check.run_once(repairs=repairs)

    async def run_hints(self) -> list[str]:
        """Those that wait, through their flows."""
        claimed = await self.flows.store.write(lambda db: inbox.claim(db, "9999", 100))
        for event in claimed:
            outcome = await self.flows.run(event)
            await self.flows.store.write(
                partial(inbox.settle, event=event, state=outcome.state, started_at=at(1), now=at(1))
            )
        return [event.entity_id for event in claimed]


@pytest.fixture
def opened(tmp_path: Path, mariadb: MariaDB) -> Opened:
    @asynccontextmanager
    async def make(*, has_sources: bool = True, **settings: Any) -> AsyncIterator[Rig]:
        config = site(stock_check=Section(grace_s=0), **settings)
        async with (
            running_shop_rig(mariadb, new_account(mariadb), config, has_sources=has_sources) as shop,
            flow_rig(tmp_path, shop, sites={"shop1": config}) as flows,
        ):
            told: list[str] = []
            alerts = Alerts(lambda notice: told.append(notice.subject))
            worker = Worker(flows.store, flows.run, slots=1)
            rig = Rig(flows, shop, StockCheck(flows.context, "shop1", flows.store, worker, alerts), told)
            for sku, product in BY_SKU.items():
                if product.kind == "simple":
                    await rig.count(20, sku)
                    await rig.tell(sku)
            yield rig

    return make


async def test_what_was_written_and_has_not_changed_agrees_without_asking_much(opened: Opened) -> None:
    async with opened() as rig:
        before = await rig.flows.bng.calls("GET /api/v1/shipments")
        found = await rig.compare()
        assert (found.error, found.differences, found.unexplained) == ("", [], 0)
        assert found.compared == found.agree > 3
        assert await rig.flows.bng.calls("GET /api/v1/shipments") == before


async def test_a_quantity_that_somebody_changed_in_the_shop_is_unexplained_and_written_again(opened: Opened) -> None:
    async with opened() as rig:
        await rig.change_in_shop(17)
        found = await rig.compare()
        (difference,) = found.differences
        assert (difference.sku, difference.expected, difference.shop, difference.why) == (
            SKU,
            "20",
            "17",
            "unexplained",
        )
        assert (found.unexplained, found.repaired) == (1, 1)
        (told,) = rig.alerts
        assert "1 quantities of shop1 are not what BNG's stock makes them, such as TEE-S: 17 in place of 20" in told
        assert await rig.run_hints() == [f"MAIN|{SKU}"]
        assert await rig.shop.quantity(SKU) == 20
        assert (await rig.compare()).unexplained == 0
        assert report.last(rig.flows.store.read, "shop1")["unexplained"] == 0  # type: ignore[index]


async def test_it_is_only_told_where_nothing_shall_be_written_again(opened: Opened) -> None:
    async with opened() as rig:
        await rig.change_in_shop(17)
        found = await rig.compare(repairs=False)
        assert (found.unexplained, found.repaired) == (1, 0)
        assert await rig.run_hints() == []


async def test_a_change_that_neither_webhook_nor_poll_told_of_is_found(opened: Opened) -> None:
    async with opened() as rig:
        await rig.count(33)
        found = await rig.compare()
        assert [(each.expected, each.shop, each.why) for each in found.differences] == [("33", "20", "unexplained")]
        await rig.run_hints()
        assert await rig.shop.quantity(SKU) == 33


async def test_a_change_that_is_on_its_way_is_pending_and_one_in_the_dead_letters_is_told_as_that(
    opened: Opened,
) -> None:
    async with opened() as rig:
        await rig.count(33)
        hint = stock_hint(SKU, "MAIN", "test/late")
        await rig.flows.store.write(lambda db: inbox.put_hint(db, hint, at(0)))
        assert [each.why for each in (await rig.compare()).differences] == ["pending"]
        await bury(rig, hint)
        assert [each.why for each in (await rig.compare()).differences] == ["dead letter"]


async def test_a_shipment_that_the_shop_has_not_made_yet_explains_why_it_has_more_than_bng(opened: Opened) -> None:
    async with opened() as rig:
        order = await rig.shop.checkout(lines=[{"sku": SKU, "qty": 3}])
        await rig.flows.order(order)
        made = await rig.flows.bng.admin("POST", "/ship", ExternalID=f"shop1-{order['entity_id']}")
        hint = shipment_hint(made, rig.flows.store.read)
        await rig.flows.store.write(lambda db: inbox.put_hint(db, hint, at(0)))
        await rig.tell()
        found = await rig.compare()
        assert [(each.bng, each.expected, each.shop, each.why) for each in found.differences] == [
            ("17", "20", "20", "shipment not in shop")
        ]
        assert found.unexplained == 0


async def test_open_orders_explain_why_the_shop_has_more_than_is_available(opened: Opened) -> None:
    async with opened(stock_policy="compensate") as rig:
        await rig.flows.order(await rig.shop.checkout(lines=[{"sku": SKU, "qty": 3}]))
        await rig.tell()
        found = await rig.compare()
        assert [(each.bng, each.expected, each.shop, each.why) for each in found.differences] == [
            ("17", "20", "20", "open orders")
        ]


async def test_less_than_nothing_is_told_as_refused(opened: Opened) -> None:
    async with opened() as rig:
        await rig.count(-2)
        (difference,) = (await rig.compare()).differences
        assert difference.why.startswith("refused: ")
        assert await rig.run_hints() == []


async def test_goods_that_the_shop_does_not_sell_are_no_difference(opened: Opened) -> None:
    async with opened() as rig:
        await rig.count(5, "ELSEWHERE")
        found = await rig.compare()
        assert (found.not_sold, found.differences) == (1, [])


async def test_a_shop_without_sources_is_compared_item_by_item(opened: Opened) -> None:
    async with opened(has_sources=False) as rig:
        await rig.shop.checkout(lines=[{"sku": SKU, "qty": 3}])
        found = await rig.compare()
        assert [(each.expected, each.shop, each.why) for each in found.differences] == [("17", "17", "open orders")]
        body = {"stockItem": {"qty": 4, "is_in_stock": True}}
        await rig.shop.client.write("PUT", f"/V1/products/{SKU}/stockItems/1", body, "by hand")
        assert [each.why for each in (await rig.compare()).differences] == ["unexplained"]
        await rig.run_hints()
        assert await rig.shop.quantity(SKU) == 17


async def test_the_list_is_read_in_pages(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "PAGE", 2)
    async with opened() as rig:
        for sku in COUNTED:
            await rig.change_in_shop(1, sku)
        found = await rig.compare()
        assert {each.sku for each in found.differences} == set(COUNTED)
        assert sorted(await rig.run_hints()) == sorted(f"MAIN|{sku}" for sku in COUNTED)


async def test_more_differences_than_a_report_shows_are_counted(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MOST_SHOWN", 1)
    async with opened() as rig:
        for sku in COUNTED:
            await rig.change_in_shop(1, sku)
        found = await rig.compare()
        assert (len(found.differences), found.not_shown, found.unexplained, found.repaired) == (1, 2, 3, 3)


async def test_a_shop_that_is_away_ends_it_early_and_what_was_found_before_is_kept(opened: Opened) -> None:
    async with opened() as rig:
        await rig.compare()
        await rig.shop.fault("status", status=503, path="/source-items", count=0)
        assert "503" in (await rig.compare()).error
        kept = report.last(rig.flows.store.read, "shop1")
        assert kept is not None
        assert kept["error"] == ""
        await rig.shop.clear_faults()


async def test_an_item_that_nobody_can_read_is_told_of_and_holds_up_no_other(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as rig:
        listed = rig.flows.bng.client.pages

        async def pages(resource: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
            async for item in listed(resource, **filters):
                is_odd = resource == "inventory-items" and item["SKU"] == SKU
                yield {**item, "QuantityOnHand": "many", "QuantityAvailable": "many"} if is_odd else item

        monkeypatch.setattr(rig.flows.bng.client, "pages", pages)
        report = await rig.compare()
        assert (report.error, report.compared > 1) == ("", True)
        (odd,) = [each for each in report.differences if each.why.startswith("unreadable")]
        assert odd.sku == SKU
        assert (
            f"the stock of {SKU} in MAIN, or an order or shipment that belongs to it, in a form that cannot" in odd.why
        )


async def bury(rig: Rig, hint: Hint) -> None:
    (event,) = await rig.flows.store.write(lambda db: inbox.claim(db, "9999", 100))
    assert event.event_key == hint.event_key
    await rig.flows.store.write(partial(inbox.settle, event=event, state="dead", started_at=at(1), now=at(1)))
