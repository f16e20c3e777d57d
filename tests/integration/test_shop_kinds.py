"""Orders of every kind that a merchant has: what the sandbox shop sells besides simple goods in euros, and its sums."""

from decimal import Decimal
from typing import Any

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Document = dict[str, Any]
KINDS = ("virtual", "part_virtual", "grouped", "options", "twice", "decimal", "mixed")


def placed(shop: ShopAdmin, api: Server, kind: str = "simple", **options: Any) -> Document:
    found: Document = api.get(f"/rest/V1/orders/{shop.checkout(kind, **options)['order_id']}")
    return found


def again(api: Server, order: Document) -> Document:
    found: Document = api.get(f"/rest/V1/orders/{order['entity_id']}")
    return found


def adds_up(order: Document, prefix: str = "") -> None:
    """The rows' sums are the header's, and the header's parts its grand total."""

    def header(name: str) -> Decimal:
        return Decimal(order.get(prefix + name) or 0)

    def rows(name: str) -> Decimal:
        own = [row for row in order["items"] if "tax_percent" in row]
        return Decimal(sum(Decimal(row.get(prefix + name) or 0) for row in own))

    assert rows("discount_amount") + header("shipping_discount_amount") == -header("discount_amount")
    assert rows("tax_amount") + header("shipping_tax_amount") == header("tax_amount")
    assert rows("discount_tax_compensation_amount") == header("discount_tax_compensation_amount")
    parts = ("subtotal", "discount_amount", "tax_amount", "discount_tax_compensation_amount", "shipping_amount")
    assert sum(header(name) for name in parts) == header("grand_total")


@pytest.mark.parametrize("coupon", [None, "TEN", "TEN-ALL", "GRATIS"])
def test_every_kind_adds_up_in_both_currencies_net_and_gross(shop: ShopAdmin, api: Server, coupon: str | None) -> None:
    shop.open_store("net-chf", currency="CHF", rate="0.9371", taxed_freight=True)
    shop.open_store("gross", gross_prices=True, taxed_freight=True)
    for store in ("default", "net-chf", "gross"):
        for kind in KINDS:
            order = placed(shop, api, kind, coupon=coupon, store=store)
            adds_up(order)
            adds_up(order, "base_")


def test_a_virtual_order_has_no_freight_and_no_shipping_address_and_leaves_the_shelf_with_its_invoice(
    shop: ShopAdmin, api: Server
) -> None:
    order = placed(shop, api, "virtual")
    assert (order["is_virtual"], order["shipping_amount"], order["items"][0]["is_virtual"]) == (1, 0, 1)
    assert "shipping_description" not in order
    (assignment,) = order["extension_attributes"]["shipping_assignments"]
    assert set(assignment["shipping"]) == {"total"}
    assert order["billing_address"]["city"] == "Köln"
    with pytest.raises(CallFailed, match="does not allow a shipment"):
        shop.ship(order["entity_id"])
    shop.invoice(order["entity_id"])
    assert again(api, order)["state"] == "complete"
    assert on_shelf(shop, "WARRANTY-2Y") == 99_999


def test_of_an_order_with_a_virtual_row_only_the_rest_is_shipped(shop: ShopAdmin, api: Server) -> None:
    order = placed(shop, api, "part_virtual")
    assert (order["is_virtual"], order["shipping_amount"]) == (0, 5)
    shop.invoice(order["entity_id"])
    shop.ship(order["entity_id"])
    done = again(api, order)
    assert [(row["sku"], row["qty_shipped"]) for row in done["items"]] == [("LAMP/DESK 1", 1), ("WARRANTY-2Y", 0)]
    assert done["state"] == "complete"


def test_a_group_becomes_rows_without_a_parent_that_are_called_grouped(shop: ShopAdmin, api: Server) -> None:
    order = placed(shop, api, "grouped")
    assert [(row["sku"], row["product_type"], row["qty_ordered"]) for row in order["items"]] == [
        ("POT 12CM", "grouped", 2),
        ("NUT+M4", "grouped", 10),
    ]
    assert all("parent_item_id" not in row for row in order["items"])


def test_options_lengthen_the_sku_and_raise_the_price_and_the_shelf_knows_the_product(
    shop: ShopAdmin, api: Server
) -> None:
    order = placed(shop, api, "options")
    engraved, plain = order["items"]
    assert (engraved["sku"], plain["sku"]) == ("MUG-WHITE-ENG", "MUG-WHITE")
    assert (engraved["price"], plain["price"]) == (Decimal("12.49"), Decimal("9.99"))
    assert engraved["product_option"]["extension_attributes"]["custom_options"] == [
        {"option_id": "1", "option_value": "Ida"}
    ]
    shop.ship(order["entity_id"])
    assert on_shelf(shop, "MUG-WHITE") == 99_997


def test_the_same_sku_on_two_lines_is_two_rows(shop: ShopAdmin, api: Server) -> None:
    order = placed(shop, api, "twice")
    assert [(row["sku"], row["qty_ordered"]) for row in order["items"]] == [("LAMP/DESK 1", 1), ("LAMP/DESK 1", 2)]


def test_a_decimal_quantity_leaves_fractions_in_the_header_and_whole_cents_in_what_is_due(
    shop: ShopAdmin, api: Server
) -> None:
    order = placed(shop, api, "decimal")
    assert (order["items"][0]["qty_ordered"], order["items"][0]["is_qty_decimal"]) == (Decimal("1.275"), 1)
    assert (order["subtotal"], order["grand_total"]) == (Decimal("22.3763"), Decimal("33.0013"))
    assert order["total_due"] == Decimal(33)
    shop.invoice(order["entity_id"])
    shop.refund(order["entity_id"])
    assert again(api, order)["state"] == "closed"


def test_another_website_has_its_own_numbers_and_currency_and_keeps_both_amounts(shop: ShopAdmin, api: Server) -> None:
    shop.open_store("us", website="us", base_currency="USD", currency="USD", time_zone="America/Chicago")
    shop.open_store("ch", currency="CHF", rate="0.9371")
    dollars, francs = (placed(shop, api, store=store) for store in ("us", "ch"))
    assert (dollars["increment_id"], dollars["base_currency_code"], dollars["order_currency_code"]) == (
        "2000000001",
        "USD",
        "USD",
    )
    assert (francs["base_currency_code"], francs["order_currency_code"]) == ("EUR", "CHF")
    assert (francs["base_grand_total"], francs["grand_total"]) == (Decimal("33.78"), Decimal("31.66"))
    assert francs["base_to_order_rate"] == Decimal("0.9371")
    configs = {each["code"]: each for each in api.get("/rest/V1/store/storeConfigs")}
    assert (configs["us"]["timezone"], configs["us"]["website_id"]) == ("America/Chicago", 2)
    assert api.get(f"/rest/us/V1/orders/{dollars['entity_id']}")["entity_id"] == dollars["entity_id"]
    with pytest.raises(CallFailed, match="cannot be processed"):
        api.get("/rest/nowhere/V1/orders/1")
    shop.invoice(francs["entity_id"])
    shop.refund(francs["entity_id"])
    (memo,) = shop.book()["credit_memos"]
    assert (memo["grand_total"], memo["base_grand_total"]) == (Decimal("31.66"), Decimal("33.78"))
    assert (memo["increment_id"], again(api, francs)["state"]) == ("3000000001", "closed")


def test_where_prices_include_the_tax_the_saved_tax_stands_apart_as_compensation(shop: ShopAdmin, api: Server) -> None:
    shop.open_store("gross", gross_prices=True)
    order = placed(shop, api, store="gross", coupon="TEN")
    (row,) = order["items"]
    assert (row["price_incl_tax"], order["subtotal_incl_tax"]) == (Decimal("9.99"), Decimal("19.98"))
    assert (row["discount_amount"], row["discount_tax_compensation_amount"]) == (Decimal(2), Decimal("0.32"))
    assert order["grand_total"] == Decimal("19.98") - 2 + 10
    shop.invoice(order["entity_id"], items=[{"order_item_id": row["item_id"], "qty": 1}])
    shop.invoice(order["entity_id"])
    done = again(api, order)
    assert (done["total_invoiced"], done["total_due"]) == (order["grand_total"], 0)


def test_the_header_discount_contains_the_freights(shop: ShopAdmin, api: Server) -> None:
    order = placed(shop, api, coupon="TEN-ALL")
    assert order["shipping_discount_amount"] == 1
    assert order["discount_amount"] == -(order["items"][0]["discount_amount"] + 1)
    shop.invoice(order["entity_id"])
    shop.refund(order["entity_id"])
    assert again(api, order)["total_refunded"] == order["grand_total"]


def test_an_order_that_costs_nothing_is_paid_by_the_method_for_that(shop: ShopAdmin, api: Server) -> None:
    order = placed(shop, api, coupon="GRATIS")
    assert (order["grand_total"], order["base_grand_total"], order["payment"]["method"]) == (0, 0, "free")
    assert order["items"][0]["row_total"] == 0
    shop.invoice(order["entity_id"])
    shop.ship(order["entity_id"])
    assert again(api, order)["state"] == "complete"


def test_what_other_modules_take_off_stands_among_the_extension_attributes_or_in_the_header(
    shop: ShopAdmin, api: Server
) -> None:
    extras = [
        {"name": "gift_cards_amount", "amount": 20, "takes_off": True},
        {"name": "gift_cards", "value": [{"code": "GC-1", "amount": 20}]},
        {"name": "handling_fee", "amount": "1.50", "in_header": True},
    ]
    order = placed(shop, api, extras=extras)
    shown = order["extension_attributes"]
    assert (shown["gift_cards_amount"], shown["base_gift_cards_amount"]) == (20, 20)
    assert shown["gift_cards"] == [{"code": "GC-1", "amount": 20}]
    assert order["handling_fee"] == Decimal("1.5")
    assert order["grand_total"] == Decimal("33.78") - 20 + Decimal("1.5")
    shop.invoice(order["entity_id"])
    assert again(api, order)["total_paid"] == order["grand_total"]
    shop.refund(order["entity_id"])
    assert again(api, order)["state"] == "closed"


def on_shelf(shop: ShopAdmin, sku: str) -> Any:
    return next(each["quantity"] for each in shop.book()["source_items"] if each["sku"] == sku)
