"""Invoices of the sandbox shop: whole, in parts, online, left open; what they do to the order."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Rows = Callable[..., list[dict[str, Any]]]
Document = dict[str, Any]
SUMS = ("grand_total", "subtotal", "tax_amount", "discount_amount", "shipping_amount", "base_grand_total")


def order_of(api: Server, placed: Document) -> Document:
    found: Document = api.get(f"/rest/V1/orders/{placed['order_id']}")
    return found


def invoice(api: Server, placed: Document, **body: Any) -> Document:
    """The invoice that REST made."""
    number = api.call("POST", f"/rest/V1/order/{placed['order_id']}/invoice", body)
    found: Document = api.get(f"/rest/V1/invoices/{number}")
    return found


def one_of_each(order: Document) -> list[Document]:
    """A piece of every row that has no parent."""
    return [{"order_item_id": row["item_id"], "qty": 1} for row in order["items"] if "parent_item_id" not in row]


@pytest.mark.parametrize("kind", ["simple", "configurable", "bundle_fixed", "discount", "us", "mixed"])
def test_invoices_in_parts_add_up_to_the_order(shop: ShopAdmin, api: Server, kind: str) -> None:
    placed = shop.checkout(kind, coupon="TEN")
    order = order_of(api, placed)
    parts = [invoice(api, placed, items=one_of_each(order)), invoice(api, placed)] if kind != "discount" else []
    parts = parts or [invoice(api, placed)]
    for name in SUMS:
        assert sum(Decimal(str(part[name])) for part in parts) == order[name], name
    done = order_of(api, placed)
    assert (done["state"], done["total_due"]) == ("processing", 0)
    assert done["total_invoiced"] == done["total_paid"] == done["grand_total"]
    for row in done["items"]:
        if row["row_total"] and row["row_invoiced"]:  # a child without money is counted whole with each part
            assert row["qty_invoiced"] == row["qty_ordered"], row["sku"]


def test_the_freight_is_in_the_first_invoice(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout(lines=[{"sku": "MUG-WHITE", "qty": 3}])
    (row,) = order_of(api, placed)["items"]
    parts = [invoice(api, placed, items=[{"order_item_id": row["item_id"], "qty": 1}]) for _ in range(3)]
    assert [part["shipping_amount"] for part in parts] == [15, 0, 0]
    assert [part["total_qty"] for part in parts] == [1, 1, 1]


def test_a_partial_invoice_sent_again_is_made_again_and_never_beyond_what_was_ordered(
    shop: ShopAdmin, api: Server
) -> None:
    placed = shop.checkout(lines=[{"sku": "MUG-WHITE", "qty": 3}])
    (row,) = order_of(api, placed)["items"]
    two = [{"order_item_id": row["item_id"], "qty": 2}]
    invoice(api, placed, items=two)
    with pytest.raises(CallFailed, match="invalid quantity to invoice item") as refused:
        invoice(api, placed, items=two)
    assert refused.value.status == 400
    order = order_of(api, placed)
    assert (order["state"], order["items"][0]["qty_invoiced"]) == ("processing", 2)
    assert order["total_due"] == order["grand_total"] - order["total_paid"]


def test_an_invoiced_part_of_a_kit_brings_the_whole_kit_along(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("bundle_dynamic")
    kit, mugs, *_ = order_of(api, placed)["items"]
    found = invoice(api, placed, items=[{"order_item_id": mugs["item_id"], "qty": 2}])
    assert [(row["sku"], row["qty"]) for row in found["items"]] == [(kit["sku"], 3), ("MUG-WHITE", 2)]
    assert found["subtotal"] == 2 * mugs["price"]
    assert "row_total" not in found["items"][0]


def test_of_a_card_the_capture_leaves_a_transaction_and_of_a_cheque_none(shop: ShopAdmin, api: Server) -> None:
    by_card, by_cheque = shop.checkout(payment="card"), shop.checkout()
    found = invoice(api, by_card, capture=True)
    assert "transaction_id" not in invoice(api, by_cheque, capture=True)
    assert "transaction_id" not in invoice(api, shop.checkout(payment="card"), capture=False)
    (transaction,) = api.get("/rest/V1/transactions?searchCriteria[pageSize]=10")["items"]
    assert (transaction["txn_type"], transaction["txn_id"]) == ("capture", found["transaction_id"])
    order = order_of(api, by_card)
    assert order["payment"]["last_trans_id"] == found["transaction_id"]
    assert order["status_histories"][0]["comment"].startswith("Captured amount of €")


def test_an_invoice_that_a_clerk_left_open_is_paid_later(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout(payment="card")
    number = shop.post("/invoice", order_id=placed["order_id"], capture="later")["result"]
    assert api.get(f"/rest/V1/invoices/{number}")["state"] == 1
    order = order_of(api, placed)
    assert (order["total_invoiced"], order["total_due"]) == (order["grand_total"], order["grand_total"])
    assert api.call("POST", f"/rest/V1/invoices/{number}/capture") is True
    assert api.call("POST", f"/rest/V1/invoices/{number}/capture") is False
    assert api.get(f"/rest/V1/invoices/{number}")["state"] == 2
    assert order_of(api, placed)["total_due"] == 0


def test_comments_stand_on_the_invoice_with_it_and_later(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout()
    found = invoice(api, placed, comment={"comment": "BNG invoice INV-1", "is_visible_on_front": 0})
    entity = {"parent_id": found["entity_id"], "comment": "later", "is_visible_on_front": 0}
    assert api.post("/rest/V1/invoices/comments", entity=entity)["comment"] == "later"
    listed = api.get(f"/rest/V1/invoices/{found['entity_id']}/comments")
    assert [each["comment"] for each in listed["items"]] == ["BNG invoice INV-1", "later"]
    again = api.get(
        f"/rest/V1/invoices?{'searchCriteria[filter_groups][0][filters][0][field]=order_id'}"
        f"&searchCriteria[filter_groups][0][filters][0][value]={placed['order_id']}"
    )
    assert [each["comment"] for each in again["items"][0]["comments"]] == ["BNG invoice INV-1", "later"]
    with pytest.raises(CallFailed, match="404"):
        api.get("/rest/V1/invoices/9999/comments")


def test_an_invoice_fires_the_triggers_of_its_own_table_and_of_payment_and_grid(
    shop: ShopAdmin, api: Server, rows: Rows
) -> None:
    placed = shop.checkout()
    rows("CREATE TABLE seen (name varchar(64))")
    for table in ("sales_invoice", "sales_order_payment", "sales_order_grid"):
        event = "INSERT" if table == "sales_invoice" else "UPDATE"
        rows(f"CREATE TRIGGER see_{table} AFTER {event} ON {table} FOR EACH ROW INSERT INTO seen VALUES ('{table}')")
    invoice(api, placed)
    assert {row["name"] for row in rows("SELECT name FROM seen")} == {
        "sales_invoice",
        "sales_order_payment",
        "sales_order_grid",
    }
