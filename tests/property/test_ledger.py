"""Whatever state a day's orders are in: each is seen, in exactly one place, and the sums are those of the places."""

import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.bridge import at, new_connection
from tests.support.ledger import Book

from bng_bridge.ledger import Line

EVENTS = st.sampled_from(["pending", "processing", "done", "skipped", "dead", "discarded"])
CENTS = st.integers(0, 10_000).map(lambda number: Decimal(number) / 100)
CREATED_AT = "2026-03-02 10:15:00"


def possible(states: list[str]) -> tuple[str, ...]:
    """Behind one that is under way the others wait."""
    busy = states.index("processing") if "processing" in states else len(states)
    return (*states[: busy + 1], *("pending" for _ in states[busy + 1 :]))


@dataclass(frozen=True)
class Order:
    """`listed`: the state of its row, None without one. `at_bng`: the sweep's row, likewise. `events` in their order."""

    listed: str | None
    excluded: str
    events: tuple[str, ...]
    is_asked_after: bool
    is_bound: bool
    at_bng: str | None
    total: Decimal
    bng_total: Decimal
    currency: str

    @property
    def is_seen(self) -> bool:
        return self.listed is not None or bool(self.events)


ORDERS = st.builds(
    Order,
    listed=st.sampled_from([None, "covered", "asked", "deleted"]),
    excluded=st.sampled_from(["", "before go-live"]),
    events=st.lists(EVENTS, max_size=3).map(possible),
    is_asked_after=st.booleans(),
    is_bound=st.booleans(),
    at_bng=st.sampled_from([None, "covered", "deleted", "another"]),
    total=CENTS,
    bng_total=CENTS,
    currency=st.sampled_from(["EUR", "USD"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ORDERS, max_size=6))
def test_every_order_seen_is_in_exactly_one_place_and_the_sums_are_those_of_the_places(orders: list[Order]) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(new_connection(Path(folder))) as db:
        book = Book(db)
        book.shop_listed()
        for number, order in enumerate(orders, 1):
            write(book, str(number), order)
        line = book.line()
    seen = [order for order in orders if order.is_seen]
    assert line.places.total() == len(seen)
    assert line.places == Counter(map(place, seen))
    assert line.places["excluded"] == line.excluded.total()
    check_sums(line, seen)


def write(book: Book, entity_id: str, order: Order) -> None:
    for state in order.events:
        data = {
            "created_at": CREATED_AT, "grand_total": order.total, "order_currency_code": order.currency,
            "increment_id": entity_id,
        }  # fmt: skip
        book.arrived(state, entity_id, data=data, reason="reason")
    if order.listed is not None:
        newest = book.db.execute("SELECT coalesce(max(seq), 0) FROM inbox").fetchone()[0]
        book.listed(
            entity_id, state=order.listed, excluded=order.excluded, total=str(order.total), currency=order.currency,
            asked_seq=max(0, newest - (not order.is_asked_after)),
        )  # fmt: skip
    if order.is_bound:
        book.bound(entity_id, total=str(order.bng_total), now=at(10))
    if order.at_bng is not None:
        row = {"another": {"name": "shop1-99"}, "deleted": {"state": "deleted"}}.get(order.at_bng, {})
        book.at_bng(entity_id, total=str(order.bng_total), currency=order.currency, **row)


def place(order: Order) -> str:
    """By the rules of docs/ledger.md, told once more."""
    last = order.events[-1] if order.events else None
    came = bool(order.events) and not order.is_asked_after
    was_left_out = last in ("skipped", "discarded") or order.listed == "deleted" or (order.listed and order.excluded)
    rules = {
        "dead": last == "dead",
        "waiting": last in ("pending", "processing"),
        "missing": (order.is_bound and order.at_bng in ("deleted", "another"))
        or (order.listed == "asked" and not came),
        "applied": order.is_bound,
        "excluded": was_left_out,
    }
    return next((name for name, holds in rules.items() if holds), "missing")


def check_sums(line: Line, seen: list[Order]) -> None:
    applied = [order for order in seen if place(order) == "applied"]
    for currency in ("EUR", "USD"):
        found = line.sums.get(currency)
        totals = [
            sum((order.total for order in seen if order.currency == currency), Decimal(0)),
            sum((order.total for order in applied if order.currency == currency), Decimal(0)),
            sum((order.bng_total for order in applied if order.currency == currency), Decimal(0)),
        ]
        assert totals == ([found.seen, found.applied, found.bng] if found else [Decimal(0)] * 3)
    assert line.differ == sum(order.total != order.bng_total for order in applied)
    assert line.verdict == ("incomplete" if is_bad(line) else "waiting" if line.places["waiting"] else "complete")


def is_bad(line: Line) -> bool:
    return bool(line.places["dead"] or line.places["missing"] or line.differ)
