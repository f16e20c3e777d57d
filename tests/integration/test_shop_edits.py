"""What people do in the sandbox shop's admin and account pages: edit an order, comment, change own data."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Rows = Callable[..., list[dict[str, Any]]]
ADDRESS = {
    "region_id": 82,
    "country_id": "DE",
    "street": ["Oderberger Str. 4"],
    "telephone": "030 555",
    "postcode": "10435",
    "city": "Berlin",
    "firstname": "Zoë",
    "lastname": "Adler",
}


def order(api: Server, order_id: int) -> dict[str, Any]:
    document: dict[str, Any] = api.get(f"/rest/V1/orders/{order_id}")
    return document


def create_customer(api: Server) -> dict[str, Any]:
    customer = {"email": "zoe@example.com", "firstname": "Zoë", "lastname": "Adler", "addresses": [ADDRESS]}
    created: dict[str, Any] = api.post("/rest/V1/customers", customer=customer)
    return created


def test_an_edited_order_is_cancelled_and_a_child_with_the_same_goods_takes_its_place(
    shop: ShopAdmin, api: Server
) -> None:
    for kind in ("simple", "configurable", "bundle_fixed", "bundle_dynamic", "discount", "us", "mixed"):
        placed = shop.checkout(kind)
        edited = shop.edit(placed["order_id"])
        parent, child = order(api, placed["order_id"]), order(api, edited["order_id"])
        assert (parent["state"], child["state"]) == ("canceled", "new")
        assert child["increment_id"] == f"{placed['increment_id']}-1"
        assert (child["original_increment_id"], child["edit_increment"]) == (parent["increment_id"], 1)
        assert child["grand_total"] == placed["grand_total"]
        assert [row["sku"] for row in child["items"]] == [row["sku"] for row in parent["items"]]


def test_parent_and_child_know_each_other(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    edited = shop.edit(placed["order_id"])
    parent, child = order(api, placed["order_id"]), order(api, edited["order_id"])
    assert (parent["relation_child_id"], parent["relation_child_real_id"]) == (
        str(child["entity_id"]),
        child["increment_id"],
    )
    assert (child["relation_parent_id"], child["relation_parent_real_id"]) == (
        str(parent["entity_id"]),
        parent["increment_id"],
    )


def test_an_edit_of_an_edit_counts_on_and_may_change_the_lines(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    first = shop.edit(placed["order_id"])
    second = shop.edit(first["order_id"], lines=[{"sku": "MUG-WHITE", "qty": 5}])
    document = order(api, second["order_id"])
    assert document["increment_id"] == f"{placed['increment_id']}-2"
    assert document["original_increment_id"] == placed["increment_id"]
    assert document["relation_parent_id"] == str(first["order_id"])
    assert [row["qty_ordered"] for row in document["items"]] == [5]


def test_only_the_child_reserves_goods_in_the_end(shop: ShopAdmin, rows: Rows) -> None:
    placed = shop.checkout("simple")
    shop.edit(placed["order_id"])
    assert rows("SELECT SUM(quantity) AS open FROM inventory_reservation")[0]["open"] == -2


def test_the_child_keeps_customer_and_address(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple", customer_id=create_customer(api)["id"])
    shop.post("/address", order_id=placed["order_id"], city="Potsdam")
    child = order(api, shop.edit(placed["order_id"])["order_id"])
    (assignment,) = child["extension_attributes"]["shipping_assignments"]
    assert assignment["shipping"]["address"]["city"] == "Potsdam"
    assert child["customer_email"] == "zoe@example.com"
    assert "remote_ip" not in child


def test_an_invoiced_or_cancelled_order_cannot_be_edited(shop: ShopAdmin) -> None:
    invoiced, cancelled = shop.checkout("simple"), shop.checkout("simple")
    shop.post("/invoice", order_id=invoiced["order_id"])
    shop.post("/cancel", order_id=cancelled["order_id"])
    for each in (invoiced, cancelled):
        with pytest.raises(CallFailed, match="cannot be edited"):
            shop.edit(each["order_id"])
    with pytest.raises(CallFailed, match="404"):
        shop.edit(99_999)


def test_a_clerk_s_comment_stands_in_the_history(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    assert shop.post("/comment", order_id=placed["order_id"], comment="called the customer") == {"result": True}
    (comment,) = order(api, placed["order_id"])["status_histories"]
    assert (comment["comment"], comment["status"]) == ("called the customer", "pending")


def test_own_data_is_changed_in_three_transactions(shop: ShopAdmin, api: Server, rows: Rows) -> None:
    def transactions() -> int:
        return int(rows("SHOW GLOBAL STATUS LIKE 'Com_begin'")[0]["Value"])

    created = create_customer(api)
    before = transactions()
    moved = {**created["addresses"][0], "city": "Potsdam"}
    changed = shop.post("/customer", customer_id=created["id"], lastname="Falk", addresses=[moved])
    assert transactions() - before == 3
    assert (changed["lastname"], changed["addresses"][0]["city"]) == ("Falk", "Potsdam")


def test_fields_left_out_of_own_data_stay(shop: ShopAdmin, api: Server) -> None:
    created = create_customer(api)
    shop.post("/customer", customer_id=created["id"], taxvat="DE129273398")
    customer = api.get(f"/rest/V1/customers/{created['id']}")
    assert (customer["taxvat"], customer["email"], customer["addresses"]) == (
        "DE129273398",
        created["email"],
        created["addresses"],
    )


def test_a_customer_can_be_deleted(shop: ShopAdmin, api: Server) -> None:
    created = create_customer(api)
    assert shop.call("DELETE", f"/customer/{created['id']}") == {"result": True}
    for _ in range(2):
        with pytest.raises(CallFailed, match="404"):
            shop.call("DELETE", f"/customer/{created['id']}")
    with pytest.raises(CallFailed, match="404"):
        shop.post("/customer", customer_id=created["id"], lastname="Falk")


def test_an_address_in_full_and_a_buyer_who_pays_no_tax(shop: ShopAdmin, api: Server) -> None:
    document = order(api, shop.checkout("simple", address=ADDRESS, tax_free=True)["order_id"])
    assert (document["billing_address"]["region"], document["tax_amount"]) == ("Berlin", 0)
    assert document["extension_attributes"]["applied_taxes"] == []
    with pytest.raises(CallFailed, match="shipping address is missing"):
        shop.checkout("simple", address={"city": "Berlin"})


def test_a_product_added_over_rest_can_be_bought_at_the_price_it_has_now(shop: ShopAdmin, api: Server) -> None:
    extension = {"stock_item": {"qty": 10}}
    product = {"sku": "CUP", "name": "Cup", "price": 4, "weight": 1, "extension_attributes": extension}
    api.post("/rest/V1/products", product=product)
    assert api.get("/rest/V1/products/CUP")["extension_attributes"]["stock_item"]["qty"] == 10
    api.call("PUT", "/rest/V1/products/CUP", {"product": {"price": 4.5}})
    document = order(api, shop.checkout(lines=[{"sku": "CUP", "qty": 2}])["order_id"])
    assert document["subtotal"] == 9
