"""Magento customer → BNG customer; a deleted one becomes inactive, never deleted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, event, until
from tests.support.flows import FlowRig, flow_rig
from tests.support.orders import ADDRESS, order

from bng_bridge import inbox
from bng_bridge.outcome import Outcome
from bridge_common.errors import OutcomeUnknown


@pytest.fixture(params=[False, True], ids=["keys", "no keys"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FlowRig]:
    async with flow_rig(tmp_path, no_keys=request.param) as rig:
        yield rig


def customer(**changes: Any) -> dict[str, Any]:
    home = {name: value for name, value in ADDRESS.items() if name != "region_code"}
    home |= {"id": 1, "region": {"region_code": "SH", "region": "Schleswig-Holstein", "region_id": 93}}
    document = {
        "id": 5, "firstname": "Ida", "lastname": "Brandt", "email": "ida@example.com", "default_billing": "1",
        "default_shipping": "1", "addresses": [home],
    }  # fmt: skip
    return {**document, **changes}


async def put(rig: FlowRig, document: dict[str, Any] | None, **changes: Any) -> Outcome:
    kind = "tombstone" if document is None else "snapshot"
    return await rig.run(rig.claimed("customer", "5", document or {}, kind=kind, **changes))


async def at_bng(rig: FlowRig) -> dict[str, Any]:
    (found,) = await rig.bng.records("customers")
    return found


async def test_a_customer_is_made_with_its_address(rig: FlowRig) -> None:
    assert (await put(rig, customer())).state == "done"
    found = await at_bng(rig)
    assert (found["ExternalID"], found["FirstName"], found["Email"]) == ("shop1-5", "Ida", "ida@example.com")
    assert found["BillingAddress"] == {
        "Street": "Hafenstr. 7, Hinterhaus", "City": "Kiel", "State": "SH", "Zip": "24103", "Country": "DE",
    }  # fmt: skip


async def test_a_change_reaches_the_same_customer_and_leaves_bng_s_own_fields(rig: FlowRig) -> None:
    await put(rig, customer())
    await rig.bng.patch(f"customers/{(await at_bng(rig))['CustomerID']}", CreditLimit="900.00")
    await put(rig, customer(lastname="Berg"))
    found = await at_bng(rig)
    assert (found["LastName"], found["CreditLimit"]) == ("Berg", "900.00")


async def test_a_customer_that_an_order_made_is_the_same_one(rig: FlowRig) -> None:
    await rig.order(order())
    await put(rig, customer(email="new@example.com"))
    assert (await at_bng(rig))["Email"] == "new@example.com"
    await rig.order(order(state="processing"))
    assert (await at_bng(rig))["Email"] == "new@example.com"


async def test_a_customer_that_bng_had_before_is_taken_over(rig: FlowRig) -> None:
    made = await rig.bng.customer("shop1-5")
    await put(rig, customer(lastname="Berg"))
    assert ((await at_bng(rig))["CustomerID"], (await at_bng(rig))["LastName"]) == (made, "Berg")


async def test_a_deleted_customer_becomes_inactive_and_keeps_its_name(rig: FlowRig) -> None:
    await put(rig, customer())
    for _ in range(2):
        assert (await put(rig, None)).state == "done"
    found = await at_bng(rig)
    assert (found["Status"], found["LastName"], found["Deleted"]) == ("inactive", "Brandt", False)


async def test_a_customer_that_bng_never_had_leaves_nothing_when_it_is_deleted(rig: FlowRig) -> None:
    outcome = await put(rig, None)
    assert (outcome.state, outcome.reason) == ("skipped", "deleted before BNG knew the customer")
    assert await rig.bng.records("customers") == []


async def test_a_customer_whose_making_was_not_answered_is_deactivated_all_the_same(rig: FlowRig) -> None:
    # aiohttp sends a PUT whose connection was cut once more by itself.
    await rig.bng.fault("cut_after", method="PUT", path="/customers", count=2)
    await rig.bng.fault("cut_after", method="POST", path="/customers")
    with pytest.raises(OutcomeUnknown):
        await put(rig, customer())
    await rig.bng.clear_faults()
    assert (await put(rig, None)).state == "done"
    assert (await at_bng(rig))["Status"] == "inactive"


async def test_a_customer_that_only_an_order_brings_after_its_deletion_is_inactive_from_the_beginning(
    rig: FlowRig,
) -> None:
    told = event(entity="customer", entity_id="5", kind="tombstone", data={})
    await rig.store.write(lambda db: inbox.put_events(db, [told], at(0)))
    assert (await put(rig, None)).state == "skipped"
    assert (await rig.order(order())).state == "done"
    (sales_order,) = await rig.bng.records("sales_orders")
    found = await at_bng(rig)
    assert (found["ExternalID"], found["Status"], found["CustomerID"]) == (
        "shop1-5",
        "inactive",
        sales_order["CustomerID"],
    )


async def test_a_customer_deleted_while_an_order_is_making_it_becomes_inactive(rig: FlowRig) -> None:
    making = "PUT" if rig.context.bng.profile.guards else "POST"
    fault = await rig.bng.fault("latency", path="/customers", method=making, seconds=60)
    ordering = asyncio.create_task(rig.order(order()))
    await until("the customer's making is under way", rig.bng.hits)
    deleting = asyncio.create_task(put(rig, None))
    await until("it waits for the lock", lambda: deleting.done() or is_awaited(rig, "bng/customer/shop1-5"))
    await rig.bng.admin("POST", f"/faults/{fault}/release")
    await asyncio.gather(ordering, deleting)
    assert (await at_bng(rig))["Status"] == "inactive"


def is_awaited(rig: FlowRig, lock_key: str) -> bool:
    _, users = rig.context.deliver._locks._held[lock_key]  # noqa: SLF001 # nothing else tells of a flow that waits
    return users == 2
