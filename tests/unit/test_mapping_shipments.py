"""A BNG shipment becomes the items of the shop's ship call: by the rows that Magento ships, in whole sets."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mappings import template
from tests.support.orders import Document, configurable, dynamic_bundle, fixed_bundle, item, order

from bng_bridge.mapping import shipments
from bridge_common.errors import MappingError, RejectedByTarget

TOGETHER: dict[int, bool] = {}
NOTHING: dict[str, Decimal] = {}


def sales_order(document: Document) -> dict[str, Any]:
    context = {"external_id": "x", "customer_id": "C-1", "time_zone": "UTC", "transaction_id": ""}
    return template("order-to-sales-order")(document, **context)


def shipment(
    number: int, *lines: tuple[int, str], tracks: tuple[str, ...] = (), carrier: str | None = "DHL"
) -> Document:
    """BNG's shipment of (LineNo, Quantity)."""
    return {
        "ShipmentID": f"SH-{number}",
        "Carrier": carrier,
        "TrackingNumbers": list(tracks),
        "Lines": [{"LineNo": line, "SKU": "?", "Quantity": quantity} for line, quantity in lines],
    }


def shipped(document: Document, *shipped_lines: Document, separately: bool = False) -> dict[int, Decimal]:
    """Quantity by order item id that the last of these shipments ships, the others having come before."""
    at_bng = sales_order(document)
    now = shipments.quantities([shipped_lines[-1]], at_bng)
    earlier = shipments.quantities(list(shipped_lines[:-1]), at_bng)
    bundles = {row["product_id"]: separately for row in document["items"] if row["product_type"] == "bundle"}
    items = shipments.items_to_ship(document, now, earlier, bundles)
    return {row["order_item_id"]: row["qty"] for row in items}


def test_simple_rows_are_shipped_by_their_ids() -> None:
    document = order(item(7, "MUG", qty="3", price="1"), item(9, "MUG", qty="2", price="1"))
    assert shipped(document, shipment(1, (1, "2"), (2, "2"))) == {7: 2, 9: 2}


def test_a_decimal_quantity_is_shipped_as_it_is() -> None:
    assert shipped(order(item(7, "ROPE", qty="2.75", price="4")), shipment(1, (1, "1.25"))) == {7: Decimal("1.25")}


def test_a_configurable_is_shipped_by_its_parent() -> None:
    assert shipped(order(*configurable(21)), shipment(1, (1, "2"))) == {21: 2}


def test_two_lines_of_one_sku_are_not_mixed_up() -> None:
    document = order(*configurable(1), *configurable(3))
    assert shipped(document, shipment(1, (2, "1"))) == {3: 1}


def test_a_bundle_that_ships_separately_is_shipped_by_its_parts() -> None:
    document = order(*dynamic_bundle(41), repeats=[41])
    assert shipped(document, shipment(1, (1, "4"), (2, "1")), separately=True) == {42: 4, 43: 1}


def test_the_money_line_of_a_fixed_bundle_that_ships_separately_is_nothing_to_ship() -> None:
    document = order(*fixed_bundle(31))
    assert shipped(document, shipment(1, (1, "2"), (2, "4"), (3, "2")), separately=True) == {32: 4, 33: 2}


def test_a_bundle_that_ships_together_is_shipped_by_its_parent_in_sets() -> None:
    document = order(*fixed_bundle(31))
    assert shipped(document, shipment(1, (1, "2"), (2, "4"), (3, "2"))) == {31: 2}
    assert shipped(document, shipment(1, (2, "2"), (3, "1"))) == {31: 1}


def test_parts_that_complete_no_set_ship_nothing() -> None:
    document = order(*fixed_bundle(31))
    assert shipped(document, shipment(1, (2, "4"))) == {}
    assert shipped(document, shipment(1, (2, "1"), (3, "2"))) == {}


def test_a_set_is_shipped_with_the_shipment_that_completes_it() -> None:
    document = order(*fixed_bundle(31))
    mugs, pots = shipment(1, (2, "4")), shipment(2, (3, "2"))
    assert shipped(document, mugs) == {}
    assert shipped(document, mugs, pots) == {31: 2}
    one_and_a_half, rest = shipment(1, (2, "3"), (3, "1")), shipment(2, (2, "1"), (3, "1"))
    assert shipped(document, one_and_a_half) == {31: 1}
    assert shipped(document, one_and_a_half, rest) == {31: 1}


def test_sets_do_not_depend_on_which_shipment_the_bridge_handles_first() -> None:
    """Each ships its own, also when a later one is in the shop already."""
    document = order(*fixed_bundle(31))
    first, second = shipment(1, (2, "2"), (3, "1")), shipment(2, (2, "2"), (3, "1"))
    document["items"][0]["qty_shipped"] = Decimal(1)
    assert shipped(document, first) == {31: 1}
    assert shipped(document, first, second) == {31: 1}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6))
def test_over_all_shipments_every_complete_set_is_shipped_once(parts: list[tuple[int, int]]) -> None:
    """However the parts of 5 sets of 2 mugs and a pot are spread over parcels."""
    document = order(*fixed_bundle(31, qty="5"))
    mugs, pots, sent, total = 10, 5, [], Decimal(0)
    for number, (some_mugs, some_pots) in enumerate(parts):
        lines = [(2, str(min(some_mugs, mugs))), (3, str(min(some_pots, pots)))]
        mugs, pots = mugs - min(some_mugs, mugs), pots - min(some_pots, pots)
        sent.append(shipment(number, *lines))
        total += shipped(document, *sent).get(31, Decimal(0))
    assert total == min((10 - mugs) // 2, 5 - pots)


def test_more_than_the_shop_has_left_is_refused() -> None:
    """Magento would clamp it and answer 200."""
    document = order(item(7, "MUG", qty="3", price="1", qty_shipped=Decimal(1), qty_refunded=Decimal(1)))
    assert shipped(document, shipment(1, (1, "1"))) == {7: 1}
    with pytest.raises(RejectedByTarget, match="BNG shipped 2 of MUG, the shop has 1 left") as refused:
        shipped(document, shipment(1, (1, "2")))
    assert "by hand" in refused.value.hint


def test_more_sets_than_the_shop_has_left_are_refused() -> None:
    document = order(*fixed_bundle(31))
    document["items"][0]["qty_canceled"] = Decimal(1)
    with pytest.raises(RejectedByTarget, match="BNG shipped 2 of SET-FIXED, the shop has 1 left"):
        shipped(document, shipment(1, (2, "4"), (3, "2")))


def test_a_rounding_line_is_nothing_to_ship() -> None:
    document = order(item(1, "ROPE", qty="2.75", price="5.13"), grand_total=Decimal("19.10"))
    assert sales_order(document)["Lines"][1]["SKU"] == "ROUNDING"
    assert shipped(document, shipment(1, (1, "2.75"), (2, "1"))) == {1: Decimal("2.75")}


def test_a_line_that_the_sales_order_does_not_have_holds_the_shipment() -> None:
    with pytest.raises(MappingError, match="shipment SH-1 has line 9, the order has not"):
        shipped(order(), shipment(1, (9, "1")))


def test_a_row_that_the_shop_does_not_have_holds_the_shipment() -> None:
    at_bng = sales_order(order(item(7, "MUG", price="1")))
    now = shipments.quantities([shipment(1, (1, "1"))], at_bng)
    with pytest.raises(MappingError, match="the shop's order has no item 7"):
        shipments.items_to_ship(order(item(8, "MUG", price="1")), now, NOTHING, TOGETHER)


def waiting(document: Document, *sent: Document) -> list[str]:
    found = shipments.waiting_for(list(sent), sales_order(document), document, TOGETHER)
    return [each["ShipmentID"] for each in found]


def test_those_that_waited_go_with_the_shipment_that_completes_their_set() -> None:
    document = order(*fixed_bundle(31))
    mugs, more_mugs, pots = shipment(1, (2, "2")), shipment(2, (2, "2")), shipment(3, (3, "2"))
    assert waiting(document, mugs) == []
    assert waiting(document, mugs, more_mugs) == []
    assert waiting(document, mugs, more_mugs, pots) == ["SH-1", "SH-2"]


def test_each_waits_for_one_shipment_only() -> None:
    document = order(*fixed_bundle(31))
    mugs, pot, second_set = shipment(1, (2, "2")), shipment(2, (3, "1")), shipment(3, (2, "2"), (3, "1"))
    assert waiting(document, mugs, pot) == ["SH-1"]
    assert waiting(document, mugs, pot, second_set) == []


def test_a_shipment_of_other_goods_takes_none_along() -> None:
    document = order(*fixed_bundle(31), item(40, "LAMP", price="1"))
    mugs, lamp, pots = shipment(1, (2, "4")), shipment(2, (4, "1")), shipment(3, (3, "2"))
    assert waiting(document, mugs, lamp) == []
    assert waiting(document, mugs, lamp, pots) == ["SH-1"]


def written(*parts: Document, items: list[Document] | None = None) -> Document:
    """What the shop is sent for the first of these shipments, which stands for all of them."""
    return template("shipment-to-shipment")(parts[0], items=items or [], parts=list(parts))


def test_every_parcel_becomes_a_track() -> None:
    assert written(shipment(1, tracks=("A1", "A2")))["tracks"] == [
        {"track_number": "A1", "title": "DHL", "carrier_code": "custom"},
        {"track_number": "A2", "title": "DHL", "carrier_code": "custom"},
    ]
    assert written(shipment(1, tracks=("A1",), carrier=None))["tracks"][0]["title"] == "Carrier"
    assert written({"ShipmentID": "SH-1", "TrackingNumbers": None})["tracks"] == []


def test_the_tracks_of_all_parts_go_with_the_shipment() -> None:
    found = written(shipment(3, tracks=("A", "B")), shipment(1, tracks=("C",), carrier=None))["tracks"]
    assert [(each["track_number"], each["title"]) for each in found] == [("A", "DHL"), ("B", "DHL"), ("C", "Carrier")]


def test_the_comment_has_a_line_for_each_shipment_it_stands_for() -> None:
    comment = written(shipment(2), shipment(1))["comment"]
    assert comment["comment"].splitlines() == [shipments.reference("SH-2"), shipments.reference("SH-1")]
    assert comment["is_visible_on_front"] == 0


def test_the_rows_to_ship_are_written_as_they_are_and_the_customer_is_not_told_by_the_shop() -> None:
    items = [{"order_item_id": 7, "qty": Decimal("2.75")}]
    body = written(shipment(1), items=items)
    assert (body["items"], body["notify"]) == (items, False)
