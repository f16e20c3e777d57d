"""What the comparison of two answers takes for equal, and what not."""

import pytest
from tests.contract.comparison import Comparison
from tests.contract.identities import Identities

Json = object


def paths(theirs: Json, ours: Json, noun: str = "order") -> list[str]:
    return [each.path for each in Comparison(Identities(), noun).differences(theirs, ours)]


def test_equal_answers_have_no_differences() -> None:
    answer = {"items": [{"qty": 1, "name": "a"}], "total": 2.5, "none": None}
    assert paths(answer, dict(answer)) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "path"),
    [
        ({"a": 1}, {}, ".a"),
        ({}, {"a": 1}, ".a"),
        ({"a": None}, {}, ".a"),
        ({"a": 1}, {"a": "1"}, ".a"),
        ({"a": 1}, {"a": True}, ".a"),
        ({"a": 1}, {"a": 2}, ".a"),
        ({"a": []}, {"a": None}, ".a"),
        ({"a": [1, 2]}, {"a": [2, 1]}, ".a[]"),
        ({"a": [1]}, {"a": []}, ".a[]"),
        ({"message": "No."}, {"message": "No!"}, ".message"),
        ("pending", "new", ""),
        ("1", 1, ""),
    ],
)
def test_keys_types_values_and_the_order_of_lists_matter(theirs: Json, ours: Json, path: str) -> None:
    assert set(paths(theirs, ours)) == {path}


def test_whole_numbers_are_numbers() -> None:
    assert paths({"a": 58}, {"a": 58.0}) == []


def test_times_and_random_strings_differ_in_content_but_not_in_form() -> None:
    theirs = {"created_at": "2026-11-23 02:53:17", "protect_code": "5d" * 16}
    assert paths(theirs, {"created_at": "2027-01-01 00:00:00", "protect_code": "ab" * 16}) == []
    assert paths(theirs, {"created_at": "2027-01-01T00:00:00Z", "protect_code": "ab"}) == [
        ".created_at",
        ".protect_code",
    ]


def test_one_record_there_is_one_record_here() -> None:
    theirs = [{"entity_id": 1}, {"entity_id": 2}, {"order_id": 1}]
    assert paths(theirs, [{"entity_id": 7}, {"entity_id": 8}, {"order_id": 7}]) == []
    assert paths(theirs, [{"entity_id": 7}, {"entity_id": 8}, {"order_id": 8}]) == ["[].order_id"]
    assert paths(theirs, [{"entity_id": 7}, {"entity_id": 7}, {"order_id": 7}]) == ["[].entity_id"]


def test_an_id_means_what_it_stands_in() -> None:
    theirs = {"items": [{"item_id": 5, "order_id": 1}], "entity_id": 1, "billing_address": {"entity_id": 1}}
    ours = {"items": [{"item_id": 3, "order_id": 9}], "entity_id": 9, "billing_address": {"entity_id": 4}}
    assert paths(theirs, ours) == []


def test_a_filter_is_echoed_with_the_id_that_was_asked_for() -> None:
    identities = Identities()
    identities.pair("order", 16, 14)
    theirs = {"field": "parent_id", "value": "16", "condition_type": "eq"}
    assert Comparison(identities, "history").differences(theirs, theirs | {"value": "14"}) == []
    assert Comparison(identities, "history").differences(theirs, theirs) != []
