"""Dead letters with one remedy get one cause, whatever their ids, numbers and names are."""

import pytest

from bng_bridge.cause import LONGEST, cause_id, cause_of, shape
from bridge_common.errors import BridgeError, InvalidEvent, MappingError, OutcomeUnknown, RejectedByTarget


def test_a_refusal_is_named_by_entity_problem_and_field() -> None:
    error = RejectedByTarget("x", status=422, problem="unknown-customer", pointer="/CustomerID", entity="sales_order")
    assert cause_of(error, "order") == "RejectedByTarget sales_order unknown-customer /CustomerID"


def test_the_place_in_a_list_is_no_part_of_the_cause() -> None:
    causes = {
        cause_of(RejectedByTarget("x", problem="validation", pointer=f"/Lines/{n}/SKU"), "order") for n in (0, 31)
    }
    assert causes == {"RejectedByTarget order validation /Lines/*/SKU"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "order 000000074: lines differ by 1.20, more than 0.03",
            "order 000000075-1: lines differ by -7, more than 0.05",
        ),
        ("POST /V1/order/7/ship at shop1 answered 400: no", "POST /V1/order/81/ship at shop2 answered 400: no"),
        ("BNG shipped 2 of MUG-WHITE, the shop has 0 left", "BNG shipped 1 of LAMP/DESK, the shop has 12 left"),
        ('no customer "Ida Brandt" with ida@example.com', 'no customer "Bo" with bo@example.org'),
        ("shop1 has no order 74", "shop2 has no order 75"),
    ],
)
def test_sentences_that_differ_in_values_alone_are_one_cause(one: str, other: str) -> None:
    assert cause_of(MappingError(one), "order") == cause_of(MappingError(other), "order")


def test_words_are_kept_so_that_different_mistakes_stay_apart() -> None:
    assert shape("the shop's order has no item 12, which the sales order's line names") == (
        "the shop's order has no item … which the sales order's line names"
    )
    assert cause_of(InvalidEvent("too large"), "order") != cause_of(InvalidEvent("absent"), "order")
    assert cause_of(RejectedByTarget("no", status=400), "x") != cause_of(RejectedByTarget("no", status=409), "x")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            RejectedByTarget("POST /sales-orders answered 422: Ida Brandt of Harbour Street owes too much", status=422),
            "RejectedByTarget order status 422",
        ),
        (
            RejectedByTarget("BNG's list of customers has no rows: Ida Brandt", status=200, entity="customer"),
            "RejectedByTarget customer status 200",
        ),
        (
            OutcomeUnknown("POST /V1/order/7/ship at shop1 answered 500: Ida Brandt is locked"),
            "OutcomeUnknown order status 500",
        ),
        (
            OutcomeUnknown("written, and then not read: GET /customers/7 answered 502: Ida Brandt"),
            "OutcomeUnknown order status 502",
        ),
    ],
)
def test_of_the_words_of_a_target_nothing_is_kept_but_the_status(error: BridgeError, cause: str) -> None:
    assert cause_of(error, "order") == cause


def test_a_sentence_of_our_own_is_kept_where_no_answer_has_a_status() -> None:
    assert cause_of(RejectedByTarget("the list goes on at another server"), "stock") == (
        "RejectedByTarget stock the list goes on at another server"
    )


def test_a_bug_is_grouped_by_its_own_text() -> None:
    assert cause_of(KeyError("entity_id"), "order") == "KeyError order …"


def test_a_cause_is_short_and_its_id_can_be_typed() -> None:
    assert len(cause_of(MappingError("word " * 200), "order")) == LONGEST
    assert len(cause_id("x")) == 8
