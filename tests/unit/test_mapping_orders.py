"""A Magento order becomes the lines an accountant would write, and they add up to the cent."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.mappings import template
from tests.support.orders import ADDRESS, Document, configurable, dynamic_bundle, fixed_bundle, item, order

from bng_bridge.mapping import orders
from bridge_common import decimal_json
from bridge_common.errors import MappingError

CENT = Decimal("0.01")


def mapped(document: Document, time_zone: str = "UTC", transaction_id: str = "") -> dict[str, Any]:
    return template("order-to-sales-order")(
        document, external_id="shop1-74", customer_id="C-5", time_zone=time_zone, transaction_id=transaction_id
    )


def added_up(body: dict[str, Any]) -> Decimal:
    """As BNG adds it: lines, freight and its tax, without rounding anything."""
    return sum(
        (Decimal(line["LineTotal"]) for line in body["Lines"]), Decimal(body["Freight"]) + Decimal(body["FreightTax"])
    )


def test_a_simple_order_has_a_line_for_each_row() -> None:
    body = mapped(order(item(11, "MUG-WHITE", qty="2", price="9.99", tax="3.80"), shipping_tax="0.95"))
    assert body["Lines"] == [
        {
            "LineNo": 1, "ExternalLineID": "11", "SKU": "MUG-WHITE", "Description": "Article MUG-WHITE", "Quantity": "2",
            "UnitPrice": "9.99", "Discount": "0.00", "Tax": "3.80", "LineTotal": "23.78",
        }
    ]  # fmt: skip
    assert (body["Freight"], body["FreightTax"], body["TaxTotal"], body["Total"]) == ("5.00", "0.95", "4.75", "29.73")
    assert (body["ExternalID"], body["CustomerID"], body["Currency"]) == ("shop1-74", "C-5", "EUR")
    assert (body["ShipVia"], body["PaymentDescription"]) == ("Flat Rate - Fixed", "checkmo")
    assert added_up(body) == Decimal(body["Total"])


def test_addresses_are_the_five_fields_of_bng() -> None:
    body = mapped(order())
    assert body["BillingAddress"] == {
        "Street": "Hafenstr. 7, Hinterhaus", "City": "Kiel", "State": "SH", "Zip": "24103", "Country": "DE",
    }  # fmt: skip
    assert body["ShippingAddress"]["City"] == "Plön"


def test_an_order_that_ships_nothing_goes_to_its_billing_address() -> None:
    body = mapped(order(extension_attributes={"shipping_assignments": [{"shipping": {"method": "none"}}]}))
    assert body["ShippingAddress"] == body["BillingAddress"]


def test_a_configurable_is_one_line_with_the_money_of_the_parent_and_both_ids() -> None:
    body = mapped(order(*configurable(21)))
    (line,) = body["Lines"]
    assert (line["ExternalLineID"], line["SKU"], line["Quantity"]) == ("21/22", "TEE-L", "3")
    assert (line["UnitPrice"], line["LineTotal"]) == ("26.95", "96.21")
    assert added_up(body) == Decimal(body["Total"])


def test_a_fixed_bundle_has_its_money_on_its_own_line_and_its_parts_for_picking() -> None:
    body = mapped(order(*fixed_bundle(31)))
    assert [(line["ExternalLineID"], line["SKU"], line["Quantity"], line["LineTotal"]) for line in body["Lines"]] == [
        ("31", "SET-FIXED", "2", "229.79"),
        ("31/32", "MUG-WHITE", "4", "0.00"),
        ("31/33", "POT 12CM", "2", "0.00"),
    ]
    assert added_up(body) == Decimal(body["Total"])


def test_a_dynamic_bundle_is_its_parts_and_its_repeating_row_is_left_out() -> None:
    body = mapped(order(*dynamic_bundle(41), repeats=[41]))
    assert [(line["ExternalLineID"], line["SKU"], line["LineTotal"]) for line in body["Lines"]] == [
        ("41/42", "MUG-WHITE", "71.33"),
        ("41/43", "LAMP/DESK 1", "374.67"),
    ]
    assert added_up(body) == Decimal(body["Total"])


def test_a_coupon_reduces_rows_and_freight() -> None:
    rows = [
        item(1, "LAMP/DESK 1", price="104.95", discount="10.50", tax="17.95"),
        item(2, "MUG-WHITE", price="9.99", discount="1.00", tax="1.71"),
    ]
    document = order(*rows, shipping="5.00", coupon_code="TEN")
    document |= {
        "shipping_discount_amount": Decimal("0.50"),
        "discount_amount": Decimal("-12.00"),
        "grand_total": document["grand_total"] - Decimal("0.50"),
    }
    body = mapped(document)
    assert [(line["Discount"], line["LineTotal"]) for line in body["Lines"]] == [("10.50", "112.40"), ("1.00", "10.70")]
    # The freight is after its discount: counted in DiscountTotal, too, it would be taken off twice.
    assert (body["Freight"], body["DiscountTotal"]) == ("4.50", "11.50")
    assert added_up(body) == Decimal(body["Total"]) == Decimal("127.60")


def test_tax_that_a_discount_hides_in_prices_with_tax_is_added_back() -> None:
    row = item(
        1, "MUG-WHITE", price="8.40", discount="1.00", tax="1.44", discount_tax_compensation_amount=Decimal("0.16")
    )
    document = order(row, shipping="4.20", shipping_tax="0.72")
    document |= {
        "shipping_discount_amount": Decimal("0.50"),
        "shipping_discount_tax_compensation_amount": Decimal("0.08"),
        "grand_total": Decimal("13.50"),
    }
    body = mapped(document)
    assert (body["Lines"][0]["LineTotal"], body["Freight"], body["FreightTax"]) == ("9.00", "3.78", "0.72")
    assert len(body["Lines"]) == 1
    assert added_up(body) == Decimal(body["Total"])


def test_us_tax_stands_on_its_rows() -> None:
    rows = [
        item(1, "LAMP/DESK 1", price="104.95", tax="9.31", tax_percent=Decimal("8.875")),
        item(2, "MUG-WHITE", qty="3", price="9.99", tax="2.66", tax_percent=Decimal("8.875")),
    ]
    us = {**ADDRESS, "region": "New York", "region_code": "NY", "country_id": "US", "postcode": "10014-2201"}
    body = mapped(order(*rows, shipping="15.00", billing_address=us, order_currency_code="USD"))
    assert [line["Tax"] for line in body["Lines"]] == ["9.31", "2.66"]
    assert (body["TaxTotal"], body["Total"], body["Currency"]) == ("11.97", "161.89", "USD")
    assert body["BillingAddress"]["State"] == "NY"
    assert added_up(body) == Decimal(body["Total"])


def test_an_order_in_yen_which_have_no_hundredths_adds_up() -> None:
    row = item(1, "MUG-WHITE", qty="3", price="1500.0000", discount="450.0000", tax="405.0000")
    body = mapped(order(row, shipping="500", order_currency_code="JPY"))
    assert (body["Currency"], body["Total"], body["TaxTotal"], body["Freight"]) == (
        "JPY",
        "4955.00",
        "405.00",
        "500.00",
    )
    assert [(line["SKU"], line["LineTotal"]) for line in body["Lines"]] == [("MUG-WHITE", "4455.00")]
    assert added_up(body) == Decimal(body["Total"])


def test_an_order_in_dinars_which_have_thousandths_adds_up_in_hundredths() -> None:
    """What is less than a hundredth is lost to BNG, and what rows lose together is a rounding line."""
    rows = [item(number, f"SKU-{number}", qty="1", price="1.124", tax="0.000") for number in range(1, 6)]
    body = mapped(order(*rows, shipping="0", order_currency_code="KWD"))
    assert (body["Currency"], body["Total"]) == ("KWD", "5.62")
    assert [line["LineTotal"] for line in body["Lines"]] == ["1.12"] * 5 + ["0.02"]
    assert body["Lines"][-1]["SKU"] == "ROUNDING"
    assert added_up(body) == Decimal(body["Total"])


def test_a_decimal_quantity_leaves_a_rounding_line() -> None:
    document = order(item(1, "ROPE", qty="2.75", price="5.13", tax="0"), shipping="10.54")
    assert document["grand_total"] == Decimal("24.6475")
    document["items"].append(item(2, "ROPE", qty="0.5", price="3.11"))
    document["grand_total"] = Decimal("26.2025")
    body = mapped(document)
    assert [line["Quantity"] for line in body["Lines"][:2]] == ["2.75", "0.5"]
    assert [line["LineTotal"] for line in body["Lines"][:2]] == ["14.11", "1.56"]
    rounding = body["Lines"][2]
    assert (rounding["SKU"], rounding["ExternalLineID"], rounding["LineTotal"]) == ("ROUNDING", "rounding", "-0.01")
    assert added_up(body) == Decimal(body["Total"]) == Decimal("26.20")


@pytest.mark.parametrize(("cents", "is_taken"), [(3, True), (-3, True), (4, False), (-4, False)])
def test_the_tolerance_is_a_cent_for_each_line_and_one_more(cents: int, is_taken: bool) -> None:
    document = order(item(1, "A", price="10.00"), item(2, "B", price="20.00"))
    document["grand_total"] += cents * CENT
    if not is_taken:
        with pytest.raises(MappingError, match=r"more than the tolerance of 0\.03"):
            mapped(document)
        return
    body = mapped(document)
    assert body["Lines"][-1]["LineTotal"] == f"{cents * CENT}"
    assert added_up(body) == Decimal(body["Total"])


def test_a_gift_card_that_is_not_mapped_holds_the_order() -> None:
    document = order()
    document["grand_total"] -= Decimal("10.00")
    with pytest.raises(
        MappingError, match=r"000000074: lines and freight differ from the grand total by -10\.00"
    ) as held:
        mapped(document)
    assert "gift card" in held.value.hint


def test_a_paid_order_without_a_base_total_holds_the_order() -> None:
    with pytest.raises(MappingError, match=r"grand total of 28\.78 and a base total of 0"):
        mapped(order(base_grand_total=Decimal("0.0000")))


def test_an_order_that_costs_nothing_is_no_mistake() -> None:
    body = mapped(order(item(1, "SAMPLE"), shipping="0.00"))
    assert (body["Total"], body["Lines"][0]["LineTotal"]) == ("0.00", "0.00")


def test_one_sku_on_two_rows_is_two_lines() -> None:
    rows = [item(7, "MUG-WHITE", price="9.99"), item(9, "MUG-WHITE", price="8.99")]
    body = mapped(order(*rows))
    assert [(line["LineNo"], line["ExternalLineID"], line["UnitPrice"]) for line in body["Lines"]] == [
        (1, "7", "9.99"), (2, "9", "8.99"),
    ]  # fmt: skip


def test_two_configurables_of_one_variant_keep_their_own_ids() -> None:
    body = mapped(order(*configurable(1), *configurable(3)))
    assert [line["ExternalLineID"] for line in body["Lines"]] == ["1/2", "3/4"]


@pytest.mark.parametrize(
    ("created_at", "time_zone", "day"),
    [
        ("2026-03-02 03:15:00", "America/Chicago", "2026-03-01"),
        ("2026-03-02 03:15:00", "UTC", "2026-03-02"),
        ("2026-03-02 16:00:00", "Asia/Tokyo", "2026-03-03"),
        ("2026-12-31 23:30:00", "Europe/Berlin", "2027-01-01"),
        ("2026-07-01 22:30:00", "Europe/Berlin", "2026-07-02"),
        ("2026-01-01 22:30:00", "Europe/Berlin", "2026-01-01"),
    ],
)
def test_the_date_is_the_day_in_the_store(created_at: str, time_zone: str, day: str) -> None:
    assert mapped(order(created_at=created_at), time_zone)["OrderDate"] == day


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("new", 10),
        ("pending_payment", 10),
        ("payment_review", 10),
        ("processing", 20),
        ("holded", 30),
    ],
)
def test_a_state_becomes_a_status(state: str, status: int) -> None:
    assert mapped(order(state=state))["OrderStatus"] == status


@pytest.mark.parametrize("state", ["complete", "closed", "canceled", "something_of_a_module"])
def test_a_state_that_bng_knows_itself_is_not_sent(state: str) -> None:
    assert "OrderStatus" not in mapped(order(state=state))


@pytest.mark.parametrize("value", ["a lot", True, [], {"amount": 1}])
def test_an_amount_that_is_none_holds_the_order(value: Any) -> None:
    with pytest.raises(MappingError, match=r"freight: is .*, not an amount \(order-to-sales-order\.yaml:\d+\)"):
        mapped(order(shipping_amount=value))


def test_a_missing_amount_is_nothing() -> None:
    document = order(shipping="0.00")
    for field in ("shipping_amount", "shipping_tax_amount", "discount_amount", "shipping_discount_amount"):
        del document[field]
    assert (mapped(document)["Freight"], mapped(document)["DiscountTotal"]) == ("0.00", "0.00")


def test_an_amount_may_be_a_text() -> None:
    assert mapped(order(shipping_amount="5.00")) == mapped(order())


def test_what_an_order_lacks_is_empty_or_null_and_never_missing() -> None:
    """Each left out, and each null, as Magento does both."""
    for name, field, value in (
        ("shipping_description", "ShipVia", ""),
        ("payment", "PaymentDescription", ""),
        ("billing_address", "BillingAddress", None),
    ):
        without = {key: each for key, each in order().items() if key != name}
        assert mapped(without)[field] == mapped(order() | {name: None})[field] == value, name
    assert mapped(order(item(1, "NAMELESS", price="1", name=None)))["Lines"][0]["Description"] == ""


def test_an_order_without_any_address_has_none_in_bng() -> None:
    """Null, not an object of empty texts."""
    body = mapped(order(billing_address={}, extension_attributes=None))
    assert (body["BillingAddress"], body["ShippingAddress"]) == (None, None)


def test_a_transaction_stands_behind_the_method() -> None:
    assert mapped(order(), transaction_id="4f8x2k")["PaymentDescription"] == "checkmo 4f8x2k"
    assert mapped(order(payment=None), transaction_id="4f8x2k")["PaymentDescription"] == "4f8x2k"


def test_the_base_total_is_looked_at_before_the_sums() -> None:
    with pytest.raises(MappingError, match="base total of 0"):
        mapped(order(base_grand_total=Decimal(0), grand_total=Decimal("99.00")))


def test_a_refused_order_names_the_commands_that_help() -> None:
    with pytest.raises(MappingError) as held:
        mapped(order(base_grand_total=Decimal(0)))
    assert "bridgectl dlq retry {event}" in held.value.hint


def test_the_fingerprint_tells_a_restored_shop_s_order_apart() -> None:
    one = orders.fingerprint(order())
    assert orders.fingerprint(order(state="processing", updated_at="2026-04-01 00:00:00")) == one
    assert orders.fingerprint(order(protect_code="another")) != one
    assert orders.fingerprint(order(created_at="2026-03-02 10:15:01")) != one


AMOUNT = st.decimals(0, 500, places=4)
ROWS = st.lists(st.tuples(st.decimals("0.0001", 50, places=4), AMOUNT, AMOUNT, AMOUNT), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, shipping=AMOUNT, shipping_tax=AMOUNT)
def test_what_is_sent_adds_up_to_the_cent_or_is_held(
    rows: list[tuple[Decimal, Decimal, Decimal, Decimal]], shipping: Decimal, shipping_tax: Decimal
) -> None:
    """Magento's own amounts have four decimals, and its header is the sum of its rows."""
    items = [
        item(number, f"SKU-{number}", qty=str(qty), price=str(price), discount=str(discount), tax=str(tax))
        for number, (qty, price, discount, tax) in enumerate(rows, 1)
    ]
    document = order(*items, shipping=str(shipping), shipping_tax=str(shipping_tax))
    body = mapped(document)
    assert added_up(body) == Decimal(body["Total"])
    assert abs(Decimal(body["Total"]) - document["grand_total"]) <= CENT / 2
    for text in (body["Freight"], body["FreightTax"], body["Total"], *(line["LineTotal"] for line in body["Lines"])):
        assert Decimal(text).as_tuple().exponent == -2
    rounding = [line for line in body["Lines"] if line["SKU"] == "ROUNDING"]
    assert all(abs(Decimal(line["LineTotal"])) <= CENT * (len(rows) + 1) for line in rounding)


def recorded() -> list[Path]:
    folder = os.environ.get("MAGENTO_RECORDINGS")
    return sorted(Path(folder, "orders").glob("*.json")) if folder else []


@pytest.mark.skipif("MAGENTO_RECORDINGS" not in os.environ, reason="MAGENTO_RECORDINGS is not set")
def test_recorded_orders_of_a_real_magento_add_up_to_the_cent() -> None:
    found = recorded()
    assert len(found) == 5
    for path in found:
        document = decimal_json.loads(path.read_bytes())
        body = mapped(document)
        assert added_up(body) == Decimal(body["Total"]) == Decimal(str(document["grand_total"])), path.name
        assert [line for line in body["Lines"] if line["SKU"] == "ROUNDING"] == [], path.name
        assert (
            sum(Decimal(line["Tax"]) for line in body["Lines"]) + Decimal(body["FreightTax"]) == document["tax_amount"]
        )
        assert json.dumps(body)
