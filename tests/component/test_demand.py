"""`bridgectl report demand` over a sandbox BNG: what open orders want, and what is on hand and on its way."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.component.test_admin import Bridge, bridge
from tests.support.bridge import at

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.demand import survey
from bridge_sandbox.bng import samples

__all__ = ["bridge"]
MUG, POT = "MUG-WHITE", "POT 12CM"


class Shelf:
    """What BNG and the bridge know in a test: orders of ours with their bindings, stock, and purchase orders."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._numbers = iter(range(74, 200))

    async def order(self, *lines: samples.Line, is_ours: bool = True) -> dict[str, Any]:
        number = next(self._numbers)
        order = await self._bridge.bng.admin(
            "POST",
            "/records/sales_orders",
            **samples.order(await self._customer(), *lines, ExternalID=f"shop1-{number}"),
        )
        if is_ours:
            facts = {"OrderStatus": 10, "CreatedAt": order["CreatedAt"]}
            await self.bind(f"shop1/order/{number}/sales_order", "bng", "sales_order", order["SalesOrderID"], facts)
        return dict(order)

    async def bind(self, key: str, target: str, entity: str, target_id: str, facts: dict[str, Any]) -> None:
        bound = Binding(key, "shop1", target, entity, target_id, "", "", "", facts)
        await self._bridge.store.write(lambda db: bindings.put(db, bound, at(0)))

    async def ship(self, order: dict[str, Any], line: int, quantity: str) -> None:
        lines = [{"LineNo": line, "Quantity": quantity}]
        await self._bridge.bng.admin("POST", "/ship", SalesOrderID=order["SalesOrderID"], Lines=lines)

    async def stock(self, sku: str, on_hand: str) -> None:
        await self._bridge.bng.admin("POST", "/stock", SKU=sku, QuantityOnHand=on_hand)

    async def buy(self, sku: str, quantity: str, day: str | None = None) -> str:
        vendor = await self._bridge.bng.admin("POST", "/records/vendors", Name="Pottery")
        body = samples.purchase_order(vendor["VendorID"], (sku, quantity, "3.50"), ExpectedDate=day)
        order = await self._bridge.bng.admin("POST", "/records/purchase_orders", **body)
        return str(order["PurchaseOrderID"])

    async def receive(self, purchase_order_id: str, quantity: str) -> None:
        lines = [{"LineNo": 1, "Quantity": quantity}]
        await self._bridge.bng.admin("POST", "/receive", PurchaseOrderID=purchase_order_id, Lines=lines)

    async def _customer(self) -> str:
        found = await self._bridge.bng.records("customers")
        return str(found[0]["CustomerID"]) if found else await self._bridge.bng.customer()


@pytest.fixture
def shelf(bridge: Bridge) -> Shelf:
    return Shelf(bridge)


async def told(bridge: Bridge, *options: str) -> dict[str, Any]:
    """By SKU."""
    ended = await bridge.ctl("report", "demand", "--json", *options)
    return {line["sku"]: line for line in ended.json()["lines"]}


@pytest.fixture(params=[survey.MOST_BY_ID, 0], ids=["few orders", "many orders"])
def most_by_id(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(survey, "MOST_BY_ID", request.param)
    return int(request.param)


@pytest.mark.usefixtures("most_by_id")
async def test_what_is_not_shipped_of_our_open_orders_is_set_against_stock_and_purchase_orders(
    bridge: Bridge, shelf: Shelf
) -> None:
    first = await shelf.order((MUG, "5", "9.99"), (POT, "2", "17.55"))
    await shelf.order((MUG, "4", "9.99"))
    await shelf.order((MUG, "50", "9.99"), is_ours=False)
    await shelf.ship(first, 1, "3")
    await shelf.stock(MUG, "1")
    late, early = await shelf.buy(MUG, "9", "2026-12-24"), await shelf.buy(MUG, "4", "2026-12-09")
    await shelf.receive(early, "2")
    found = await told(bridge)
    assert found[MUG] == {
        "sku": MUG, "warehouse": "MAIN", "verdict": "expected", "orders": 2, "ordered": "6", "on_hand": "3",
        "expected_on": "2026-12-24", "short": "0", "purchase_orders": [
            {"purchase_order_id": early, "quantity": "2", "expected_on": "2026-12-09"},
            {"purchase_order_id": late, "quantity": "9", "expected_on": "2026-12-24"},
        ],
    }  # fmt: skip
    assert (found[POT]["verdict"], found[POT]["ordered"], found[POT]["purchase_orders"]) == ("covered", "2", [])


@pytest.mark.usefixtures("most_by_id")
async def test_what_is_short_ends_with_1_and_stands_first(bridge: Bridge, shelf: Shelf) -> None:
    await shelf.order((MUG, "5", "9.99"), (POT, "2", "17.55"))
    await shelf.stock(POT, "0")
    await shelf.buy(POT, "1")
    ended = await bridge.ctl("report", "demand")
    assert ended.code == 1
    line = ended.out.splitlines()[1]
    assert line.split("  ")[0] == POT
    assert line.endswith("short by 1")
    assert "1 some day (PO-100001)" in line


Change = Callable[[Bridge, Shelf, dict[str, Any]], Any]


async def completed_at_bng(bridge: Bridge, _: Shelf, order: dict[str, Any]) -> None:
    await bridge.bng.admin("POST", "/status", SalesOrderID=order["SalesOrderID"], OrderStatus=40)


async def told_to_the_shop(_: Bridge, shelf: Shelf, order: dict[str, Any]) -> None:
    """BNG is not asked about it again."""
    number = order["ExternalID"].removeprefix("shop1-")
    await shelf.bind(f"shop1/order/{number}/order_status", "magento", "order_status", number, {"OrderStatus": 40})


async def cancelled(_: Bridge, shelf: Shelf, order: dict[str, Any]) -> None:
    number = order["ExternalID"].removeprefix("shop1-")
    await shelf.bind(f"shop1/order/{number}/cancellation", "bng", "cancellation", order["SalesOrderID"], {})


async def deleted_at_bng(bridge: Bridge, _: Shelf, order: dict[str, Any]) -> None:
    await bridge.bng.admin("DELETE", f"/records/sales_orders/{order['SalesOrderID']}")


@pytest.mark.parametrize("change", [completed_at_bng, told_to_the_shop, cancelled, deleted_at_bng])
@pytest.mark.usefixtures("most_by_id")
async def test_an_order_that_is_over_wants_nothing(bridge: Bridge, shelf: Shelf, change: Change) -> None:
    order = await shelf.order((MUG, "5", "9.99"))
    await change(bridge, shelf, order)
    ended = await bridge.ctl("report", "demand")
    assert (ended.code, ended.out) == (0, "no open order wants anything\n")


@pytest.mark.usefixtures("most_by_id")
async def test_a_service_has_no_line_and_goods_without_stock_are_missing(bridge: Bridge, shelf: Shelf) -> None:
    await bridge.bng.product("NEW", Name="New")
    await shelf.order(("ROUNDING", "1", "0.01"), ("SET-FIXED", "1", "96.55"), ("NEW", "3", "1.00"))
    found = await told(bridge)
    assert found.keys() == {"NEW"}
    assert (found["NEW"]["on_hand"], found["NEW"]["short"]) == ("0", "3")


async def test_a_site_that_is_not_there_is_told(bridge: Bridge) -> None:
    ended = await bridge.ctl("report", "demand", "--site", "shop9")
    assert ended.code == 1
    assert "There is no site shop9." in ended.err


async def test_a_bng_that_is_down_ends_with_1_and_says_so(bridge: Bridge, shelf: Shelf) -> None:
    await shelf.order((MUG, "5", "9.99"))
    await bridge.bng.fault("status", status=500, count=20)
    ended = await bridge.ctl("report", "demand", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err
