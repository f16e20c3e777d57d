"""Credit memos of the sandbox shop: offline and online, whole and in parts, and where money and goods go."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


def invoiced(shop: ShopAdmin, api: Server, kind: str = "simple", **options: Any) -> Document:
    """An order that is paid, as REST shows it, with `order_id` beside."""
    placed = shop.checkout(kind, **options)
    shop.invoice(placed["order_id"], capture="online")
    return {**order_of(api, placed), "order_id": placed["order_id"]}


def refund(api: Server, order: Document, **body: Any) -> Document:
    """The credit memo that REST made on the order."""
    number = api.call("POST", f"/rest/V1/order/{order['order_id']}/refund", body)
    found: Document = api.get(f"/rest/V1/creditmemo/{number}")
    return found


def refund_online(api: Server, order: Document, **body: Any) -> Document:
    """The credit memo that REST made on the order's invoice, paid by the provider."""
    listed = api.get(
        "/rest/V1/invoices?searchCriteria[filter_groups][0][filters][0][field]=order_id"
        f"&searchCriteria[filter_groups][0][filters][0][value]={order['order_id']}"
    )
    (invoice,) = listed["items"]
    number = api.call("POST", f"/rest/V1/invoice/{invoice['entity_id']}/refund", {"isOnline": True, **body})
    found: Document = api.get(f"/rest/V1/creditmemo/{number}")
    return found


def pieces(row: Document, quantity: int) -> list[Document]:
    return [{"order_item_id": row["item_id"], "qty": quantity}]


@pytest.mark.parametrize("kind", ["simple", "configurable", "bundle_fixed", "bundle_dynamic", "us", "mixed"])
def test_refunds_in_parts_add_up_to_the_order_and_close_it(shop: ShopAdmin, api: Server, kind: str) -> None:
    order = invoiced(shop, api, kind, coupon="TEN")
    paying = next(row for row in order["items"] if row["row_invoiced"])
    first = refund(api, order, items=pieces(paying, 1), arguments={"shipping_amount": 2})
    parts = [first, refund(api, order)]
    for name in SUMS:
        assert sum(Decimal(str(part[name])) for part in parts) == order[name], name
    done = order_of(api, order)
    assert (done["state"], done["status"]) == ("closed", "closed")
    assert done["total_refunded"] == done["total_offline_refunded"] == done["grand_total"]
    assert done["payment"]["amount_refunded"] == done["grand_total"]
    assert shop.online_refunds() == []


def test_without_a_shipping_amount_the_whole_freight_goes_back_with_one_piece(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api)
    assert refund(api, order, items=pieces(order["items"][0], 1))["shipping_amount"] == order["shipping_amount"]
    assert order_of(api, order)["state"] == "processing"


def test_an_adjustment_alone_is_a_credit_memo_without_rows(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api)
    found = refund(
        api, order, items=pieces(order["items"][0], 0), arguments={"shipping_amount": 0, "adjustment_positive": 5}
    )
    assert (found["items"], found["grand_total"], found["adjustment"]) == ([], 5, 5)
    kept = refund(api, order, arguments={"shipping_amount": 0, "adjustment_negative": "2.50"})
    assert Decimal(str(kept["grand_total"])) == order["grand_total"] - order["shipping_amount"] - Decimal("2.50")
    done = order_of(api, order)
    assert (done["adjustment_positive"], done["adjustment_negative"]) == (5, Decimal("2.5"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"items": [{"qty": 50}]}, "invalid quantity to refund item"),
        (
            {"items": [{"qty": 0}], "arguments": {"shipping_amount": 99}},
            "Maximum shipping amount allowed to refund is",
        ),
        ({"items": [{"qty": 0}], "arguments": {"shipping_amount": 0}}, "total must be positive"),
        ({"arguments": {"adjustment_positive": 1}}, "The most money available to refund is"),
    ],
)
def test_more_than_there_is_to_give_back_is_refused(shop: ShopAdmin, api: Server, body: Document, message: str) -> None:
    order = invoiced(shop, api)
    items = [{"order_item_id": order["items"][0]["item_id"], **item} for item in body.get("items", [])]
    with pytest.raises(CallFailed, match=message) as refused:
        refund(api, order, **{**body, "items": items})
    assert refused.value.status == 400
    assert "total_refunded" not in order_of(api, order)


def test_what_was_not_paid_and_what_is_closed_cannot_be_refunded(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout()
    with pytest.raises(CallFailed, match="The order does not allow a creditmemo to be created"):
        refund(api, placed)
    order = invoiced(shop, api)
    refund(api, order)
    with pytest.raises(CallFailed, match="status of closed"):
        refund(api, order)


def test_online_the_provider_pays_and_offline_it_does_not(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api, payment="card")
    found = refund_online(api, order, items=pieces(order["items"][0], 1), arguments={"shipping_amount": 0})
    (moved,) = shop.online_refunds()
    assert (moved["txn_id"], moved["parent_txn_id"]) == (found["transaction_id"], order["payment"]["last_trans_id"])
    refund(api, order, items=pieces(order["items"][0], 1), arguments={"shipping_amount": 0})
    assert len(shop.online_refunds()) == 1
    done = order_of(api, order)
    assert done["total_online_refunded"] == done["total_offline_refunded"] == found["grand_total"]
    assert done["total_refunded"] == 2 * found["grand_total"]
    assert [each["comment"].split(".")[1][2:10].strip() for each in done["status_histories"]][:2] == [
        "offline",
        "online",
    ]


def test_an_invoice_that_no_provider_was_paid_for_is_not_refunded_online(shop: ShopAdmin, api: Server) -> None:
    with pytest.raises(CallFailed, match="We can't create creditmemo for the invoice"):
        refund_online(api, invoiced(shop, api))
    placed = shop.checkout(payment="card")
    shop.invoice(placed["order_id"])
    with pytest.raises(CallFailed, match="Could not save a Creditmemo"):
        refund_online(api, placed)
    assert "total_refunded" not in order_of(api, placed)


def test_of_three_full_refunds_at_once_one_wins(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api)

    def try_once(_number: int) -> int:
        try:
            refund(api, order)
        except CallFailed as error:
            return error.status
        return 200

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(try_once, range(3))) == [200, 400, 400]
    assert len(shop.book()["credit_memos"]) == 1


def test_a_clerk_refunds_online_and_offline(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api, payment="card")
    shop.refund(order["order_id"], items=pieces(order["items"][0], 1), online=True)
    shop.refund(order["order_id"], comment={"comment": "by hand"})
    online, offline = shop.book()["credit_memos"]
    assert (bool(online["transaction_id"]), offline["transaction_id"]) == (True, None)
    assert offline["comments"] == ["by hand"]
    assert order_of(api, order)["state"] == "closed"


def test_giving_back_parts_of_a_kit_counts_the_whole_kit_as_given_back(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api, "bundle_dynamic")
    _, mugs, *_ = order["items"]
    found = refund(api, order, items=pieces(mugs, 2), arguments={"shipping_amount": 0})
    assert found["subtotal"] == 2 * mugs["price"]
    kit, mugs, lamp, _ = order_of(api, order)["items"]
    assert (kit["qty_refunded"], mugs["qty_refunded"], lamp["qty_refunded"]) == (3, 2, 0)


@pytest.mark.parametrize(("is_shipped", "is_returned", "moved"), [(1, 1, 0), (1, 0, -2), (0, 1, 0), (0, 0, -2)])
def test_goods_come_back_onto_the_shelf_or_leave_it(
    shop: ShopAdmin, api: Server, rows: Rows, is_shipped: int, is_returned: int, moved: int
) -> None:
    order = invoiced(shop, api)
    item_id = order["items"][0]["item_id"]
    before = on_shelf(rows)
    if is_shipped:
        shop.ship(order["order_id"])
    back = {"return_to_stock_items": [item_id] if is_returned else []}
    refund(api, order, arguments={"extension_attributes": back})
    assert on_shelf(rows) - before == moved
    assert rows("SELECT SUM(quantity) AS open FROM inventory_reservation")[0]["open"] == 0


def on_shelf(rows: Rows) -> Decimal:
    return Decimal(rows("SELECT quantity FROM inventory_source_item WHERE sku = 'MUG-WHITE'")[0]["quantity"])


def test_comments_stand_on_the_credit_memo_with_it_and_later(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api)
    found = refund(api, order, comment={"comment": "BNG credit memo CM-1", "is_visible_on_front": 0})
    path = f"/rest/V1/creditmemo/{found['entity_id']}/comments"
    api.post(path, entity={"parent_id": found["entity_id"], "comment": "later", "is_visible_on_front": 0})
    assert [each["comment"] for each in api.get(path)["items"]] == ["BNG credit memo CM-1", "later"]


def test_a_credit_memo_with_bare_items_has_no_totals_and_moves_no_state(shop: ShopAdmin, api: Server) -> None:
    order = invoiced(shop, api)
    bare = {"order_id": order["order_id"], "items": pieces(order["items"][0], 1)}
    found = api.post("/rest/V1/creditmemo/refund", creditmemo=bare)
    assert "grand_total" not in found
    done = order_of(api, order)
    assert (done["items"][0]["qty_refunded"], done["state"]) == (1, "processing")
    assert "total_refunded" not in done


def test_a_refund_fires_the_triggers_of_its_own_table_and_of_payment_and_grid(
    shop: ShopAdmin, api: Server, rows: Rows
) -> None:
    order = invoiced(shop, api)
    rows("CREATE TABLE seen (name varchar(64))")
    for table in ("sales_creditmemo", "sales_order_payment", "sales_order_grid", "sales_order_status_history"):
        event = "UPDATE" if table in ("sales_order_payment", "sales_order_grid") else "INSERT"
        rows(f"CREATE TRIGGER see_{table} AFTER {event} ON {table} FOR EACH ROW INSERT INTO seen VALUES ('{table}')")
    refund(api, order)
    assert len({row["name"] for row in rows("SELECT name FROM seen")}) == 4
