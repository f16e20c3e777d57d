"""`bridgectl customer`, `conflicts`, `link` and `unlink` against the daemon's socket; the agent answers for the shop."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.component.test_admin import Bridge, operated
from tests.support.orders import order

from bng_bridge import bindings
from bng_bridge.bindings import Binding
from bng_bridge.merging import kept
from bng_bridge.merging.merge import Common, Conflict
from bridge_common import decimal_json
from bridge_common.clock import to_text, utc_now

KEY = "shop1/customer/5/customer"
MAIL = "ida@example.com"
IDA: dict[str, Any] = {
    "id": 5, "email": MAIL, "firstname": "Ida", "lastname": "Brandt", "created_at": "2026-03-01 00:00:00", "addresses": [],
}  # fmt: skip


def shop(request: dict[str, Any]) -> Any:
    """One customer with one order."""
    if request["path"] == "/V1/customers/search":
        return {"items": [IDA] if MAIL in request["query"].values() else []}
    if request["path"] == "/V1/orders":
        return {"items": [json.loads(decimal_json.dumps(order()))]}
    return IDA if request["path"] == "/V1/customers/5" else None


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with operated(tmp_path) as made:
        made.answers["rest"] = shop
        made.answers["reemit"] = {"inserted": [{"entity": "customer", "entity_id": "5"}], "waiting": [], "at": ""}
        yield made


async def at_bng(bridge: Bridge, **fields: Any) -> str:
    made = await bridge.bng.admin("POST", "/records/customers", **{"Email": MAIL, "LastName": "Tal", **fields})
    return str(made["CustomerID"])


async def bind(bridge: Bridge, bng_id: str, key: str = KEY) -> None:
    bound = Binding(key, "shop1", "bng", "customer", bng_id, "", "d", "1", {})
    await bridge.store.write(lambda db: bindings.put(db, bound, to_text(utc_now())))


def bound_to(bridge: Bridge, key: str = KEY) -> str | None:
    found = bindings.get(bridge.store.read, key)
    return None if found is None else found.target_id


async def test_an_operator_links_two_and_they_are_compared_anew_at_once(bridge: Bridge) -> None:
    bng_id = await at_bng(bridge)
    await bridge.store.write(lambda db: kept.put_common(db, KEY, Common({"Phone": "1"}), "now"))
    ended = await bridge.ctl("link", "shop1", "5", bng_id)
    assert (ended.code, ended.out) == (0, f"customer 5 of shop1 and BNG's {bng_id}: linked\n")
    assert bound_to(bridge) == bng_id
    assert kept.common(bridge.store.read, KEY) is None
    assert bridge.requests[-1]["operation"] == "reemit"
    assert bridge.requests[-1]["entities"] == [{"entity": "customer", "entity_id": "5"}]


@pytest.mark.parametrize(
    ("site", "customer_id", "bng_id", "said"),
    [
        ("shop9", "5", "", "There is no site shop9."),
        ("shop1", "6", "", "shop1 has no customer 6."),
        ("shop1", "5", "CUST-none", "BNG has no customer CUST-none."),
    ],
)
async def test_what_is_not_there_is_not_linked(
    bridge: Bridge, site: str, customer_id: str, bng_id: str, said: str
) -> None:
    ended = await bridge.ctl("link", site, customer_id, bng_id or await at_bng(bridge))
    assert (ended.code, bound_to(bridge)) == (1, None)
    assert said in ended.err


async def test_one_that_is_linked_is_first_to_be_unlinked(bridge: Bridge) -> None:
    first, second = await at_bng(bridge), await at_bng(bridge)
    await bind(bridge, first)
    ended = await bridge.ctl("link", "shop1", "5", second)
    assert (ended.code, bound_to(bridge)) == (1, first)
    assert f"bridgectl unlink shop1 5 {first}" in ended.err
    await bind(bridge, second, "shop1/customer/7/customer")
    await bridge.ctl("unlink", "shop1", "5", first)
    ended = await bridge.ctl("link", "shop1", "5", second)
    assert (ended.code, f"bridgectl unlink shop1 7 {second}" in ended.err) == (1, True)


async def test_unlinking_takes_the_name_away_and_is_remembered(bridge: Bridge) -> None:
    bng_id = await at_bng(bridge, ExternalID="shop1-5")
    await bind(bridge, bng_id)
    assert (await bridge.ctl("unlink", "shop1", "5", bng_id)).code == 0
    assert bound_to(bridge) is None
    (found,) = await bridge.bng.records("customers")
    assert found["ExternalID"] is None
    assert kept.told_apart(bridge.store.read, KEY) == {bng_id}
    await bridge.ctl("link", "shop1", "5", bng_id)
    assert kept.told_apart(bridge.store.read, KEY) == set()


async def test_another_than_the_linked_one_is_not_unlinked(bridge: Bridge) -> None:
    first, second = await at_bng(bridge), await at_bng(bridge)
    await bind(bridge, first)
    ended = await bridge.ctl("unlink", "shop1", "5", second)
    assert (ended.code, bound_to(bridge)) == (1, first)
    assert f"Customer 5 of shop1 is BNG's {first}" in ended.err


async def test_conflicts_show_both_values_and_whose_counts(bridge: Bridge) -> None:
    assert (await bridge.ctl("conflicts")).out == "No field was edited at both sides.\n"
    found = [Conflict("LastName", "Berg", "Tal", "magento"), Conflict("Phone", "1", "2", "bng")]
    for _ in range(2):
        await bridge.store.write(lambda db: kept.add_conflicts(db, KEY, 1, found, "2026-03-02T10:00:00.000000Z"))
    told = (await bridge.ctl("conflicts", "--json")).json()
    assert [(each["field"], each["shop"], each["bng"], each["winner"]) for each in told] == [
        ("Phone", "1", "2", "bng"), ("LastName", "Berg", "Tal", "magento"),
    ]  # fmt: skip
    shown = (await bridge.ctl("conflicts", "--limit", "1")).out
    assert "BNG's" in shown.splitlines()[1]
    assert "shop1 5" in shown


async def test_a_customer_is_shown_with_both_sides_beside_each_other(bridge: Bridge) -> None:
    linked, other = await at_bng(bridge, ExternalID="shop1-5"), await at_bng(bridge, LastName="Namesake")
    await bind(bridge, linked)
    await bind(bridge, "SO-1", "shop1/order/74/sales_order")
    await bridge.put(1, entity="customer", entity_id="5", data=IDA)
    answer = (await bridge.ctl("customer", MAIL, "--json")).json()
    (pair,) = answer["customers"]
    assert (pair["bng_id"], pair["external_id"]) == (linked, "shop1-5")
    fields = {each["field"]: each for each in pair["fields"]}
    assert (fields["LastName"]["shop"], fields["LastName"]["bng"], fields["LastName"]["is_same"]) == (
        "Brandt",
        "Tal",
        False,
    )
    assert fields["Email"]["is_same"]
    assert fields["CreditLimit"]["owner"] == "bng"
    assert [each["state"] for each in pair["events"]] == ["pending"]
    assert [each["CustomerID"] for each in answer["others"]] == [other]
    assert [(each["increment_id"], each["bng_id"]) for each in answer["orders"]] == [("000000074", "SO-1")]
    ended = await bridge.ctl("customer", MAIL)
    assert ended.code == 0
    assert f"BNG {linked} since" in ended.out
    assert "≠" in ended.out


async def test_an_address_that_nobody_has_ends_with_1(bridge: Bridge) -> None:
    ended = await bridge.ctl("customer", "nobody@example.com")
    assert ended.code == 1
    assert "Neither a shop nor BNG has a customer nobody@example.com." in ended.out


async def test_a_shop_that_cannot_be_asked_is_a_note(bridge: Bridge) -> None:
    await at_bng(bridge)
    bridge.gateway.online = False
    answer = (await bridge.ctl("customer", MAIL, "--json")).json()
    assert len(answer["others"]) == 1
    assert "shop1 cannot be asked" in answer["notes"][0]
