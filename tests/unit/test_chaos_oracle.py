"""The oracle over books made here: each kind of loss, doubling and disorder must be seen, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bridge_sandbox.chaos.oracle import Evidence, Verdict, judge

Book = dict[str, Any]
ADDRESS = {"street": ["Umzugsweg 1, rev2"], "city": "Köln", "postcode": "50667", "country_id": "DE", "region": "NRW"}
AT_BNG = {"Street": "Umzugsweg 1, rev2", "City": "Köln", "State": "NRW", "Zip": "50667", "Country": "DE"}


def test_equal_books_have_no_findings(evidence: Evidence) -> None:
    assert judge(evidence).is_clean


def test_an_order_that_bng_lacks_is_lost(evidence: Evidence) -> None:
    evidence.bng["sales_orders"].clear()
    assert "order 1 (000000001) has no sales order shop1-1" in judge(evidence).lost


def test_a_customer_that_bng_lacks_is_lost(evidence: Evidence) -> None:
    evidence.bng["customers"].clear()
    assert "customer 7 of the shop is not in BNG" in judge(evidence).lost


@pytest.mark.parametrize(
    ("field", "value"),
    [("Total", "20.00"), ("OrderDate", "2026-03-02"), ("Currency", "USD"), ("Lines", []), ("BillingAddress", None)],
)
def test_a_field_that_never_arrived_is_lost(evidence: Evidence, field: str, value: object) -> None:
    sales_order(evidence)[field] = value
    evidence.sales_order_history[:] = [dict(sales_order(evidence))]
    verdict = judge(evidence)
    assert verdict.lost
    assert not verdict.out_of_order


def test_a_field_that_was_right_before_is_out_of_order(evidence: Evidence) -> None:
    sales_order(evidence)["ShippingAddress"] = AT_BNG | {"Street": "Umzugsweg 1, rev1"}
    evidence.sales_order_history.append(dict(sales_order(evidence), Version=3))
    verdict = judge(evidence)
    assert not verdict.lost
    assert "where it had been right before" in verdict.out_of_order[0]
    assert "showed revision 2, and its version 3 revision 1 again" in verdict.out_of_order[1]


def test_an_older_address_in_between_is_out_of_order_though_the_end_is_right(evidence: Evidence) -> None:
    older = dict(sales_order(evidence), Version=3, ShippingAddress=AT_BNG | {"Street": "Umzugsweg 1, rev1"})
    evidence.sales_order_history.extend([older, dict(sales_order(evidence), Version=4)])
    assert judge(evidence) == Verdict(
        (), (), ("sales order SO-1 showed revision 2, and its version 3 revision 1 again",)
    )


def test_an_older_customer_is_out_of_order(evidence: Evidence) -> None:
    customer = evidence.bng["customers"][0]
    customer["LastName"] = "Prüfer rev4"
    evidence.customer_history.append(dict(customer, Version=2))
    assert len(judge(evidence).out_of_order) == 2


def test_a_deleted_customer_is_inactive_and_keeps_the_order(evidence: Evidence) -> None:
    evidence.shop["customers"].clear()
    evidence.orders[0]["customer_id"] = None
    assert judge(evidence).lost == ("customer shop1-7 is deleted in the shop, and not inactive in BNG",)
    set_customer(evidence, Status="inactive")
    assert judge(evidence).is_clean
    set_customer(evidence, Status="active")
    assert judge(evidence).out_of_order == ("customer shop1-7 is deleted in the shop, and not inactive in BNG",)


def test_a_customer_that_was_not_deleted_is_not_inactive(evidence: Evidence) -> None:
    set_customer(evidence, Status="inactive")
    assert judge(evidence).out_of_order == ("customer 7 is inactive in BNG, and was not deleted",)


def test_an_order_that_goes_over_to_a_guest_when_its_customer_is_deleted_is_out_of_order(evidence: Evidence) -> None:
    evidence.orders[0]["customer_id"] = None
    guest = {"CustomerID": "C-2", "ExternalID": "shop1-guest-1", "Email": "z@example.com"}
    evidence.bng["customers"].append(guest)
    sales_order(evidence)["CustomerID"] = "C-2"
    evidence.sales_order_history.append(dict(sales_order(evidence), Version=3))
    assert judge(evidence).out_of_order == ("order 1 was C-1's in BNG and is C-2's",)


@pytest.mark.parametrize(("state", "status"), [("holded", 10), ("canceled", 20), ("new", 90), ("new", 30)])
def test_hold_and_cancellation_are_the_same_on_both_sides(evidence: Evidence, state: str, status: int) -> None:
    evidence.orders[0]["state"] = state
    set_status(evidence, status, by="bng-bridge")
    assert any(
        f"order 1 is {state} in the shop" in text for text in judge(evidence).lost + judge(evidence).out_of_order
    )


def test_bng_s_own_people_may_be_ahead_when_the_shop_was_told(evidence: Evidence) -> None:
    set_status(evidence, 20, by="operator")
    assert judge(evidence).lost == ("order 1: SO-1 is processing in BNG, and no status was told",)
    tell(evidence, "processing", 2)
    assert judge(evidence).is_clean


def test_an_older_status_told_last_is_out_of_order(evidence: Evidence) -> None:
    set_status(evidence, 20, by="operator")
    tell(evidence, "processing", 3)
    tell(evidence, "on hold", 2)
    assert judge(evidence).out_of_order == ("order 1: SO-1 is processing in BNG, and the last status told is on hold",)


def test_a_lost_shipment_and_its_pieces(evidence: Evidence) -> None:
    evidence.shop["shipments"].clear()
    evidence.shop["orders"][0]["items"][0]["qty_shipped"] = 0
    assert judge(evidence).lost == (
        "shipment SH-1 of SO-1 is not in the shop",
        "order 1: BNG shipped 1 MUG-WHITE, and the shop shows 0",
    )


def test_stock_that_differs_is_lost(evidence: Evidence) -> None:
    evidence.shop["source_items"][0]["quantity"] = 5
    assert judge(evidence).lost == ("stock of MUG-WHITE is 7 in BNG and 5 in the shop",)


def double_sales_order(evidence: Evidence) -> None:
    evidence.bng["sales_orders"].append(dict(sales_order(evidence), SalesOrderID="SO-2"))


def double_customer(evidence: Evidence) -> None:
    evidence.bng["customers"].append(dict(evidence.bng["customers"][0], CustomerID="C-2"))


def guest_under_two_names(evidence: Evidence) -> None:
    for number in "ab":
        guest = {"CustomerID": f"C-{number}", "ExternalID": f"shop1-guest-{number}", "Email": "g@example.com"}
        evidence.bng["customers"].append(guest)


def sales_order_of_nobody(evidence: Evidence) -> None:
    evidence.bng["sales_orders"].append(dict(sales_order(evidence), SalesOrderID="SO-2", ExternalID="shop1-2"))


def double_shipment(evidence: Evidence) -> None:
    evidence.shop["shipments"].append(dict(evidence.shop["shipments"][0], entity_id=2, increment_id="000000002"))


def shipment_of_nobody(evidence: Evidence) -> None:
    evidence.shop["shipments"].append({"entity_id": 2, "increment_id": "000000002", "comments": [], "tracks": []})


def double_track(evidence: Evidence) -> None:
    evidence.shop["shipments"][0]["tracks"].append({"track_number": "T1"})


def double_comment(evidence: Evidence) -> None:
    tell(evidence, "pending", 2)
    tell(evidence, "pending", 2)


@pytest.mark.parametrize(
    "repeat",
    [
        double_sales_order,
        double_customer,
        guest_under_two_names,
        sales_order_of_nobody,
        double_shipment,
        shipment_of_nobody,
        double_track,
        double_comment,
    ],
)
def test_whatever_is_there_once_too_often_is_duplicated(evidence: Evidence, repeat: Callable[[Evidence], None]) -> None:
    repeat(evidence)
    verdict = judge(evidence)
    assert len(verdict.duplicated) == 1
    assert verdict == replace(verdict, lost=(), out_of_order=())


@pytest.fixture
def evidence() -> Evidence:
    item = {
        "item_id": 1, "parent_item_id": None, "sku": "MUG-WHITE", "product_type": "simple", "qty_ordered": 2,
        "qty_shipped": 1,
    }  # fmt: skip
    order = {
        "entity_id": 1, "increment_id": "000000001", "state": "new", "created_at": "2026-03-01 10:00:00",
        "order_currency_code": "EUR", "grand_total": Decimal("24.98"), "customer_id": 7, "customer_email": "z@example.com",
        "billing_address": ADDRESS, "items": [item], "status_histories": [],
        "extension_attributes": {"shipping_assignments": [{"shipping": {"address": ADDRESS}}]},
    }  # fmt: skip
    sales_order = {
        "SalesOrderID": "SO-1", "ExternalID": "shop1-1", "CustomerID": "C-1", "OrderStatus": 10, "OrderDate": "2026-03-01",
        "Currency": "EUR", "Total": "24.98", "ShippingAddress": AT_BNG, "BillingAddress": AT_BNG,
        "Lines": [{"SKU": "MUG-WHITE", "Quantity": "2"}], "UpdatedBy": "bng-bridge", "Version": 2,
    }  # fmt: skip
    customer = {
        "CustomerID": "C-1", "ExternalID": "shop1-7", "FirstName": "Zoë", "LastName": "Prüfer rev5",
        "Email": "z@example.com", "Version": 1,
    }  # fmt: skip
    shipment = {
        "ShipmentID": "SH-1", "SalesOrderID": "SO-1", "TrackingNumbers": ["T1"],
        "Lines": [{"SKU": "MUG-WHITE", "Quantity": "1"}],
    }  # fmt: skip
    return Evidence(
        site="shop1",
        shop={
            "orders": [{**order, "items": [dict(item)]}],
            "customers": [{"id": 7, "firstname": "Zoë", "lastname": "Prüfer rev5", "email": "z@example.com"}],
            "shipments": [
                {"entity_id": 1, "increment_id": "000000001", "comments": ["BNG shipment SH-1"],
                 "tracks": [{"track_number": "T1"}]}
            ],
            "source_items": [{"sku": "MUG-WHITE", "source_code": "default", "quantity": 7}],
        },
        orders=[order],
        bng={
            "customers": [customer],
            "sales_orders": [sales_order],
            "shipments": [shipment],
            "inventory_items": [{"SKU": "MUG-WHITE", "Warehouse": "MAIN", "QuantityOnHand": "7"}],
        },
        sales_order_history=[dict(sales_order, Version=1), dict(sales_order)],
        customer_history=[dict(customer)],
    )  # fmt: skip


def sales_order(evidence: Evidence) -> Book:
    found: Book = evidence.bng["sales_orders"][0]
    return found


def set_status(evidence: Evidence, status: int, *, by: str) -> None:
    sales_order(evidence)["OrderStatus"] = status
    evidence.sales_order_history.append(dict(sales_order(evidence), UpdatedBy=by, Version=3))


def set_customer(evidence: Evidence, **fields: object) -> None:
    evidence.bng["customers"][0].update(fields)
    evidence.customer_history.append(dict(evidence.bng["customers"][0]))


def tell(evidence: Evidence, label: str, version: int) -> None:
    comments = evidence.orders[0]["status_histories"]
    text = f"BNG sales order SO-1 is {label} (version {version})"
    comments.append({"entity_id": len(comments) + 1, "comment": text})
