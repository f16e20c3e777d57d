"""Changes to orders of the sandbox shop: comments, cancellation, hold, the upsert, address edits."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Rows = Callable[..., list[dict[str, Any]]]
TABLES = (
    "sales_order_payment",
    "sales_order_grid",
    "sales_order_address",
    "sales_order_status_history",
    "sales_shipment",
)


def path(placed: dict[str, Any], rest: str = "") -> str:
    return f"/rest/V1/orders/{placed['order_id']}{rest}"


def watch(rows: Rows) -> Callable[[], list[str]]:
    """Triggers as the bridge has them; what fired since the last look."""
    rows("CREATE TABLE seen (id int AUTO_INCREMENT PRIMARY KEY, name varchar(64))")
    for table in TABLES:
        for event in ("INSERT", "UPDATE"):
            rows(
                f"CREATE TRIGGER seen_{table}_{event} AFTER {event} ON {table} FOR EACH ROW "
                f"INSERT INTO seen (name) VALUES ('{event} {table}')"
            )

    def look() -> list[str]:
        found = [row["name"] for row in rows("SELECT name FROM seen ORDER BY id")]
        rows("DELETE FROM seen")
        return found

    return look


def test_a_comment_is_kept_oldest_first_and_an_emoji_becomes_question_marks(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    for text in ("first", "smile 😀 ok"):
        assert api.post(path(placed, "/comments"), statusHistory={"comment": text}) is True
    found = api.get(path(placed, "/comments"))
    assert [each["comment"] for each in found["items"]] == ["first", "smile ???? ok"]
    assert found["items"][0]["status"] == "pending"
    assert api.get(path(placed))["status_histories"][0]["comment"] == "smile ???? ok"


def test_a_comment_may_not_bring_another_status(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    with pytest.raises(CallFailed, match="is not part of the order"):
        api.post(path(placed, "/comments"), statusHistory={"comment": "x", "status": "processing"})
    assert api.get(path(placed, "/statuses")) == "pending"


def test_unknown_fields_and_wrong_types_of_a_comment_are_refused(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    with pytest.raises(CallFailed, match="is not supported"):
        api.post(path(placed, "/comments"), statusHistory={"comment": "x", "nope": 1})
    with pytest.raises(CallFailed, match="type is invalid"):
        api.post(path(placed, "/comments"), statusHistory={"comment": "x", "is_customer_notified": "abc"})
    with pytest.raises(CallFailed, match="statusHistory"):
        api.post(path(placed, "/comments"), foo=1)


def test_cancelling_answers_true_once_and_gives_the_goods_back(shop: ShopAdmin, api: Server, rows: Rows) -> None:
    placed = shop.checkout("mixed")
    assert api.call("POST", path(placed, "/cancel")) is True
    assert api.call("POST", path(placed, "/cancel")) is False
    document = api.get(path(placed))
    assert (document["state"], document["total_canceled"]) == ("canceled", document["grand_total"])
    assert document["total_due"] == document["grand_total"]
    assert rows("SELECT SUM(quantity) AS open FROM inventory_reservation")[0]["open"] == 0


def test_an_order_that_is_cancelled_half_invoiced_is_complete_with_an_amount_due(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout(lines=[{"sku": "MUG-WHITE", "qty": 2}])
    (row,) = api.get(path(placed))["items"]
    shop.invoice(placed["order_id"], items=[{"order_item_id": row["item_id"], "qty": 1}])
    assert shop.cancel(placed["order_id"]) is True
    document = api.get(path(placed))
    assert (document["state"], document["status"]) == ("complete", "complete")
    assert document["total_due"] == document["total_canceled"] == document["grand_total"] - document["total_paid"]
    (row,) = document["items"]
    assert (row["qty_invoiced"], row["qty_canceled"]) == (1, 1)


def test_an_order_goes_on_hold_once_and_comes_back_as_it_was(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    assert api.call("POST", path(placed, "/hold")) is True
    with pytest.raises(CallFailed, match="A hold action is not available"):
        api.call("POST", path(placed, "/hold"))
    assert api.call("POST", path(placed, "/unhold")) is True
    assert api.get(path(placed))["status"] == "pending"
    with pytest.raises(CallFailed, match="cannot remove the hold"):
        api.call("POST", path(placed, "/unhold"))


def test_an_invoice_can_be_made_once(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("bundle_dynamic")
    assert api.call("POST", f"/rest/V1/order/{placed['order_id']}/invoice", {"capture": True}) == "1"
    with pytest.raises(CallFailed, match="can't be created without products"):
        shop.post("/invoice", order_id=placed["order_id"])
    assert api.call("POST", path(placed, "/cancel")) is False


def test_invoices_and_rows_can_be_listed(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("configurable")
    shop.post("/invoice", order_id=placed["order_id"])
    (invoice,) = api.get("/rest/V1/invoices?searchCriteria[pageSize]=10")["items"]
    assert (invoice["order_id"], invoice["grand_total"]) == (placed["order_id"], placed["grand_total"])
    assert api.get("/rest/V1/orders/items?searchCriteria[pageSize]=10")["total_count"] == 4
    for empty in ("creditmemos", "transactions"):
        assert api.get(f"/rest/V1/{empty}?searchCriteria[pageSize]=10")["items"] == []


def test_an_external_id_that_is_too_long_is_cut_silently_while_the_answer_has_it_whole(
    shop: ShopAdmin, api: Server
) -> None:
    placed = shop.checkout("simple")
    answer = api.post("/rest/V1/orders", entity={"entity_id": placed["order_id"], "ext_order_id": "Z" * 40})
    assert answer["ext_order_id"] == "Z" * 40
    document = api.get(path(placed))
    assert document["ext_order_id"] == "Z" * 32
    assert document["grand_total"] == placed["grand_total"]


def test_an_upsert_of_an_unknown_order_is_refused(api: Server) -> None:
    with pytest.raises(CallFailed, match="Please provide payment"):
        api.post("/rest/V1/orders", entity={"entity_id": 99_999, "ext_order_id": "X"})


def test_an_address_edit_fires_the_address_trigger_only(shop: ShopAdmin, api: Server, rows: Rows) -> None:
    placed = shop.checkout("simple", second_update_delay_s=60)
    look = watch(rows)
    shop.post("/address", order_id=placed["order_id"], city="Potsdam", street=["Am Neuen Markt 1"])
    assert look() == ["UPDATE sales_order_address"]
    (assignment,) = api.get(path(placed))["extension_attributes"]["shipping_assignments"]
    assert assignment["shipping"]["address"]["city"] == "Potsdam"
    assert api.get(path(placed))["billing_address"]["city"] == "Köln"


def test_nearly_every_change_fires_payment_and_grid(shop: ShopAdmin, api: Server, rows: Rows) -> None:
    placed = shop.checkout("simple", second_update_delay_s=60)
    look = watch(rows)
    changes: list[Callable[[], Any]] = [
        lambda: api.call("POST", path(placed, "/hold")),
        lambda: api.call("POST", path(placed, "/unhold")),
        lambda: api.post(path(placed, "/comments"), statusHistory={"comment": "x"}),
        lambda: api.post("/rest/V1/orders", entity={"entity_id": placed["order_id"]}),
        lambda: shop.post("/invoice", order_id=placed["order_id"]),
        lambda: api.call("POST", f"/rest/V1/order/{placed['order_id']}/ship"),
    ]
    for change in changes:
        change()
        assert {"UPDATE sales_order_payment", "UPDATE sales_order_grid"} <= set(look())


def test_a_statement_cannot_be_sent_to_the_admin_server(shop: ShopAdmin) -> None:
    with pytest.raises(CallFailed, match="404"):
        shop.post("/sql", sql="SELECT 1")
