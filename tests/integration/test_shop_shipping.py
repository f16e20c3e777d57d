"""Shipping an order of the sandbox shop over REST."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from bridge_sandbox.admin import CallFailed, Server, ShopAdmin

Rows = Callable[..., list[dict[str, Any]]]
TRACK = {"track_number": "00340434161094042557", "title": "DHL", "carrier_code": "custom"}


def order(api: Server, placed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/rest/V1/orders/{placed['order_id']}")
    return found


def ship(api: Server, placed: dict[str, Any], quantities: dict[int, int] | None = None, **rest: Any) -> str:
    items = [{"order_item_id": item_id, "qty": quantity} for item_id, quantity in (quantities or {}).items()]
    body = ({"items": items} if items else {}) | rest
    shipment_id: str = api.call("POST", f"/rest/V1/order/{placed['order_id']}/ship", body)
    return shipment_id


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(CallFailed) as failed:
        call()
    assert failed.value.status == 400
    return failed.value.body


def shipments(api: Server, placed: dict[str, Any]) -> list[dict[str, Any]]:
    query = {
        "searchCriteria[filter_groups][0][filters][0][field]": "order_id",
        "searchCriteria[filter_groups][0][filters][0][value]": placed["order_id"],
    }
    found: list[dict[str, Any]] = api.get(f"/rest/V1/shipments?{urlencode(query)}")["items"]
    return found


def shipped(document: dict[str, Any]) -> list[Any]:
    return [row["qty_shipped"] for row in document["items"]]


def on_shelf(shop: ShopAdmin, sku: str) -> Any:
    return next(item["quantity"] for item in shop.book()["source_items"] if item["sku"] == sku)


def test_a_full_shipment_takes_the_goods_from_shelf_and_reservation(shop: ShopAdmin, api: Server, rows: Rows) -> None:
    placed = shop.checkout("simple")
    shipment_id = ship(api, placed, comment={"comment": "sent by BNG"}, tracks=[TRACK])
    assert shipment_id == "1"
    document = order(api, placed)
    assert (document["state"], document["status"], shipped(document)) == ("processing", "processing", [2])
    assert on_shelf(shop, "MUG-WHITE") == 99_998
    assert rows("SELECT SUM(quantity) AS open FROM inventory_reservation")[0]["open"] == 0
    (shipment,) = shipments(api, placed)
    assert shipment["total_qty"] == 2
    assert shipment["tracks"][0]["track_number"] == TRACK["track_number"]
    assert shipment["comments"][0]["comment"] == "sent by BNG"
    assert api.get(f"/rest/V1/shipment/{shipment_id}") == shipment


def test_a_partial_shipment_sent_twice_is_made_twice(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout(lines=[{"sku": "MUG-WHITE", "qty": 3}])
    item_id = order(api, placed)["items"][0]["item_id"]
    ship(api, placed, {item_id: 1})
    ship(api, placed, {item_id: 1})
    assert shipped(order(api, placed)) == [2]
    assert len(shipments(api, placed)) == 2


def test_more_than_is_open_is_cut_down_to_it(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    item_id = order(api, placed)["items"][0]["item_id"]
    ship(api, placed, {item_id: 999})
    assert shipped(order(api, placed)) == [2]
    assert shipments(api, placed)[0]["total_qty"] == 2


def test_later_shipments_do_not_move_the_orders_updated_at(shop: ShopAdmin, api: Server, rows: Rows) -> None:
    placed = shop.checkout("simple", second_update_delay_s=60)
    item_id = order(api, placed)["items"][0]["item_id"]
    ship(api, placed, {item_id: 1})
    rows("UPDATE sales_order SET updated_at = '2020-01-01 00:00:00'")
    ship(api, placed, {item_id: 1})
    assert order(api, placed)["updated_at"] == "2020-01-01 00:00:00"


def test_a_fully_shipped_order_refuses_another_shipment(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    ship(api, placed)
    assert "The order does not allow a shipment to be created." in refusal(lambda: ship(api, placed))


def test_unknown_rows_and_negative_quantities_ship_nothing(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    item_id = order(api, placed)["items"][0]["item_id"]
    assert "without products" in refusal(lambda: ship(api, placed, {999_999: 1}))
    assert "without products" in refusal(lambda: ship(api, placed, {item_id: -1}))


def test_an_order_on_hold_or_cancelled_refuses_a_shipment(shop: ShopAdmin, api: Server) -> None:
    held, cancelled = shop.checkout("simple"), shop.checkout("simple")
    shop.post("/hold", order_id=held["order_id"])
    shop.post("/cancel", order_id=cancelled["order_id"])
    assert "has a status of holded" in refusal(lambda: ship(api, held))
    assert "has a status of canceled" in refusal(lambda: ship(api, cancelled))


def test_an_unknown_order_is_not_found(api: Server) -> None:
    with pytest.raises(CallFailed, match="404"):
        ship(api, {"order_id": 99_999})


def test_a_shipment_of_more_than_the_shelf_holds_fails_whole(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    api.post(
        "/rest/V1/inventory/source-items",
        sourceItems=[{"sku": "MUG-WHITE", "source_code": "default", "quantity": 1, "status": 1}],
    )
    assert "Could not save a shipment" in refusal(lambda: ship(api, placed))
    assert shipped(order(api, placed)) == [0]
    assert shipments(api, placed) == []
    assert on_shelf(shop, "MUG-WHITE") == 1


def test_of_three_full_shipments_at_once_one_wins(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("mixed")

    def attempt(_: int) -> bool:
        try:
            ship(api, placed)
        except CallFailed:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(attempt, range(3))) == [False, False, True]
    assert len(shipments(api, placed)) == 1


def test_many_orders_with_the_same_goods_are_shipped_at_once_without_a_deadlock(shop: ShopAdmin, api: Server) -> None:
    placed = [shop.checkout("mixed") for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda each: ship(api, each), placed))) == 16


def test_a_configurable_is_shipped_by_its_parent_row_alone(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("configurable")
    rows_before = order(api, placed)["items"]
    assert "without products" in refusal(lambda: ship(api, placed, {rows_before[1]["item_id"]: 1}))
    ship(api, placed, {rows_before[2]["item_id"]: 2})
    assert shipped(order(api, placed)) == [0, 0, 2, 0]
    assert on_shelf(shop, "TEE-L") == 99_998


def test_a_bundle_that_ships_together_is_shipped_by_its_parent_row(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("bundle_fixed")
    parent, *_ = order(api, placed)["items"]
    ship(api, placed, {parent["item_id"]: 1})
    assert shipped(order(api, placed)) == [1, 2, 1]
    assert [(item["sku"], item["qty"]) for item in shipments(api, placed)[0]["items"]] == [("SET-FIXED", 1)]
    assert (on_shelf(shop, "MUG-WHITE"), on_shelf(shop, "POT 12CM")) == (99_998, 99_999)


def test_a_bundle_that_ships_separately_is_shipped_by_its_children(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("bundle_dynamic")
    parent, mug, lamp, nut = order(api, placed)["items"]
    assert "without products" in refusal(lambda: ship(api, placed, {parent["item_id"]: 1}))
    ship(api, placed, {mug["item_id"]: 6, nut["item_id"]: 20})
    assert shipped(order(api, placed))[1:] == [6, 0, 20]
    ship(api, placed, {lamp["item_id"]: 3, nut["item_id"]: 1})
    assert "does not allow" in refusal(lambda: ship(api, placed))
    assert on_shelf(shop, "NUT+M4") == 99_979


def test_invoiced_and_shipped_makes_an_order_complete(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("mixed")
    shop.post("/invoice", order_id=placed["order_id"])
    document = order(api, placed)
    assert (document["state"], document["total_due"], document["total_paid"]) == (
        "processing",
        0,
        document["grand_total"],
    )
    ship(api, placed)
    assert order(api, placed)["state"] == "complete"


def test_a_track_added_twice_stands_there_twice(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    shipment_id = int(ship(api, placed))
    track = {"order_id": placed["order_id"], "parent_id": shipment_id, **TRACK}
    added = api.post("/rest/V1/shipment/track", entity=track)
    assert added["track_number"] == TRACK["track_number"]
    api.post("/rest/V1/shipment/track", entity=track)
    assert len(shipments(api, placed)[0]["tracks"]) == 2
    unknown = {**track, "parent_id": 99_999}
    assert "Could not save the shipment tracking." in refusal(
        lambda: api.post("/rest/V1/shipment/track", entity=unknown)
    )


def test_the_book_shows_shipments_with_tracks_and_comments(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout("simple")
    ship(api, placed, comment={"comment": "BNG S-1"}, tracks=[TRACK])
    (shipment,) = shop.book()["shipments"]
    assert shipment["order_id"] == placed["order_id"]
    assert shipment["comments"] == ["BNG S-1"]
    assert shipment["tracks"] == [TRACK]
    assert [(item["sku"], item["qty"]) for item in shipment["items"]] == [("MUG-WHITE", Decimal(2))]


def test_a_clerk_ships_in_parts_with_tracks_and_corrects_the_address(shop: ShopAdmin, api: Server) -> None:
    placed = shop.checkout(lines=[{"sku": "MUG-WHITE", "qty": 3}])
    (row,) = api.get(f"/rest/V1/orders/{placed['order_id']}")["items"]
    shop.edit_address(placed["order_id"], city="Bonn")
    track = {"track_number": "JJD1", "title": "DHL", "carrier_code": "custom"}
    shop.ship(placed["order_id"], items=[{"order_item_id": row["item_id"], "qty": 1}], tracks=[track])
    shop.ship(placed["order_id"], comment={"comment": "the rest"})
    first, second = shop.book()["shipments"]
    assert ([each["qty"] for each in first["items"]], [each["track_number"] for each in first["tracks"]]) == (
        [1],
        ["JJD1"],
    )
    assert ([each["qty"] for each in second["items"]], second["comments"]) == ([2], ["the rest"])
    (assignment,) = api.get(f"/rest/V1/orders/{placed['order_id']}")["extension_attributes"]["shipping_assignments"]
    assert assignment["shipping"]["address"]["city"] == "Bonn"
