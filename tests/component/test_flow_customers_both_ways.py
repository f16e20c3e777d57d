"""A customer that both sides edit: BNG's edits reach the shop, the shop's reach BNG, and nothing goes round in circles."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at
from tests.support.flows import FlowRig, flow_rig
from tests.support.shop import ShopRig

from bng_bridge import bindings, inbox, switches
from bng_bridge.magento.transport import RequestState
from bng_bridge.merging import kept
from bng_bridge.outcome import Outcome
from bng_bridge.sources.hints import customer_hint, listed_hint
from bridge_common.errors import DependencyMissing, IdentityChanged, RefusedByFlow, RejectedByTarget
from bridge_common.http import Answer

pytestmark = pytest.mark.integration

FLOW = "bng-customer-to-customer"
PATCHES = "PATCH /api/v1/customers/{id}"
PUTS = "PUT /rest/{store}/V1/customers/{id}"
HOME = {
    "firstname": "Ida", "lastname": "Brandt", "street": ["Hafenstr. 7", "Hinterhaus"], "city": "Kiel", "postcode": "24103",
    "country_id": "DE", "telephone": "1", "default_billing": True, "default_shipping": True,
    "region": {"region_code": "BER", "region": "Berlin", "region_id": 82}, "region_id": 82,
}  # fmt: skip
AUNT = {
    **HOME,
    "firstname": "Ada",
    "city": "Bremen",
    "telephone": "2",
    "default_billing": False,
    "default_shipping": False,
}

NUMBERS = itertools.count(1)


class Pair:
    """One customer at both sides, with its events run as they come."""

    def __init__(self, rig: FlowRig, shop: ShopRig, customer_id: int) -> None:
        self.rig, self.shop, self.id = rig, shop, customer_id
        self.key = f"shop1/customer/{customer_id}/customer"

    async def in_shop(self) -> dict[str, Any]:
        found = await self.shop.client.get(f"/V1/customers/{self.id}")
        assert found is not None
        return found

    async def at_bng(self) -> dict[str, Any]:
        (found,) = [
            each for each in await self.rig.bng.records("customers") if each["ExternalID"] == f"shop1-{self.id}"
        ]
        return found

    async def edit_in_shop(self, **fields: Any) -> None:
        await self.shop.admin("POST", "/customer", customer_id=self.id, **fields)

    async def edit_at_bng(self, **fields: Any) -> None:
        await self.rig.bng.admin("PATCH", f"/records/customers/{(await self.at_bng())['CustomerID']}", **fields)

    async def told_by_shop(self, document: dict[str, Any] | None = None) -> Outcome:
        told = document or await self.in_shop()
        return await self.rig.run(self.rig.claimed("customer", str(self.id), told))

    async def told_by_bng(self) -> Outcome:
        """However often it has told of this very state."""
        hint = customer_hint(await self.at_bng(), self.rig.store.read)
        return await self.rig.hint(replace(hint, event_key=f"{hint.event_key}#{next(NUMBERS)}"))

    async def writes(self) -> tuple[int, int]:
        """PATCHes of BNG's customers, PUTs of the shop's."""
        return await self.rig.bng.calls(PATCHES), await self.shop.calls(PUTS)

    def conflicts(self) -> list[tuple[str, Any, Any, str]]:
        found = kept.conflicts(self.rig.store.read, self.key)
        return [(each["field"], each["shop"], each["bng"], each["winner"]) for each in found]


@pytest.fixture
async def rig(tmp_path: Path, shop: ShopRig) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, shop) as rig:
        await rig.store.write(lambda db: switches.switch_on(db, "shop1", FLOW, None, at(0)))
        yield rig


@pytest.fixture
async def pair(rig: FlowRig, shop: ShopRig) -> Pair:
    pair = await registered(rig, shop)
    await pair.told_by_shop()
    return pair


async def registered(rig: FlowRig, shop: ShopRig, **fields: Any) -> Pair:
    customer = {
        "email": f"ida{next(NUMBERS)}@example.com", "firstname": "Ida", "lastname": "Brandt", "addresses": [HOME, AUNT],
        **fields,
    }  # fmt: skip
    made = await shop.client.write("POST", "/V1/customers", {"customer": customer}, "register")
    return Pair(rig, shop, made["id"])


async def test_an_edit_of_bng_s_reaches_the_shop_and_comes_back_as_nothing(pair: Pair) -> None:
    await pair.edit_at_bng(LastName="Berg", Phone="99")
    before = await pair.in_shop()
    assert (await pair.told_by_bng()).state == "done"
    now = await pair.in_shop()
    assert (now["lastname"], now["firstname"], now["email"]) == ("Berg", "Ida", before["email"])
    assert [each["telephone"] for each in now["addresses"]] == ["99", "2"]
    count = await pair.writes()
    await pair.told_by_shop()
    await pair.told_by_bng()
    assert await pair.writes() == count
    assert pair.conflicts() == []


@pytest.mark.parametrize("nothing", ["", None])
async def test_what_bng_empties_is_empty_in_the_shop(pair: Pair, nothing: str | None) -> None:
    await pair.edit_at_bng(TaxID="DE1", CompanyName="Old GmbH")
    await pair.told_by_bng()
    told = await pair.in_shop()
    assert (told["taxvat"], told["addresses"][0]["company"]) == ("DE1", "Old GmbH")
    await pair.edit_at_bng(TaxID=nothing, CompanyName=nothing)
    assert (await pair.told_by_bng()).state == "done"
    now = await pair.in_shop()
    assert (now.get("taxvat") or "", now["addresses"][0].get("company") or "") == ("", "")


async def test_an_edit_in_the_shop_reaches_bng_and_comes_back_as_nothing(pair: Pair) -> None:
    await pair.edit_in_shop(lastname="Berg")
    await pair.told_by_shop()
    assert (await pair.at_bng())["LastName"] == "Berg"
    count = await pair.writes()
    assert (await pair.told_by_bng()).state == "done"
    await pair.told_by_shop()
    assert await pair.writes() == count


@pytest.mark.parametrize("first", ["shop", "bng"])
async def test_edits_of_different_fields_are_both_kept(pair: Pair, first: str) -> None:
    await pair.edit_in_shop(firstname="Inga")
    await pair.edit_at_bng(LastName="Berg")
    steps = [pair.told_by_shop, pair.told_by_bng]
    for step in steps if first == "shop" else reversed(steps):
        await step()
    now, at_bng = await pair.in_shop(), await pair.at_bng()
    assert (now["firstname"], now["lastname"]) == (at_bng["FirstName"], at_bng["LastName"]) == ("Inga", "Berg")
    assert pair.conflicts() == []


@pytest.mark.parametrize("first", ["shop", "bng"])
async def test_of_a_field_that_both_edited_its_owner_s_value_stays_and_the_other_is_recorded_once(
    pair: Pair, first: str
) -> None:
    await pair.edit_in_shop(lastname="Berg")
    await pair.edit_at_bng(LastName="Tal")
    steps = [pair.told_by_shop, pair.told_by_bng]
    for step in steps if first == "shop" else reversed(steps):
        await step()
    assert (await pair.in_shop())["lastname"] == (await pair.at_bng())["LastName"] == "Berg"
    assert pair.conflicts() == [("LastName", "Berg", "Tal", "magento")]


async def test_an_event_of_the_shop_that_is_older_than_what_bng_made_of_it_undoes_nothing(pair: Pair) -> None:
    await pair.edit_in_shop(firstname="Inga")
    older = await pair.in_shop()
    await pair.edit_at_bng(LastName="Berg")
    await pair.told_by_bng()
    await pair.told_by_shop(older)
    assert (await pair.in_shop())["lastname"] == (await pair.at_bng())["LastName"] == "Berg"
    assert (await pair.at_bng())["FirstName"] == "Inga"


async def test_an_edit_between_our_read_and_our_write_is_not_overwritten(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    amend = pair.shop.transport.amend

    async def interrupted(*arguments: Any, **options: Any) -> Answer | None:
        monkeypatch.setattr(pair.shop.transport, "amend", amend)
        await pair.edit_in_shop(firstname="Inga")
        return await amend(*arguments, **options)

    monkeypatch.setattr(pair.shop.transport, "amend", interrupted)
    await pair.edit_at_bng(LastName="Berg")
    await pair.told_by_bng()
    now = await pair.in_shop()
    assert (now["firstname"], now["lastname"]) == ("Inga", "Berg")
    await pair.told_by_shop()
    assert (await pair.at_bng())["FirstName"] == "Inga"


async def test_of_an_address_only_what_changed_is_written_and_the_others_stay(pair: Pair) -> None:
    await pair.edit_at_bng(
        BillingAddress={"Street": "Weg 1", "City": "Kiel", "State": "HAM", "Zip": "1", "Country": "DE"}
    )
    before = await pair.in_shop()
    await pair.told_by_bng()
    now = await pair.in_shop()
    assert [each["city"] for each in now["addresses"][:2]] == ["Kiel", "Bremen"]
    assert now["addresses"][0]["street"] == ["Weg 1"]
    assert now["addresses"][0]["region"] == {"region_code": "HAM", "region": "Hamburg", "region_id": 85}
    # It was for both, and BNG's shipping address is what it was: it is one of its own now.
    assert [each["street"] for each in now["addresses"][2:]] == [before["addresses"][0]["street"]]
    assert str(now["addresses"][2]["id"]) == now["default_shipping"] != now["default_billing"]


async def test_a_customer_without_addresses_gets_bng_s_and_keeps_none_until_then(rig: FlowRig, shop: ShopRig) -> None:
    pair = await registered(rig, shop, addresses=[])
    await pair.told_by_shop()
    await pair.edit_at_bng(LastName="Berg")
    await pair.told_by_bng()
    assert (await pair.in_shop())["addresses"] == []
    address = {"Street": "Weg 1", "City": "Kiel", "State": "", "Zip": "1", "Country": "DE"}
    await pair.edit_at_bng(BillingAddress=address, Phone="7")
    await pair.told_by_bng()
    (made,) = (await pair.in_shop())["addresses"]
    assert (made["street"], made["telephone"], made["default_billing"]) == (["Weg 1"], "7", True)
    count = await pair.writes()
    await pair.told_by_shop()
    await pair.told_by_bng()
    assert (await pair.writes())[1] == count[1]


async def test_a_field_that_the_shop_drops_in_silence_is_a_dead_letter(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    amend = pair.shop.transport.amend

    async def dropping(path: str, body: Any, expected: str, **options: Any) -> Answer | None:
        kept_name = {**body["customer"], "lastname": (await pair.in_shop())["lastname"]}
        return await amend(path, {"customer": kept_name}, expected, **options)

    monkeypatch.setattr(pair.shop.transport, "amend", dropping)
    await pair.edit_at_bng(LastName="Berg")
    with pytest.raises(RejectedByTarget, match="did not take lastname") as refused:
        await pair.told_by_bng()
    assert refused.value.problem == "not-kept"
    monkeypatch.undo()
    await pair.told_by_shop()
    assert (await pair.at_bng())["LastName"] == "Berg"


async def test_a_customer_that_the_shop_deleted_is_inactive_and_no_edit_of_bng_s_makes_it_again(pair: Pair) -> None:
    await pair.shop.admin("DELETE", f"/customer/{pair.id}")
    deleted = pair.rig.claimed("customer", str(pair.id), {}, kind="tombstone")
    assert (await pair.rig.run(deleted)).state == "done"
    await pair.edit_at_bng(LastName="Berg")
    outcome = await pair.told_by_bng()
    assert (outcome.state, outcome.reason) == ("skipped", "the shop has no such customer")
    assert (await pair.at_bng())["Status"] == "inactive"


async def test_a_customer_that_bng_deleted_stays_in_the_shop(pair: Pair) -> None:
    record = await pair.at_bng()
    await pair.rig.bng.admin("DELETE", f"/records/customers/{record['CustomerID']}")
    outcome = await pair.rig.hint(customer_hint(record, pair.rig.store.read))
    assert (outcome.state, outcome.reason) == ("skipped", "BNG has deleted the customer, and the shop's stays")
    assert (await pair.in_shop())["lastname"] == "Brandt"


async def test_a_customer_that_bng_lost_and_that_an_order_made_anew_empties_nothing_in_the_shop(pair: Pair) -> None:
    lost = await pair.at_bng()
    await pair.rig.bng.admin("PATCH", f"/records/customers/{lost['CustomerID']}", ExternalID="lost")
    made = await pair.rig.bng.admin("POST", "/records/customers", ExternalID=f"shop1-{pair.id}", LastName="Brandt")

    def made_anew(db: Any) -> None:
        db.execute(
            "UPDATE binding SET target_id = ?, version = '1' WHERE target_key = ?", (made["CustomerID"], pair.key)
        )

    await pair.rig.store.write(made_anew)
    before = await pair.in_shop()
    await pair.told_by_bng()
    await pair.told_by_shop()
    assert (await pair.in_shop())["addresses"] == before["addresses"]
    assert ((await pair.at_bng())["Phone"], (await pair.at_bng())["FirstName"]) == ("1", "Ida")


async def test_another_customer_under_the_id_is_not_written(pair: Pair) -> None:
    def restore(db: Any) -> None:
        db.execute("UPDATE binding SET fingerprint = '2020-01-01 00:00:00' WHERE target_key = ?", (pair.key,))

    await pair.rig.store.write(restore)
    await pair.edit_at_bng(LastName="Berg")
    with pytest.raises(IdentityChanged):
        await pair.told_by_bng()


async def test_while_it_is_off_the_shop_says_how_the_customer_is(pair: Pair) -> None:
    await pair.rig.store.write(lambda db: switches.switch_off(db, "shop1", FLOW))
    await pair.edit_at_bng(LastName="Tal")
    assert (await pair.told_by_bng()).reason == f"flow {FLOW} is off for shop1"
    await pair.edit_in_shop(firstname="Inga")
    await pair.told_by_shop()
    assert (await pair.at_bng())["LastName"] == "Brandt"


async def test_the_first_edit_of_bng_s_after_it_is_switched_on_is_no_conflict(rig: FlowRig, shop: ShopRig) -> None:
    await rig.store.write(lambda db: switches.switch_off(db, "shop1", FLOW))
    pair = await registered(rig, shop)
    await pair.told_by_shop()
    await rig.store.write(lambda db: switches.switch_on(db, "shop1", FLOW, None, at(0)))
    await pair.edit_at_bng(LastName="Berg")
    await pair.told_by_bng()
    assert (await pair.in_shop())["lastname"] == "Berg"
    assert pair.conflicts() == []


async def test_the_list_is_news_only_where_bng_edited_something(pair: Pair) -> None:
    read = pair.rig.store.read
    assert listed_hint("customers", await pair.at_bng(), read) is None
    await pair.edit_at_bng(LastName="Berg")
    hint = listed_hint("customers", await pair.at_bng(), read)
    assert hint is not None
    assert hint.ordering_key == f"shop1/customer/{pair.id}"
    assert listed_hint("customers", {**await pair.at_bng(), "CustomerID": "C-none"}, read) is None


async def test_a_customer_that_bng_has_under_the_same_address_is_taken_over(rig: FlowRig, shop: ShopRig) -> None:
    pair = await registered(rig, shop)
    mail = (await pair.in_shop())["email"]
    made = await rig.bng.admin("POST", "/records/customers", LastName="Brandt-Old", Email=mail, CreditLimit="900.00")
    await pair.told_by_shop()
    found = await pair.at_bng()
    assert (found["CustomerID"], found["LastName"], found["CreditLimit"]) == (made["CustomerID"], "Brandt", "900.00")


async def test_two_of_the_shop_that_find_one_of_bng_s_at_the_same_moment_do_not_both_take_it(
    rig: FlowRig, shop: ShopRig
) -> None:
    first, second = await registered(rig, shop), await registered(rig, shop)
    found = await rig.bng.admin("POST", "/records/customers", Email=(await first.in_shop())["email"])
    documents = [await each.in_shop() for each in (first, second)]
    documents[1]["email"] = documents[0]["email"]
    outcomes = await asyncio.gather(
        *(each.told_by_shop(told) for each, told in zip((first, second), documents, strict=True)),
        return_exceptions=True,
    )
    taken = [bindings.get(rig.store.read, each.key) for each in (first, second)]
    assert [bound.target_id for bound in taken if bound is not None].count(found["CustomerID"]) == 1
    assert any(isinstance(each, DependencyMissing) for each in outcomes)


async def test_of_several_under_the_same_address_a_person_decides(rig: FlowRig, shop: ShopRig) -> None:
    pair = await registered(rig, shop)
    mail = (await pair.in_shop())["email"]
    ids = [(await rig.bng.admin("POST", "/records/customers", Email=mail))["CustomerID"] for _ in range(2)]
    with pytest.raises(RefusedByFlow, match=f"{ids[0]}, {ids[1]}") as refused:
        await pair.told_by_shop()
    assert f"bridgectl link shop1 {pair.id} BNG_ID" in refused.value.hint
    for each in ids:
        await rig.store.write(partial(kept.tell_apart, target_key=pair.key, target_id=each, now=at(0)))
    await pair.told_by_shop()
    assert (await pair.at_bng())["CustomerID"] not in ids


async def test_somebody_else_s_customer_under_the_same_address_is_left_alone(rig: FlowRig, shop: ShopRig) -> None:
    pair = await registered(rig, shop)
    mail = (await pair.in_shop())["email"]
    await rig.bng.admin("POST", "/records/customers", Email=mail, ExternalID="shop2-9")
    await pair.told_by_shop()
    assert (await pair.at_bng())["ExternalID"] == f"shop1-{pair.id}"


async def test_a_customer_that_is_gone_before_its_event_runs_waits_for_its_deletion(pair: Pair) -> None:
    told = await pair.in_shop()
    await pair.shop.admin("DELETE", f"/customer/{pair.id}")
    with pytest.raises(DependencyMissing, match="its deletion is still to come"):
        await pair.told_by_shop({**told, "lastname": "Berg"})


async def test_a_crash_between_the_write_and_its_commit_loses_and_repeats_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.edit_at_bng(LastName="Berg")

    def crash(*_arguments: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(kept, "put_common", crash)
        with pytest.raises(RuntimeError):
            await pair.told_by_bng()
    await pair.edit_in_shop(firstname="Inga")
    await pair.rig.store.write(lambda db: inbox.rescue(db, at(0)))
    pair.shop.transport.states[pair.shop.transport.request_ids[-1]] = RequestState("done", {"status": 200})
    await pair.told_by_shop()
    await pair.told_by_bng()
    now, at_bng = await pair.in_shop(), await pair.at_bng()
    assert (now["firstname"], now["lastname"]) == (at_bng["FirstName"], at_bng["LastName"]) == ("Inga", "Berg")
