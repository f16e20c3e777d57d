"""A record's line: the same from a list as from a snapshot, and another one for every change that matters."""

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.orders import order

from bng_bridge.manifest.lines import Parts, customer_line, order_line, seen_in
from bridge_common import decimal_json

CUSTOMER = {
    "id": 5, "created_at": "2026-01-01 09:00:00", "updated_at": "2026-03-02 10:00:00", "email": "ida@example.com",
    "firstname": "Ida", "lastname": "Brandt", "group_id": 1, "taxvat": "DE1", "default_billing": "9",
    "addresses": [{"id": 9, "city": "Kiel", "street": ["Weg 1", "hinten"], "region": {"region": None, "region_id": 0}}],
}  # fmt: skip


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a.b.0.c."""
    found = deepcopy(document)
    inner: Any = found
    *way, last = path.split(".")
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    inner[last] = value
    return found


def test_a_line_has_what_people_and_the_ledger_know_an_order_by() -> None:
    line = order_line(order(created_at="2026-03-03 03:15:00", grand_total=Decimal("104.5")), Parts())
    assert (line.entity, line.entity_id, line.name) == ("order", "74", "000000074")
    assert (line.total, line.currency) == ("104.50", "EUR")
    assert (line.day("UTC"), line.day("America/Chicago")) == ("2026-03-03", "2026-03-02")
    assert line.created_at == datetime(2026, 3, 3, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("state", "processing"), ("status", "pending_paypal"), ("grand_total", Decimal("1.01")),
        ("base_grand_total", Decimal("1.01")), ("order_currency_code", "USD"), ("billing_address.city", "Plön"),
        ("billing_address.street", ["Another way"]), ("billing_address.postcode", "00001"),
        ("extension_attributes.shipping_assignments.0.shipping.address.city", "Eutin"),
        ("status_histories", [{"entity_id": 1}]),
    ],
)  # fmt: skip
def test_a_change_that_a_snapshot_shows_makes_another_line(path: str, value: Any) -> None:
    assert order_line(changed(order(), path, value), Parts()).seen != order_line(order(), Parts()).seen


def test_a_later_comment_makes_another_line_also_when_one_went() -> None:
    one, other = ([{"entity_id": number}] for number in (1, 2))
    assert seen_in("order", order(status_histories=one)) != seen_in("order", order(status_histories=other))


@pytest.mark.parametrize(
    ("name", "value"), [("updated_at", "2026-03-05 00:00:00"), ("customer_id", None), ("store_name", "x")]
)
def test_what_moves_without_a_change_of_the_order_is_not_in_its_line(name: str, value: Any) -> None:
    assert order_line(order(**{name: value}), Parts()).digest == order_line(order(), Parts()).digest


def test_numbers_and_nulls_written_differently_are_the_same() -> None:
    plain = order(grand_total=10, base_grand_total=10, status_histories=None)
    other = order(grand_total=Decimal("10.0000"), base_grand_total=Decimal(10), status_histories=[])
    assert seen_in("order", plain) == seen_in("order", other)
    assert seen_in("customer", CUSTOMER) == seen_in("customer", {**CUSTOMER, "default_shipping": None})


def test_a_line_from_a_list_is_that_of_the_stored_snapshot() -> None:
    snapshot = decimal_json.loads(decimal_json.dumps(order()))
    assert seen_in("order", snapshot) == order_line(order(), Parts()).seen
    assert seen_in("customer", CUSTOMER) == customer_line(CUSTOMER).seen


@pytest.mark.parametrize(
    ("path", "value"),
    [("email", "i@example.com"), ("lastname", "Voss"), ("group_id", 3), ("taxvat", "DE2"), ("addresses.0.city", "Plön"),
     ("addresses.0.region", {"region": "Holstein"}), ("addresses", []), ("default_billing", None)],
)  # fmt: skip
def test_a_change_of_a_customer_makes_another_line(path: str, value: Any) -> None:
    assert customer_line(changed(CUSTOMER, path, value)).digest != customer_line(CUSTOMER).digest


def test_the_order_of_addresses_says_nothing() -> None:
    two = [*CUSTOMER["addresses"], {"id": 10, "city": "Plön"}]  # type: ignore[misc]
    assert seen_in("customer", {**CUSTOMER, "addresses": two}) == seen_in(
        "customer", {**CUSTOMER, "addresses": two[::-1]}
    )


def test_parts_count_shipments_with_their_tracks_and_know_the_newest_change() -> None:
    parts = Parts()
    parts.add("shipments", {"entity_id": 3, "created_at": "2026-03-02 10:00:00", "updated_at": "2026-03-02 10:00:00"})
    assert parts.counts == {"shipments": (1, 3)}
    track = {"entity_id": 7, "created_at": "2026-03-04 10:00:00", "updated_at": None}
    parts.add("shipments", {"entity_id": 2, "created_at": "2026-03-03 10:00:00", "tracks": [track]})
    assert parts.counts == {"shipments": (2, 3), "tracks": (1, 7)}
    assert parts.changed_at == datetime(2026, 3, 4, 10, tzinfo=UTC)


def test_parts_make_another_line_and_leave_what_a_snapshot_shows() -> None:
    parts = Parts()
    parts.add("invoices", {"entity_id": 3, "created_at": "2026-03-02 10:00:00"})
    bare, with_parts = order_line(order(), Parts()), order_line(order(), parts)
    assert bare.seen == with_parts.seen
    assert bare.digest != with_parts.digest
