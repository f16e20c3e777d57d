"""The shop's database is put back to a backup and the shop goes on selling: ids and numbers stand for other orders now."""

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.bng.profile import POOREST
from bridge_sandbox.book import Book, shop_shipments
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan, database_name
from bridge_sandbox.stage import Stage
from bridge_sandbox.watch import wait_for_sales_order, wait_for_shop_shipment, wait_for_shop_stock, wait_until_settled

pytestmark = pytest.mark.acceptance
PLANS = {
    "keys": Plan(poll_interval_s=2.0),
    "no-keys": Plan(poll_interval_s=2.0, profile=POOREST),
    "hosted": Plan(poll_interval_s=2.0, hosted=("shop1",), direct=("shop1",)),
}


def test_a_restored_shop_is_held_and_goes_on_when_an_operator_says_so(stage: Stage) -> None:
    """Given orders before the backup, one of them shipped only after it; and orders after the backup, which are lost."""
    customer_id = register(stage, "before@example.com")
    kept = [stage.shop.checkout("simple", customer_id=customer_id) for _ in range(3)]
    kept_at_bng = [wait_for_sales_order(stage, order) for order in kept]
    wait_until_settled(stage)
    dump = back_up(stage)
    shipped_later = stage.bng.ship(kept_at_bng[1]["ExternalID"], ["AFTER THE BACKUP"])
    lost_customer = register(stage, "lost@example.com")
    lost = [stage.shop.checkout("mixed", customer_id=lost_customer) for _ in range(3)]
    lost_at_bng = [wait_for_sales_order(stage, order) for order in lost]
    stage.bng.set_stock("NUT+M4", WAREHOUSE, 66_666)
    wait_until_settled(stage)
    before = stage.bng.book()

    restore(stage, dump)
    new_customer = register(stage, "new@example.com")
    new = stage.shop.checkout("us", customer_id=new_customer)
    assert (new["order_id"], new_customer) == (lost[0]["order_id"], lost_customer)

    # When the first of the new orders comes, the site is held: nothing more of it is written, in either direction.
    wait_until("the site to be held", lambda: site(stage)["state"] == "held", timeout_s=20)
    assert "bridgectl site restored" in site(stage)["detail"]
    second = stage.shop.checkout("simple", customer_id=new_customer)
    wait_until("the second one to wait", lambda: site(stage)["inbox_pending"] >= 1, timeout_s=20)
    stage.kill("bridge")
    stage.start("bridge")
    wait_until("the site to be held after a restart, too", lambda: site(stage)["state"] == "held", timeout_s=20)
    assert records(stage, lost_at_bng) == records_in(before, lost_at_bng)

    # Then the operator says so.
    said = json.loads(stage.bridgectl("site", "restored", "shop1", "--yes", "--json"))
    assert [each["sales_order_id"] for each in said["lost"]] == [each["SalesOrderID"] for each in lost_at_bng]
    for order in (new, second):
        found = wait_for_named(stage, f"shop1-{order['order_id']}-r1")
        assert Decimal(found["Total"]) == Decimal(order["grand_total"])
    assert records(stage, lost_at_bng) == records_in(before, lost_at_bng)
    wait_for_shop_shipment(stage, shipped_later)
    wait_for_shop_stock(stage, "NUT+M4", 66_666)
    wait_until("nothing to be under way", stage.is_idle, timeout_s=60)
    assert site(stage)["state"] == "online"
    assert site(stage)["dead"] == 0
    names = [each["ExternalID"] for each in stage.bng.book()["sales_orders"]]
    assert len(names) == len(set(names))
    assert emails(stage)[f"shop1-{lost_customer}"] == "lost@example.com"
    assert emails(stage)[f"shop1-{new_customer}-r1"] == "new@example.com"

    # What BNG ships for the new order reaches it; what it ships for the lost one reaches nobody's order.
    for_new = stage.bng.ship(f"shop1-{new['order_id']}-r1", ["FOR THE NEW ONE"])
    for_lost = stage.bng.ship(lost_at_bng[0]["ExternalID"], ["FOR THE LOST ONE"])
    wait_for_shop_shipment(stage, for_new)
    wait_until("nothing to be under way", stage.is_idle, timeout_s=30)
    assert for_lost["ShipmentID"] not in shop_shipments(stage.shop.book())
    assert len(json.loads(stage.bridgectl("site", "lost", "shop1", "--json"))) == 3
    assert len(shop_shipments(stage.shop.book())[shipped_later["ShipmentID"]]) == 1


def register(stage: Stage, email: str) -> int:
    customer = {"email": email, "firstname": "Ida", "lastname": "Brandt", "website_id": 1, "store_id": 1, "group_id": 1}
    created: int = stage.api().post("/rest/V1/customers", customer=customer)["id"]
    return created


def back_up(stage: Stage) -> Path:
    dump = stage.folder / "shop.sql"
    with dump.open("wb") as out:
        command = ["mariadb-dump", *login(stage), "--triggers", "--routines", database_name(stage.site)]
        subprocess.run(command, stdout=out, check=True)
    return dump


def restore(stage: Stage, dump: Path) -> None:
    """As an operator does it: shop and agent stopped, the dump read in, both started again."""
    for name in ("agent", "shop"):
        stage.stop(name)
    with dump.open("rb") as text:
        subprocess.run(["mariadb", *login(stage), database_name(stage.site)], stdin=text, check=True)
    stage.start("shop")
    stage.program("shop").wait_for_log(r"(?m)^ready http", 30)
    stage.start("agent")
    stage.wait_until_welcomed()


def login(stage: Stage) -> list[str]:
    return [f"--socket={stage.mariadb.socket}", "--user=root"]


def site(stage: Stage) -> dict[str, Any]:
    answer = stage.bridgectl("status", "--json").strip()
    found: dict[str, Any] = json.loads(answer)["sites"][0] if answer else {"state": "", "inbox_pending": 0}
    return found


def wait_for_named(stage: Stage, external_id: str) -> JsonObject:
    def find() -> Book | None:
        return next((each for each in stage.bng.book()["sales_orders"] if each["ExternalID"] == external_id), None)

    found = wait_until(f"sales order {external_id}", find, timeout_s=30)
    assert found is not None
    return found


def records(stage: Stage, sales_orders: list[Book]) -> list[Book]:
    return records_in(stage.bng.book(), sales_orders)


def records_in(book: Book, sales_orders: list[Book]) -> list[Book]:
    ids = {each["SalesOrderID"] for each in sales_orders}
    return [each for each in book["sales_orders"] if each["SalesOrderID"] in ids]


def emails(stage: Stage) -> dict[str, str]:
    return {each["ExternalID"]: each["Email"] for each in stage.bng.book()["customers"] if each["ExternalID"]}
