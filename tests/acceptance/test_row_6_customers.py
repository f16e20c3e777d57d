"""Customers both ways: what either side edits reaches the other once, and goes no further. Counted at both sandboxes."""

import itertools
import json

import pytest

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import email_of, register

pytestmark = pytest.mark.acceptance
PLAN = Plan(poll_interval_s=1.0)
NUMBERS = itertools.count(600)
PATCHES, PUTS = "PATCH /api/v1/customers/{id}", "PUT /rest/{store}/V1/customers/{id}"


@pytest.mark.every_mode
def test_what_both_sides_edit_at_once_is_the_same_at_both_and_is_written_once(stage: Stage) -> None:
    customer_id, bng_id = customer(stage)
    before = writes(stage)
    stage.bridgectl("pause", "bng", "--reason", "both edit first")
    stage.shop.post("/customer", customer_id=customer_id, firstname="Inga", lastname="Berg")
    stage.bng.edit("customers", bng_id, LastName="Tal", TaxID="DE7")
    stage.bridgectl("resume", "bng")
    wait_until(
        "both to be alike", lambda: names(stage, customer_id, bng_id) == [("Inga", "Berg", "DE7")] * 2, timeout_s=30
    )
    wait_until("the bridge to be idle", stage.is_idle, timeout_s=30)
    assert conflicts(stage, customer_id) == [("LastName", "Berg", "Tal", "magento")]
    # Each side was told once, and its own event came back as nothing.
    patched, put = (now - then for now, then in zip(writes(stage), before, strict=True))
    assert 1 <= patched <= 2
    assert put == 1


def test_a_customer_that_the_shop_deletes_is_inactive_at_bng_and_stays_so(stage: Stage) -> None:
    customer_id, bng_id = customer(stage)
    stage.shop.call("DELETE", f"/customer/{customer_id}")
    wait_until("BNG to know it", lambda: at_bng(stage, bng_id)["Status"] == "inactive", timeout_s=30)
    stage.bng.edit("customers", bng_id, LastName="Tal")
    wait_until("the bridge to be told", lambda: not stage.bng.get("/webhooks")["pending"], timeout_s=30)
    wait_until("the bridge to be idle", stage.is_idle, timeout_s=30)
    found = at_bng(stage, bng_id)
    assert (found["Status"], found["LastName"], found["Deleted"]) == ("inactive", "Tal", False)


def test_of_two_under_one_address_an_operator_says_which_it_is(stage: Stage) -> None:
    switch_on(stage)
    number = next(NUMBERS)
    first, second = (stage.bng.create("customers", Email=email_of(number))["CustomerID"] for _ in range(2))
    customer_id = register(stage.api(), number)
    wait_until("a person to be asked", lambda: dead(stage, customer_id), timeout_s=30)
    stage.bridgectl("link", stage.site, str(customer_id), second)
    wait_until(
        "the linked one to be told",
        lambda: at_bng(stage, second)["ExternalID"] == f"{stage.site}-{customer_id}",
        timeout_s=30,
    )
    assert at_bng(stage, first)["ExternalID"] is None
    wait_until("the letter to give way", lambda: not dead(stage, customer_id), timeout_s=30)
    shown = json.loads(stage.bridgectl("customer", email_of(number), "--json"))
    assert [(each["customer_id"], each["bng_id"]) for each in shown["customers"]] == [(str(customer_id), second)]
    assert [each["CustomerID"] for each in shown["others"]] == [first]


def customer(stage: Stage) -> tuple[int, str]:
    """A new one, at both sides: its id at each."""
    switch_on(stage)
    customer_id = register(stage.api(), next(NUMBERS))

    def made() -> str:
        found = [each for each in stage.bng.book()["customers"] if each["ExternalID"] == f"{stage.site}-{customer_id}"]
        return str(found[0]["CustomerID"]) if found else ""

    bng_id = wait_until("the customer at BNG", made, timeout_s=30)
    wait_until("the bridge to be idle", stage.is_idle, timeout_s=30)
    return customer_id, bng_id


def switch_on(stage: Stage) -> None:
    stage.bridgectl("flow", "on", "bng-customer-to-customer", "--site", stage.site)


def at_bng(stage: Stage, bng_id: str) -> JsonObject:
    return next(each for each in stage.bng.book()["customers"] if each["CustomerID"] == bng_id)


def names(stage: Stage, customer_id: int, bng_id: str) -> list[tuple[str, str, str]]:
    shop, bng = stage.api().get(f"/rest/V1/customers/{customer_id}"), at_bng(stage, bng_id)
    return [
        (shop["firstname"], shop["lastname"], shop.get("taxvat")),
        (bng["FirstName"], bng["LastName"], bng["TaxID"]),
    ]


def writes(stage: Stage) -> tuple[int, int]:
    """PATCHes of BNG's customers, PUTs of the shop's."""
    return stage.bng.calls().get(PATCHES, 0), stage.shop.calls().get(PUTS, 0)


def conflicts(stage: Stage, customer_id: int) -> list[tuple[str, str, str, str]]:
    found = json.loads(stage.bridgectl("conflicts", "--json"))
    return [
        (each["field"], each["shop"], each["bng"], each["winner"])
        for each in found
        if each["customer_id"] == str(customer_id)
    ]


def dead(stage: Stage, customer_id: int) -> bool:
    return f"customer {customer_id} is one of BNG's" in stage.bridgectl("dlq", "list", "--json")
