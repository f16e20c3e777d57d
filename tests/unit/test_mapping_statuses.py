"""BNG's status in the shop's words: what is asked of the shop, and which status a comment may carry."""

from typing import Any

import pytest

from bng_bridge.mapping import statuses


def order(state: str, status: str | None = None) -> dict[str, Any]:
    return {"state": state, "status": status or {"new": "pending"}.get(state, state)}


@pytest.mark.parametrize(
    ("state", "status", "action"),
    [
        ("new", 90, "cancel"), ("processing", 90, "cancel"), ("canceled", 90, None), ("complete", 90, None),
        ("new", 30, "hold"), ("holded", 30, None), ("closed", 30, None),
        ("holded", 20, "unhold"), ("holded", 10, "unhold"), ("holded", 40, None), ("new", 20, None),
    ],
)  # fmt: skip
def test_a_status_asks_for_what_the_order_still_allows(state: str, status: int, action: str | None) -> None:
    assert statuses.action(order(state), status) == action


@pytest.mark.parametrize(
    ("version", "state", "current", "status", "carried"),
    [
        ((2, 4, 7), "processing", "processing", 20, "processing"),
        ((2, 4, 7), "processing", "bng_wait", 20, None),
        ((2, 4, 8), "processing", "bng_wait", 20, "processing"),
        ((2, 4, 6), "processing", "bng_wait", 20, "processing"),
        ((2, 4, 6), "new", "pending", 20, None),
        ((2, 4, 8), "new", "pending", 40, None),
        ((2, 4, 8), "new", "pending", 77, None),
    ],
)
def test_a_comment_carries_a_status_only_where_the_version_takes_it(
    version: tuple[int, ...], state: str, current: str, status: int, carried: str | None
) -> None:
    assert statuses.comment_status(order(state, current), status, version) == carried


@pytest.mark.parametrize(
    ("state", "status", "known"),
    [("new", 10, True), ("holded", 30, True), ("canceled", 90, True), ("new", 90, False), ("processing", 40, False)],
)
def test_the_shop_is_not_told_what_it_said_itself(state: str, status: int, known: bool) -> None:
    assert statuses.is_known(order(state), status) is known


def test_the_same_status_a_second_time_is_another_comment() -> None:
    first = {"SalesOrderID": "SO-1", "OrderStatus": 30, "Version": 2}
    assert statuses.reference(first) == "BNG sales order SO-1 is on hold (version 2)"
    assert statuses.reference({**first, "Version": 5}) != statuses.reference(first)
