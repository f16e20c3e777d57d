"""What of a bundle is a line, by rule, and what an order was paid with beside its method."""

from decimal import Decimal
from typing import Any

import pytest
from tests.support.mappings import compiled, value_of
from tests.support.orders import Document, configurable, dynamic_bundle, fixed_bundle, item, order

from bng_bridge.mapping import shipments, totals
from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.mapping.sold_rows import BUNDLES
from bridge_common.errors import MappingError

SETS = [*fixed_bundle(31), *dynamic_bundle(41)]
CONTEXT = {"external_id": "x", "customer_id": "C", "time_zone": "UTC", "transaction_id": ""}


def by_rule(rule: str) -> Mapping:
    """As the template's head says that a site writes it."""
    return compiled(f"extends: order-to-sales-order.yaml\nlet:\n  bundles: \"'{rule}'\"\n", head="")


def lines(document: Document, rule: str) -> list[tuple[str, str, str, str]]:
    body = by_rule(rule)(document, **CONTEXT)
    totals.check(body)
    assert Decimal(body["Total"]) == document["grand_total"]
    return [tuple(each[name] for name in ("ExternalLineID", "SKU", "Quantity", "LineTotal")) for each in body["Lines"]]


def test_each_bundle_is_one_line_with_the_money_of_its_components() -> None:
    assert lines(order(*SETS, repeats=[41]), "parent") == [
        ("31", "SET-FIXED", "2", "229.79"), ("41", "SET-DYN-MUG-LAMP", "3", "446.00"),
    ]  # fmt: skip


def test_each_component_is_a_line_and_shares_the_money_of_its_bundle_to_the_cent() -> None:
    """4 mugs and 2 pots for 193.10 and 36.69 tax: by pieces, the last has what is left."""
    assert lines(order(*SETS, repeats=[41]), "children") == [
        ("31/32", "MUG-WHITE", "4", "153.19"), ("31/33", "POT 12CM", "2", "76.60"),
        ("41/42", "MUG-WHITE", "6", "71.33"), ("41/43", "LAMP/DESK 1", "3", "374.67"),
    ]  # fmt: skip


def test_a_bundle_and_its_components_are_lines_and_the_money_is_counted_once() -> None:
    assert lines(order(*SETS, repeats=[41]), "both") == [
        ("31", "SET-FIXED", "2", "229.79"), ("31/32", "MUG-WHITE", "4", "0.00"), ("31/33", "POT 12CM", "2", "0.00"),
        ("41", "SET-DYN-MUG-LAMP", "3", "0.00"), ("41/42", "MUG-WHITE", "6", "71.33"),
        ("41/43", "LAMP/DESK 1", "3", "374.67"),
    ]  # fmt: skip


def test_without_a_rule_the_money_stays_where_magento_has_it() -> None:
    found = lines(order(*SETS, repeats=[41]), "as-priced")
    assert [each[0] for each in found] == ["31", "31/32", "31/33", "41/42", "41/43"]


def test_the_discounts_of_components_are_those_of_a_bundle_on_one_line() -> None:
    rows = dynamic_bundle(41)
    rows[1] |= {"discount_amount": Decimal("5.99"), "tax_amount": Decimal("10.25")}
    body = by_rule("parent")(order(*rows, repeats=[41]), **CONTEXT)
    (line,) = body["Lines"]
    assert (line["UnitPrice"], line["Discount"], line["Tax"], line["LineTotal"]) == (
        "124.93",
        "5.99",
        "70.07",
        "438.87",
    )


@pytest.mark.parametrize("rule", BUNDLES)
def test_rows_that_are_no_bundles_are_the_same_under_each_rule(rule: str) -> None:
    """Grouped goods, a variant, the same SKU twice, and a SKU that custom options made longer."""
    rows = [
        item(1, "TABLE", price="80.00", kind="grouped"), item(2, "CHAIR", qty="4", price="25.00", kind="grouped"),
        *configurable(3), item(5, "MUG-WHITE", price="9.99"), item(6, "MUG-WHITE", price="8.99"),
        item(7, "MUG-WHITE-engraved", price="12.49"), item(8, "E-BOOK", price="5.00", kind="downloadable"),
        item(9, "CARE", price="15.00", kind="virtual"),
    ]  # fmt: skip
    found = lines(order(*rows), rule)
    assert [each[:3] for each in found] == [
        ("1", "TABLE", "1"), ("2", "CHAIR", "4"), ("3/4", "TEE-L", "3"), ("5", "MUG-WHITE", "1"), ("6", "MUG-WHITE", "1"),
        ("7", "MUG-WHITE-engraved", "1"), ("8", "E-BOOK", "1"), ("9", "CARE", "1"),
    ]  # fmt: skip


def test_a_rule_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(MappingError, match=r"sold_rows\(\) knows no rule kids for bundles") as refused:
        by_rule("kids")(order(*SETS), **CONTEXT)
    assert "as-priced, parent, children, both" in refused.value.hint


# ── a row whose price without tax is rounded ──


def net(**changes: Any) -> Decimal:
    row = item(1, "A", qty="3", price="8.40") | {name: Decimal(value) for name, value in changes.items()}
    (found,) = value_of("sold_rows(order)", order(row))
    return Decimal(found["net"])


def test_where_prices_are_with_tax_the_row_total_is_exact_and_the_price_is_rounded() -> None:
    assert net(row_total="25.21") == Decimal("25.21")
    assert net(row_total="22.21", discount_amount="3.00") == Decimal("25.21")


def test_a_row_total_that_was_cut_at_nothing_or_stands_before_the_discount_is_seen_as_that() -> None:
    assert net(row_total="0", discount_amount="30.00") == Decimal("25.20")
    assert net(row_total="25.21", discount_amount="3.00") == Decimal("25.21")
    assert net() == Decimal("25.20")


# ── what BNG ships of it ──


def shipped(document: Document, rule: str, *parcels: dict[str, str], separately: bool = False) -> dict[int, Decimal]:
    """What the last parcel ships in the shop; each is a quantity by ExternalLineID."""
    at_bng = by_rule(rule)(document, **CONTEXT)
    numbers = {line["ExternalLineID"]: line["LineNo"] for line in at_bng["Lines"]}
    sent = [
        {
            "ShipmentID": f"SH-{count}",
            "Lines": [{"LineNo": numbers[name], "Quantity": each} for name, each in parcel.items()],
        }
        for count, parcel in enumerate(parcels)
    ]
    now, earlier = shipments.quantities(sent[-1:], at_bng), shipments.quantities(sent[:-1], at_bng)
    bundles = {row["product_id"]: separately for row in document["items"] if row["product_type"] == "bundle"}
    return {each["order_item_id"]: each["qty"] for each in shipments.items_to_ship(document, now, earlier, bundles)}


@pytest.mark.parametrize("rule", BUNDLES)
def test_all_of_an_order_ships_all_of_it_in_the_shop_under_each_rule(rule: str) -> None:
    document = order(*SETS, *configurable(51), repeats=[41])
    everything = {line["ExternalLineID"]: line["Quantity"] for line in by_rule(rule)(document, **CONTEXT)["Lines"]}
    assert shipped(document, rule, everything) == {31: 2, 41: 3, 51: 3}
    assert shipped(document, rule, everything, separately=True) == {32: 4, 33: 2, 42: 6, 43: 3, 51: 3}


def test_a_bundle_on_one_line_is_shipped_in_the_sets_that_left() -> None:
    document = order(*SETS, repeats=[41])
    assert shipped(document, "parent", {"31": "1"}) == {31: 1}
    assert shipped(document, "parent", {"31": "1"}, {"31": "1", "41": "2"}) == {31: 1, 41: 2}
    assert shipped(document, "parent", {"31": "1"}, separately=True) == {32: 2, 33: 1}


@pytest.mark.parametrize("rule", ["children", "both"])
def test_components_on_lines_of_their_own_are_shipped_when_they_make_up_a_set(rule: str) -> None:
    document = order(*SETS, repeats=[41])
    assert shipped(document, rule, {"31/32": "4"}) == {}
    assert shipped(document, rule, {"31/32": "4"}, {"31/33": "1"}) == {31: 1}
    assert shipped(document, rule, {"41/42": "2", "41/43": "1"}, separately=True) == {42: 2, 43: 1}


def test_a_bundle_s_own_line_ships_nothing_where_its_components_have_theirs() -> None:
    document = order(*SETS, repeats=[41])
    assert shipped(document, "both", {"31": "2", "41": "3"}) == {}
    assert shipped(document, "both", {"31": "2", "41": "3"}, separately=True) == {}


# ── what it was paid with ──


def paid_with(extension: Document | None = None, **header: str) -> Document:
    """28.78, less these."""
    document = order() | {name: Decimal(value) for name, value in header.items()}
    document["extension_attributes"] |= extension or {}
    amounts = [
        value for name, value in {**header, **(extension or {})}.items() if value and not name.startswith("base")
    ]
    used = sum((abs(Decimal(value)) for value in amounts), Decimal(0))
    return document | {"grand_total": document["grand_total"] - used}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (paid_with(), []),
        (
            paid_with({"gift_cards_amount": Decimal(10), "base_gift_cards_amount": Decimal(9)}),
            [("GIFT-CARD", "-10.00")],
        ),
        (paid_with(gift_cards_amount="10", base_gift_cards_amount="9"), [("GIFT-CARD", "-10.00")]),
        (paid_with(customer_balance_amount="-3.50"), [("STORE-CREDIT", "-3.50")]),
        (
            paid_with(
                {"gift_cards_amount": Decimal(5), "customer_balance_amount": Decimal(4)}, reward_currency_amount="3"
            ),
            [("GIFT-CARD", "-5.00"), ("STORE-CREDIT", "-4.00"), ("REWARD-POINTS", "-3.00")],
        ),
        (paid_with({"gift_cards_amount": Decimal(0), "customer_balance_amount": None}), []),
        (paid_with({"gift_cards_amount": Decimal("28.78")}), [("GIFT-CARD", "-28.78")]),
    ],
)
def test_what_lowers_the_total_and_is_no_discount_is_a_line_of_its_own(
    document: Document, found: list[tuple[str, str]]
) -> None:
    body = by_rule("as-priced")(document, **CONTEXT)
    totals.check(body)
    assert [(line["SKU"], line["LineTotal"]) for line in body["Lines"][1:]] == found
    assert Decimal(body["Total"]) == document["grand_total"]


def test_an_amount_in_two_places_is_taken_once() -> None:
    document = paid_with({"gift_cards_amount": Decimal(10)})
    document["gift_cards_amount"] = Decimal(10)
    body = by_rule("as-priced")(document, **CONTEXT)
    assert [line["LineTotal"] for line in body["Lines"][1:]] == ["-10.00"]


def test_a_credit_that_is_no_amount_holds_the_order() -> None:
    with pytest.raises(Fault, match="gift_cards_amount is 'ten', not an amount"):
        value_of("credits(order)", order(gift_cards_amount="ten"))


def test_a_line_that_is_no_thing_is_never_shipped() -> None:
    document = paid_with(gift_cards_amount="10")
    assert shipped(document, "as-priced", {"1": "2", "gift-card": "1"}) == {1: 2}
