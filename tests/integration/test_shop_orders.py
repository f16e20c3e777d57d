"""Orders of the sandbox shop: what a checkout commits, and what REST shows of it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Rows = Callable[..., list[dict[str, Any]]]


def order(api: Server, placed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/rest/V1/orders/{placed['order_id']}")
    return found


def search(api: Server, path: str, *filters: tuple[str, Any, str], **pages: Any) -> dict[str, Any]:
    query: list[tuple[str, Any]] = [] if filters else [("searchCriteria", "")]
    for number, (field, value, condition) in enumerate(filters):
        for name, text in (("field", field), ("value", value), ("condition_type", condition)):
            query.append((f"searchCriteria[filter_groups][{number}][filters][0][{name}]", text))
    query += pages.items()
    found: dict[str, Any] = api.get(f"{path}?{urlencode(query)}")
    return found


RECORDED = {
    "configurable": Decimal("145.90"),
    "bundle_fixed": Decimal("239.79"),
    "bundle_dynamic": Decimal("469.25"),
    "discount": Decimal("117.40"),
    "us": Decimal("166.22"),
}


def test_an_order_costs_what_the_same_goods_cost_in_a_recorded_magento(shop: ShopAdmin, api: Server) -> None:
    for kind, grand_total in RECORDED.items():
        placed = shop.checkout(kind)
        assert placed["grand_total"] == grand_total
        document = order(api, placed)
        assert document["grand_total"] == document["base_grand_total"] == document["total_due"] == grand_total
        assert document["payment"]["amount_ordered"] == grand_total


def test_the_rows_of_an_order_add_up_to_its_header(shop: ShopAdmin, api: Server) -> None:
    for kind in ("simple", "mixed", *RECORDED):
        document = order(api, shop.checkout(kind, coupon="TEN"))
        # The parent of a dynamic bundle repeats its children and has no rate of its own.
        own = [row for row in document["items"] if "tax_percent" in row]
        assert sum(row["price"] * row["qty_ordered"] for row in own) == document["subtotal"]
        assert sum(row["discount_amount"] for row in own) == -document["discount_amount"]
        assert sum(row["tax_amount"] for row in own) == document["tax_amount"]
        assert document["grand_total"] == (
            document["subtotal"] + document["tax_amount"] + document["discount_amount"] + document["shipping_amount"]
        )


def test_rest_shows_a_row_after_its_discount_and_the_database_holds_it_before(
    shop: ShopAdmin, api: Server, rows: Rows
) -> None:
    placed = shop.checkout("discount")
    (row,) = order(api, placed)["items"]
    assert (row["discount_amount"], row["row_total"], row["row_total_incl_tax"]) == (
        Decimal("10.5"),
        Decimal("94.45"),
        Decimal("112.4"),
    )
    (stored,) = rows("SELECT row_total, row_total_incl_tax FROM sales_order_item")
    assert (stored["row_total"], stored["row_total_incl_tax"]) == (Decimal("104.95"), Decimal("124.89"))


def test_the_cent_that_rounding_gained_on_one_row_is_missing_on_the_next(shop: ShopAdmin, api: Server) -> None:
    lines = [{"sku": "LAMP/DESK 1", "qty": 1}, {"sku": "LAMP/DESK 1", "qty": 1}]
    document = order(api, shop.checkout(lines=lines, coupon="TEN"))
    assert [row["discount_amount"] for row in document["items"]] == [Decimal("10.5"), Decimal("10.49")]


def test_a_configurable_has_its_money_on_the_parent_and_the_variants_sku_on_both(shop: ShopAdmin, api: Server) -> None:
    parent, child, *_ = order(api, shop.checkout("configurable"))["items"]
    assert parent["sku"] == child["sku"] == "TEE-S"
    assert (parent["price"], child["price"], child["row_total_incl_tax"]) == (Decimal("24.95"), 0, 0)
    assert child["parent_item_id"] == parent["item_id"]
    assert child["parent_item"] == parent
    assert "price_incl_tax" not in child
    assert parent["product_option"]["extension_attributes"]["configurable_item_options"]


def test_a_dynamic_bundle_repeats_its_childrens_sum_under_a_joined_sku(shop: ShopAdmin, api: Server) -> None:
    parent, *children = order(api, shop.checkout("bundle_dynamic"))["items"]
    assert parent["sku"] == "SET-DYN-MUG-WHITE-LAMP/DESK 1-NUT+M4"
    assert parent["row_total"] == sum(child["row_total"] for child in children) == Decimal("381.72")
    assert (parent["price"], parent["original_price"]) == (Decimal("127.24"), Decimal("127.261"))
    assert "tax_percent" not in parent
    screw = children[-1]
    assert (screw["price"], screw["original_price"], screw["qty_ordered"]) == (Decimal("0.33"), Decimal("0.333"), 21)


def test_a_fixed_bundle_has_its_money_on_the_parent(shop: ShopAdmin, api: Server) -> None:
    parent, *children = order(api, shop.checkout("bundle_fixed"))["items"]
    assert (parent["price"], parent["price_incl_tax"]) == (Decimal("96.55"), Decimal("114.9"))
    assert [(child["sku"], child["qty_ordered"], child["price"]) for child in children] == [
        ("MUG-WHITE", 4, 0),
        ("POT 12CM", 2, 0),
    ]


def test_all_rows_stand_again_under_the_shipping_assignment(shop: ShopAdmin, api: Server) -> None:
    document = order(api, shop.checkout("mixed"))
    (assignment,) = document["extension_attributes"]["shipping_assignments"]
    assert assignment["items"] == document["items"]
    assert assignment["shipping"]["address"]["region_code"] == "NRW"
    assert assignment["shipping"]["method"] == "flatrate_flatrate"


def test_the_email_note_moves_updated_at_some_time_after_the_commit(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple", second_update_delay_s=0.3)
    assert "email_sent" not in order(api, placed)
    eventually(lambda: order(api, placed).get("email_sent") == 1)


def test_an_order_is_invisible_while_its_transaction_is_held_and_ids_are_not_in_commit_order(
    shop: ShopAdmin, api: Server, rows: Rows
) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(shop.checkout, "simple", hold_s=1.0)
        eventually(lambda: len(rows("SELECT * FROM inventory_reservation")) == 1)
        eventually(lambda: bool(rows("SELECT * FROM information_schema.innodb_trx WHERE trx_rows_modified > 5")))
        quick = shop.checkout("simple")
        assert not slow.done()
        assert search(api, "/rest/V1/orders")["total_count"] == 1
        assert slow.result()["order_id"] < quick["order_id"]
    book = {each["entity_id"]: each["committed_at"] for each in shop.book()["orders"]}
    assert book[quick["order_id"]] < book[slow.result()["order_id"]]


def test_a_foreign_trigger_that_fails_leaves_no_order_and_skips_its_number(
    shop: ShopAdmin, api: Server, rows: Rows
) -> None:
    rows("CREATE TRIGGER broken AFTER INSERT ON sales_order_payment FOR EACH ROW INSERT INTO nowhere VALUES (1)")
    with pytest.raises(CallFailed, match="Please try to place the order again") as failed:
        shop.checkout("simple")
    assert failed.value.status == 400
    assert search(api, "/rest/V1/orders")["total_count"] == 0
    assert [row["quantity"] for row in rows("SELECT quantity FROM inventory_reservation")] == [-2, 2]
    rows("DROP TRIGGER broken")
    assert shop.checkout("simple")["increment_id"] == "000000002"


def test_a_broken_trigger_on_the_reservation_is_named(shop: ShopAdmin, rows: Rows) -> None:
    rows("CREATE TRIGGER broken AFTER INSERT ON inventory_reservation FOR EACH ROW INSERT INTO nowhere VALUES (1)")
    with pytest.raises(CallFailed, match="Could not append Reservation"):
        shop.checkout("simple")


def test_what_is_not_salable_cannot_be_ordered(shop: ShopAdmin) -> None:
    with pytest.raises(CallFailed, match="requested quantity"):
        shop.checkout(lines=[{"sku": "POT 12CM", "qty": 100_001}])


def test_many_checkouts_at_once_all_succeed(shop: ShopAdmin, api: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        placed = list(pool.map(lambda _: shop.checkout("mixed"), range(100)))
    assert len({each["increment_id"] for each in placed}) == 100
    assert search(api, "/rest/V1/orders")["total_count"] == 100


def test_magentos_own_triggers_note_orders_and_stock_in_their_changelogs(shop: ShopAdmin, rows: Rows) -> None:
    before = len(rows("SELECT * FROM sales_order_data_exporter_cl"))
    placed = shop.checkout("simple", second_update_delay_s=60)
    noted = rows("SELECT entity_id FROM sales_order_data_exporter_cl ORDER BY version_id")[before:]
    # Order inserted, item inserted, address ids written back.
    assert [row["entity_id"] for row in noted] == [placed["order_id"]] * 3


def test_a_customers_order_carries_the_customer(shop: ShopAdmin, api: Server) -> None:
    customer = api.post(
        "/rest/V1/customers", customer={"email": "ida@example.com", "firstname": "Ida", "lastname": "Mørk"}
    )
    document = order(api, shop.checkout("simple", customer_id=customer["id"]))
    assert (document["customer_id"], document["customer_is_guest"], document["customer_email"]) == (
        customer["id"],
        0,
        "ida@example.com",
    )


def test_options_are_stored_as_json_with_the_bundles_switches(shop: ShopAdmin, rows: Rows) -> None:
    shop.checkout("mixed")
    options = {
        row["sku"]: json.loads(row["product_options"])
        for row in rows("SELECT sku, product_options FROM sales_order_item WHERE product_type = 'bundle'")
    }
    switches = {sku: (each["product_calculations"], each["shipment_type"]) for sku, each in options.items()}
    assert switches == {"SET-DYN-MUG-WHITE-LAMP/DESK 1-NUT+M4": (0, 1), "SET-FIXED": (1, 0)}


def eventually(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
