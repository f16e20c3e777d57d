"""`bridgectl golive` over a real shop and a real BNG: looked at, bound, rehearsed; and nothing is written at either side."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.component.test_admin import Bridge, operated
from tests.support.bridge import site
from tests.support.shop import ShopRig, new_account, running_shop_rig

from bng_bridge import bindings
from bng_bridge.flows.keys import customer_key, sales_order_key
from bridge_sandbox.bng import samples
from bridge_sandbox.mariadb import MariaDB, ShopAccount

CUSTOMER = {"firstname": "Ida", "lastname": "Brandt", "website_id": 1, "store_id": 1, "group_id": 1}


@pytest.fixture
def account(mariadb: MariaDB) -> ShopAccount:
    """A shop of its own for each test: everything of it is listed."""
    return new_account(mariadb)


@pytest.fixture
async def shop(mariadb: MariaDB, account: ShopAccount) -> AsyncIterator[ShopRig]:
    async with running_shop_rig(mariadb, account, site()) as rig:
        yield rig


@pytest.fixture
async def bridge(tmp_path: Path, shop: ShopRig) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        made.running.context.magento["shop1"] = shop.client
        yield made


async def register(shop: ShopRig, mail: str) -> int:
    return int((await shop.client.write("POST", "/V1/customers", {"customer": {**CUSTOMER, "email": mail}}, "r"))["id"])


async def customer_at_bng(bridge: Bridge, **fields: str) -> str:
    body = samples.customer(**fields)
    await bridge.bng.client.create("customers", body, str(fields), accept=())
    return str((await bridge.bng.records("customers"))[-1]["CustomerID"])


async def order_at_bng(bridge: Bridge, external_id: str) -> str:
    customer_id = await customer_at_bng(bridge, Email=f"of-{external_id}@example.com")
    body = samples.order(customer_id, ExternalID=external_id)
    await bridge.bng.client.create("sales-orders", body, external_id, accept=())
    return str((await bridge.bng.records("sales_orders"))[-1]["SalesOrderID"])


async def golive(bridge: Bridge, *arguments: str, code: int = 0) -> dict[str, Any]:
    ended = await bridge.ctl("golive", *arguments, "--json")
    assert ended.code == code, ended.err
    return dict(ended.json())


# discover


async def test_it_shows_stores_and_proposes_tables_with_what_is_in_force_and_what_is_not(
    bridge: Bridge, shop: ShopRig
) -> None:
    placed = [await shop.checkout("simple") for _ in range(2)]
    await shop.admin("POST", "/cancel", order_id=placed[0]["entity_id"])
    found = await golive(bridge, "discover")
    assert (found["orders"], found["currencies"]) == (2, {"EUR": 2})
    (store,) = [each for each in found["stores"] if each["orders"]]
    assert (store["code"], store["currency"], store["orders"]) == ("default", "EUR", 2)
    state = found["seen"]["state"]
    assert (state["table"], state["is_in_force"]) == ("order_status", True)
    assert {each["value"]: (each["target"], each["is_mapped"]) for each in state["values"]} == {
        "new": ("10", True), "canceled": ("canceled", False),
    }  # fmt: skip
    method = found["seen"]["payment_method"]
    assert (method["table"], method["is_in_force"]) == ("payment_method", False)
    assert method["values"][0]["value"] == placed[0]["payment"]["method"]
    assert found["seen"]["carrier"]["values"][0]["value"] == "flatrate_flatrate"


async def test_what_it_prints_on_standard_output_is_yaml_to_paste(bridge: Bridge, shop: ShopRig) -> None:
    await shop.checkout("simple")
    ended = await bridge.ctl("golive", "discover")
    tables = yaml.safe_load(ended.out)["tables"]
    assert tables["order_status"] == {"new": 10}
    assert tables["ship_via"] == {"flatrate_flatrate": "flatrate_flatrate"}
    assert "not mapped yet" in ended.out
    assert "the last 1 orders: 1 in EUR" in ended.err


async def test_it_remarks_a_method_that_never_has_a_transaction_and_another_time_zone(
    bridge: Bridge, shop: ShopRig
) -> None:
    placed = await shop.checkout("simple")
    method = placed["payment"]["method"]
    config = bridge.running.config.sites["shop1"]
    bridge.running.config.sites["shop1"] = config.model_copy(
        update={"offline_methods": (), "time_zone": "Pacific/Kiritimati"}
    )
    remarks = (await golive(bridge, "discover"))["remarks"]
    assert any("time_zone of [sites.shop1] is Pacific/Kiritimati" in each for each in remarks)
    assert any(f"No order by {method} (1) has a transaction" in each for each in remarks)


async def test_only_the_last_orders_are_looked_at(bridge: Bridge, shop: ShopRig) -> None:
    for _ in range(3):
        await shop.checkout("simple")
    assert (await golive(bridge, "discover", "--orders", "2"))["orders"] == 2


# adopt


async def test_a_dry_run_tells_what_matches_and_binds_nothing(bridge: Bridge, shop: ShopRig) -> None:
    customer_id = await register(shop, "ida@example.com")
    await customer_at_bng(bridge, Email="ida@example.com")
    found = await golive(bridge, "adopt")
    assert (found["applied"], found["customers"]["matched"], found["customers"]["by"]) == (False, 1, {"e-mail": 1})
    assert bindings.get(bridge.store.read, customer_key("shop1", str(customer_id))) is None
    assert "Nothing was bound (dry run): add --apply." in (await bridge.ctl("golive", "adopt")).out


async def test_applied_customers_and_orders_are_bound_and_nothing_is_written(bridge: Bridge, shop: ShopRig) -> None:
    ours, by_mail = await register(shop, "ida@example.com"), await register(shop, "ole@example.com")
    ours_at_bng = await customer_at_bng(bridge, Email="other@example.com", ExternalID=f"shop1-{ours}")
    mail_at_bng = await customer_at_bng(bridge, Email="ole@example.com")
    order = await shop.checkout("simple")
    order_id = await order_at_bng(bridge, order["increment_id"])
    before = await bridge.bng.records("customers"), await bridge.bng.records("sales_orders")
    found = await golive(bridge, "adopt", "--apply")
    assert found["customers"]["by"] == {"ExternalID": 1, "e-mail": 1}
    assert found["orders"]["by"] == {"order number": 1}
    assert bound(bridge, customer_key("shop1", str(ours))) == (ours_at_bng, "")
    assert bound(bridge, customer_key("shop1", str(by_mail))) == (mail_at_bng, "")
    assert bound(bridge, sales_order_key("shop1", str(order["entity_id"]))) == (order_id, "")
    assert (await bridge.bng.records("customers"), await bridge.bng.records("sales_orders")) == before
    again = await golive(bridge, "adopt", "--apply")
    assert (again["customers"]["bound"], again["customers"]["matched"]) == (2, 0)


def bound(bridge: Bridge, target_key: str) -> tuple[str, str]:
    found = bindings.get(bridge.store.read, target_key)
    assert found is not None
    assert found.fingerprint
    return found.target_id, found.digest


async def test_what_matches_more_than_once_is_left_to_a_person(bridge: Bridge, shop: ShopRig) -> None:
    await register(shop, "ida@example.com")
    await customer_at_bng(bridge, Email="ida@example.com", LastName="One")
    await customer_at_bng(bridge, Email="ida@example.com", LastName="Two")
    found = await golive(bridge, "adopt", "--apply", code=1)
    assert (found["customers"]["matched"], found["customers"]["unclear"]) == (0, 1)
    assert found["customers"]["unclear_shown"] == [
        {"name": "ida@example.com", "why": "BNG has 2 with e-mail ida@example.com"}
    ]


async def test_one_record_is_not_bound_to_two(bridge: Bridge, shop: ShopRig) -> None:
    ours = await register(shop, "ida@example.com")
    await register(shop, "ole@example.com")
    await customer_at_bng(bridge, Email="ole@example.com", ExternalID=f"shop1-{ours}")
    found = await golive(bridge, "adopt", code=1)
    assert (found["customers"]["matched"], found["customers"]["unclear"]) == (0, 2)


async def test_a_record_that_is_bound_already_is_not_taken_from_its_owner(bridge: Bridge, shop: ShopRig) -> None:
    await register(shop, "ida@example.com")
    record_id = await customer_at_bng(bridge, Email="ida@example.com")
    owner = bindings.Binding("shop2/customer/9/customer", "shop2", "bng", "customer", record_id, "x", "", "", {})
    await bridge.store.write(lambda db: bindings.put(db, owner, "2026-01-01T00:00:00.000000Z"))
    assert (await golive(bridge, "adopt"))["customers"]["none"] == 1


# rehearse


async def test_the_last_orders_are_rehearsed_and_nothing_is_written(bridge: Bridge, shop: ShopRig) -> None:
    for kind in ("simple", "configurable"):
        await shop.checkout(kind)
    calls = await bridge.bng.calls()
    found = await golive(bridge, "rehearse")
    assert (found["documents"], found["outcomes"], found["refused"]) == (2, {"done": 2}, [])
    assert await bridge.bng.calls() == calls
    assert "2 tried: 2 done" in (await bridge.ctl("golive", "rehearse")).out


async def test_what_would_die_ends_the_rehearsal_with_1_and_says_why(
    bridge: Bridge, shop: ShopRig, mariadb: MariaDB, account: ShopAccount
) -> None:
    placed = await shop.checkout("simple")
    mariadb.execute_root(f"UPDATE `{account.database}`.sales_order SET base_grand_total = 0")
    found = await golive(bridge, "rehearse", code=1)
    (refused,) = found["refused"]
    assert refused["error"].startswith("dead: ")
    assert refused["examples"][0]["record"] == placed["increment_id"]
