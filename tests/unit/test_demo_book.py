"""The demo's verdict, over books made here: every kind of loss and doubling must be seen."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from bridge_sandbox.book import compare, percentile

Book = dict[str, Any]


@pytest.fixture
def shop() -> Book:
    return {
        "orders": [
            order(1, "000000001", Decimal("24.98"), "2026-03-01T10:00:00.000000Z"),
            order(2, "000000002", Decimal("109.95"), "2026-03-01T10:00:01.000000Z"),
        ],
        "shipments": [
            {
                "increment_id": "000000001",
                "comments": ["BNG shipment SH-100001"],
                "tracks": [{"track_number": "T1"}, {"track_number": "T2"}],
            }
        ],
        "source_items": [
            {"sku": "MUG-WHITE", "source_code": "default", "quantity": 99_998},
            {"sku": "POT 12CM", "source_code": "default", "quantity": 100_000},
        ],
    }


@pytest.fixture
def bng() -> Book:
    return {
        "customers": [{"CustomerID": "C-1", "ExternalID": "shop1-7"}],
        "sales_orders": [
            sales_order("SO-1", "shop1-1", "24.98", "2026-03-01T10:00:00.040000Z"),
            sales_order("SO-2", "shop1-2", "109.95", "2026-03-01T10:00:01.300000Z"),
        ],
        "shipments": [{"ShipmentID": "SH-100001", "SalesOrderID": "SO-1", "TrackingNumbers": ["T1", "T2"]}],
        "inventory_items": [
            {"SKU": "MUG-WHITE", "Warehouse": "MAIN", "QuantityOnHand": "99998"},
            {"SKU": "POT 12CM", "Warehouse": "MAIN", "QuantityOnHand": "100000"},
        ],
    }


def test_equal_books_are_complete(shop: Book, bng: Book) -> None:
    result = compare(shop, bng, site="shop1")
    assert result.is_complete
    assert (result.orders_placed, result.sales_orders) == (2, 2)
    assert (result.shipments_created, result.shipments_in_shop) == (1, 1)
    assert (result.stock_changes, result.stock_in_shop) == (1, 1)
    assert result.latencies_ms == (40.0, 300.0)


def test_an_order_without_a_sales_order_is_lost(shop: Book, bng: Book) -> None:
    del bng["sales_orders"][1]
    result = compare(shop, bng, site="shop1")
    assert result.lost == ("order 2 (000000002) has no sales order shop1-2",)
    assert not result.is_complete


@pytest.mark.parametrize(("total", "lost"), [("24.97", 1), ("24.99", 1), ("24.985", 0), ("24.9800", 0)])
def test_a_total_that_is_a_cent_off_is_lost(shop: Book, bng: Book, total: str, lost: int) -> None:
    bng["sales_orders"][0]["Total"] = total
    assert len(compare(shop, bng, site="shop1").lost) == lost


def test_a_second_sales_order_of_one_order_is_a_duplicate(shop: Book, bng: Book) -> None:
    bng["sales_orders"].append(bng["sales_orders"][0] | {"SalesOrderID": "SO-3"})
    result = compare(shop, bng, site="shop1")
    assert result.duplicated == ("sales order shop1-1 exists 2 times in BNG",)
    assert not result.lost


def test_a_second_customer_of_one_external_id_is_a_duplicate(shop: Book, bng: Book) -> None:
    bng["customers"] += [bng["customers"][0] | {"CustomerID": "C-2"}, {"CustomerID": "C-3", "ExternalID": None}]
    assert compare(shop, bng, site="shop1").duplicated == ("customer shop1-7 exists 2 times in BNG",)


def test_a_shipment_that_the_shop_does_not_show_is_lost(shop: Book, bng: Book) -> None:
    shop["shipments"] = []
    result = compare(shop, bng, site="shop1")
    assert result.lost == ("shipment SH-100001 of SO-1 is not in the shop",)
    assert result.shipments_in_shop == 0


def test_a_shipment_is_not_taken_for_another_whose_number_begins_alike(shop: Book, bng: Book) -> None:
    shop["shipments"][0]["comments"] = ["BNG shipment SH-1000010."]
    assert compare(shop, bng, site="shop1").lost == ("shipment SH-100001 of SO-1 is not in the shop",)


def test_a_shipment_without_one_of_its_tracking_numbers_is_lost(shop: Book, bng: Book) -> None:
    shop["shipments"][0]["tracks"].pop()
    assert compare(shop, bng, site="shop1").lost == ("shipment SH-100001 is in the shop without T2",)


def test_a_shipment_shown_twice_is_a_duplicate(shop: Book, bng: Book) -> None:
    shop["shipments"].append(deepcopy(shop["shipments"][0]) | {"increment_id": "000000002"})
    result = compare(shop, bng, site="shop1")
    assert result.duplicated == ("shipment SH-100001 is in the shop again as 000000002",)
    assert result.shipments_in_shop == 2


def test_a_tracking_number_twice_on_one_shipment_is_a_duplicate(shop: Book, bng: Book) -> None:
    shop["shipments"][0]["tracks"].append({"track_number": "T1"})
    assert compare(shop, bng, site="shop1").duplicated == ("tracking number T1 is 2 times on shop shipment 000000001",)


def test_stock_that_differs_is_lost(shop: Book, bng: Book) -> None:
    shop["source_items"][0]["quantity"] = Decimal("99997.5")
    result = compare(shop, bng, site="shop1")
    assert result.lost == ("stock of MUG-WHITE is 99998 in BNG and 99997.5 in the shop",)
    assert (result.stock_changes, result.stock_in_shop) == (1, 0)


def test_another_site_is_left_aside(shop: Book, bng: Book) -> None:
    bng["sales_orders"].append(sales_order("SO-9", "shop2-1", "5.00", "2026-03-01T10:00:05.000000Z"))
    bng["shipments"].append({"ShipmentID": "SH-2", "SalesOrderID": "SO-9", "TrackingNumbers": []})
    assert compare(shop, bng, site="shop1").is_complete


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (50, 2.0), (75, 3.0), (99, 4.0), (100, 4.0)])
def test_a_percentile_is_a_value_that_occurred(percent: float, value: float) -> None:
    assert percentile([4.0, 2.0, 1.0, 3.0], percent) == value


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None


def order(entity_id: int, increment_id: str, grand_total: Decimal, committed_at: str) -> Book:
    return {
        "entity_id": entity_id,
        "increment_id": increment_id,
        "grand_total": grand_total,
        "committed_at": committed_at,
    }


def sales_order(number: str, external_id: str, total: str, created_at: str) -> Book:
    return {"SalesOrderID": number, "ExternalID": external_id, "Total": total, "CreatedAt": created_at}
