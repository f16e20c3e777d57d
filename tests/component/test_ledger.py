"""The ledger: every record of a day in one place, sums to the cent, and trouble by name with the command to run."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import at, new_connection
from tests.support.ledger import DAY, Book, utc

from bng_bridge import inbox
from bng_bridge.ledger import SHOWN, Line
from bng_bridge.manifest import mark, table
from bridge_common import queries
from bridge_common.clock import to_text


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """Of a shop that was listed since."""
    db = new_connection(tmp_path)
    book = Book(db)
    book.shop_listed()
    yield book
    db.close()


def places(line: Line) -> dict[str, int]:
    return {place: count for place, count in line.places.items() if count}


def test_a_day_of_which_nobody_knows_anything_is_complete(book: Book) -> None:
    assert {line.entity: (line.places.total(), line.verdict) for line in book.lines()} == dict.fromkeys(
        ("order", "customer", "shipment", "stock", "sales_order"), (0, "complete")
    )


MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
"""The end of the day that is asked for, in UTC."""


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("listed", "asked", "verdict"),
    [
        (hours(0), hours(9), "complete"),
        (hours(-0.1), hours(9), "unlisted"),
        (hours(-0.4), hours(0), "complete"),
        (hours(-0.6), hours(0), "unlisted"),
        (hours(-3.4), hours(-3), "complete"),
        (hours(-3.6), hours(-3), "unlisted"),
    ],
    ids=["over", "not to the end", "just over", "just over and late", "today", "today and late"],
)
def test_a_day_is_complete_when_the_shop_was_listed_after_it_or_within_two_passes(
    book: Book, listed: timedelta, asked: timedelta, verdict: str
) -> None:
    book.shop_listed(MIDNIGHT + listed)
    assert book.line(now=MIDNIGHT + asked).verdict == verdict


def test_the_day_ends_by_the_shop_s_clock_and_each_day_has_its_verdict(book: Book) -> None:
    book.shop_listed(MIDNIGHT)
    lines = book.lines(DAY - timedelta(days=1), DAY, time_zone="America/Chicago")
    assert [line.verdict for line in lines if line.entity == "order"] == ["complete", "unlisted"]


def test_passes_far_apart_make_a_listing_of_hours_ago_good_enough_for_today(book: Book) -> None:
    book.shop_listed(MIDNIGHT - hours(9))
    now = MIDNIGHT - hours(3)
    assert book.line(now=now).verdict == "unlisted"
    assert book.line(now=now, manifest={"interval_s": 4 * 3600}).verdict == "complete"


def test_a_shop_that_was_never_listed_is_not_complete_whatever_came(book: Book) -> None:
    """Its triggers are gone and its REST is away: nothing comes, and nothing is missed."""
    never = Book(book.db, site="shop2")
    for interval_s, said in ((900, ""), (0, ": it is only when asked for, interval_s of [sites.shop2.manifest] is 0")):
        for entity in ("order", "customer"):
            line = never.line(entity, manifest={"interval_s": interval_s})
            why = f"the shop itself was not listed, only what arrived is counted{said}"
            assert (line.places.total(), line.verdict, line.unlisted) == (0, "unlisted", why)


def test_each_entity_has_a_listing_of_its_own(book: Book) -> None:
    """The customers of a large shop are listed in turn."""
    mark.move(book.db, "shop1", ["customer"], to_text(MIDNIGHT - hours(20)))
    line = book.line("customer")
    assert (line.verdict, book.line().verdict) == ("unlisted", "complete")
    assert "was not listed since 2026-03-02 04:00:00 UTC" in line.unlisted


def test_what_is_missing_is_worse_than_what_is_not_listed_and_that_is_worse_than_what_waits(book: Book) -> None:
    book.shop_listed(MIDNIGHT - hours(20))
    book.arrived("pending")
    assert book.line().verdict == "unlisted"
    book.listed("75")
    assert book.line().verdict == "incomplete"


def test_an_order_that_is_bound_is_applied(book: Book) -> None:
    book.listed()
    book.arrived("done")
    book.bound()
    line = book.line()
    assert (places(line), line.verdict, line.trouble) == ({"applied": 1}, "complete", [])


@pytest.mark.parametrize(
    ("state", "place"), [("pending", "waiting"), ("processing", "waiting"), ("dead", "dead"), ("done", "applied")]
)
def test_a_bound_order_whose_newest_change_is_open_is_where_the_change_is(book: Book, state: str, place: str) -> None:
    book.listed()
    book.arrived("done")
    book.bound()
    book.arrived(state)
    assert places(book.line()) == {place: 1}


def test_an_older_version_that_came_late_hides_nothing(book: Book) -> None:
    """It is stored as superseded, with a higher number than the newest state."""
    book.listed()
    book.arrived("dead", epoch=2)
    book.arrived("pending", epoch=1)
    assert places(book.line()) == {"dead": 1}


def test_what_waits_says_since_when(book: Book) -> None:
    for number in (3, 1, 2):
        book.listed(str(number))
        book.arrived("pending", str(number), now=at(number))
    line = book.line()
    assert (places(line), line.oldest_at, line.verdict) == ({"waiting": 3}, at(1), "waiting")


def test_a_dead_letter_is_named_with_its_command(book: Book) -> None:
    book.listed()
    seq = book.arrived("dead", reason="does not add up")
    line = book.line()
    assert line.verdict == "incomplete"
    assert line.trouble == [
        {
            "what": "dead", "entity_id": "74", "name": "000000074", "reason": "does not add up",
            "command": f"bridgectl dlq show {seq}",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "reason", "fields", "excluded"),
    [
        ("skipped", "before go-live", {}, "before go-live"),
        ("skipped", "no flow for order tombstone", {"kind": "tombstone", "data": {}}, "deleted before BNG knew it"),
        ("discarded", "a test order", {}, "discarded: a test order"),
    ],
)
def test_what_was_left_out_says_why_also_when_its_event_is_forgotten(
    book: Book, state: str, reason: str, fields: dict[str, Any], excluded: str
) -> None:
    book.listed()
    book.arrived(state, reason=reason, **fields)
    for _ in range(2):
        line = book.line()
        assert (places(line), dict(line.excluded), line.verdict) == ({"excluded": 1}, {excluded: 1}, "complete")
        inbox.clean(book.db, at(1000))
    # A discarded state stays: told again, it is still discarded.
    assert book.db.execute("SELECT count(*) FROM inbox").fetchone()[0] == int(state == "discarded")


def test_the_reason_of_a_record_that_came_through_later_is_kept_and_does_not_count(book: Book) -> None:
    book.listed()
    book.arrived("skipped", reason="before go-live")
    book.arrived("done")
    book.bound()
    inbox.clean(book.db, at(1000))
    assert places(book.line()) == {"applied": 1}


def test_the_reason_of_a_shipment_is_kept_too(book: Book) -> None:
    book.listed("SH-1", source="bng", entity="shipment")
    book.told("shipment", "SH-1", "skipped", reason="the sales order did not come from a shop")
    inbox.clean(book.db, at(1000))
    assert dict(book.line("shipment").excluded) == {"the sales order did not come from a shop": 1}


def test_an_order_deleted_in_the_shop_before_it_was_known_is_left_out(book: Book) -> None:
    book.listed(state="deleted")
    assert dict(book.line().excluded) == {"deleted before BNG knew it": 1}
    book.bound()
    assert places(book.line()) == {"applied": 1}


def test_an_order_that_the_shop_has_and_nothing_here_knows_is_missing(book: Book) -> None:
    book.listed()
    line = book.line()
    assert (places(line), line.verdict) == ({"missing": 1}, "incomplete")
    assert line.trouble[0]["command"] == "bridgectl resync order 74 --site shop1"


def test_an_order_that_was_asked_for_again_is_missing_until_something_comes(book: Book) -> None:
    seq = book.arrived("done")
    book.bound()
    book.listed(state="asked", asked_seq=seq)
    assert places(book.line()) == {"missing": 1}
    book.arrived("done")
    assert places(book.line()) == {"applied": 1}


@pytest.mark.parametrize("row", [{"state": "deleted"}, {"name": "shop1-75"}])
def test_an_order_that_bng_has_lost_is_missing(book: Book, row: dict[str, str]) -> None:
    """Also when a restored BNG has given its number to another order."""
    book.listed()
    book.arrived("done")
    book.bound()
    book.at_bng(**row)
    line = book.line()
    assert places(line) == {"missing": 1}
    assert line.trouble[0]["reason"] == "BNG no longer has it as SO-74"


def test_customers_have_places_and_no_sums(book: Book) -> None:
    for number, place in enumerate(("done", "pending"), 1):
        book.listed(str(number), entity="customer")
        book.arrived(place, str(number), entity="customer")
    book.bound("1", entity="customer")
    line = book.line("customer")
    assert (places(line), line.sums) == ({"applied": 1, "waiting": 1}, {})


def test_sums_are_exact_for_each_currency(book: Book) -> None:
    """A cent of a float would show after some hundreds of them."""
    for number in range(1, 301):
        book.listed(str(number), total="0.1000")
        book.bound(str(number), total="0.10")
    book.listed("301", total="7.5000", currency="USD")
    line = book.line()
    assert {currency: (s.seen, s.applied, s.bng, s.difference) for currency, s in line.sums.items()} == {
        "EUR": (Decimal("30.00"), Decimal("30.00"), Decimal("30.00"), Decimal(0)),
        "USD": (Decimal("7.50"), Decimal(0), Decimal(0), Decimal(0)),
    }


def test_totals_that_differ_are_listed_with_both_amounts(book: Book) -> None:
    for number in range(1, SHOWN + 3):
        book.listed(str(number))
        book.bound(str(number), total="28.79")
    line = book.line()
    assert (line.verdict, line.differ, len(line.trouble)) == ("incomplete", SHOWN + 2, SHOWN)
    assert line.sums["EUR"].difference == Decimal("-0.22")
    found = line.trouble[0]
    assert (found["what"], found["shop_total"], found["bng_total"]) == ("differs", "28.78 EUR", "28.79 EUR")
    assert found["command"] == f"bridgectl trace {found['entity_id']} --site shop1"


def test_the_same_amount_in_another_currency_differs(book: Book) -> None:
    book.listed()
    book.bound()
    book.at_bng(currency="USD")
    line = book.line()
    assert line.differ == 1
    assert {currency: s.difference for currency, s in line.sums.items()} == {
        "EUR": Decimal("28.78"), "USD": Decimal("-28.78"),
    }  # fmt: skip


@pytest.mark.parametrize(("written_at", "told_by", "differ"), [(10, "sweep", 1), (60, "write", 0)])
def test_bng_s_total_is_the_sweep_s_unless_we_wrote_after_it(
    book: Book, written_at: float, told_by: str, differ: int
) -> None:
    book.listed()
    book.bound(now=at(written_at))
    book.at_bng(total="30.00")
    line = book.line()
    assert (dict(line.bng_totals), line.differ) == ({told_by: 1}, differ)


def test_an_applied_order_of_which_bng_s_total_is_not_known_differs(book: Book) -> None:
    book.listed()
    book.bound(total=None)
    assert [found["bng_total"] for found in book.line().trouble] == ["nothing"]


def document(created_at: str, total: str = "12.5000") -> dict[str, Any]:
    return {
        "increment_id": "000000074",
        "created_at": created_at,
        "grand_total": Decimal(total),
        "order_currency_code": "EUR",
    }


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", "2026-03-02"), ("America/Chicago", "2026-03-01"), ("Asia/Tokyo", "2026-03-02")]
)
def test_an_order_that_arrived_and_is_not_listed_yet_belongs_to_the_day_it_was_made(
    book: Book, zone: str, day: str
) -> None:
    book.arrived("pending", data=document("2026-03-02 03:15:00"))
    lines = book.lines(date(2026, 3, 1), date(2026, 3, 3), time_zone=zone)
    (line,) = [line for line in lines if line.entity == "order" and line.places.total()]
    assert (line.day, places(line), line.sums["EUR"].seen) == (day, {"waiting": 1}, Decimal("12.50"))


def test_the_day_of_a_bound_order_without_a_document_is_in_its_fingerprint(book: Book) -> None:
    book.bound()
    book.arrived("done", data={}, kind="tombstone", now=utc(2026, 3, 3, 1))
    assert places(book.line()) == {"applied": 1}


@pytest.mark.parametrize("entity", ["order", "customer"])
def test_the_day_in_a_fingerprint_is_not_that_of_the_change(book: Book, entity: str) -> None:
    """Of Tonga: made at 23:15, deleted an hour and three quarters later."""
    book.bound("7", entity=entity)
    book.arrived("done", "7", entity=entity, data={}, kind="tombstone")
    lines = book.lines(DAY, date(2026, 3, 3), time_zone="Pacific/Tongatapu")
    assert [places(line) for line in lines if line.entity == entity] == [{"applied": 1}, {}]


@pytest.mark.parametrize(
    ("state", "place"), [("done", {"applied": 1}), ("pending", {"waiting": 1}), ("dead", {"dead": 1})]
)
def test_a_customer_that_was_gone_before_it_was_listed_stays_in_the_ledger(
    book: Book, state: str, place: dict[str, int]
) -> None:
    book.arrived("done", "7", entity="customer", data={"created_at": "2026-03-02 10:15:00"})
    book.bound("7", entity="customer")
    book.arrived(state, "7", entity="customer", data={}, kind="tombstone")
    table.note_gone(book.db, "shop1", "customer", ["7"], "deleted", at(60))
    assert places(book.line("customer")) == place


def test_an_unreadable_order_belongs_to_the_day_of_its_change(book: Book) -> None:
    book.arrived("dead", kind="unreadable", data={"reason": "too large"})
    line = book.line()
    assert (places(line), line.sums) == ({"dead": 1}, {})


@pytest.mark.parametrize("created_at", ["0000-00-00 00:00:00", "", 20260302])
def test_a_time_that_is_none_does_not_break_the_ledger(book: Book, created_at: Any) -> None:
    book.arrived("pending", data={**document("x"), "created_at": created_at})
    assert places(book.line()) == {"waiting": 1}


def test_an_old_order_that_changed_today_is_not_one_of_today(book: Book) -> None:
    book.arrived("done", data=document("2026-02-01 10:00:00"))
    assert book.line().places.total() == 0


def test_what_arrived_is_counted_once_when_it_is_listed(book: Book) -> None:
    book.arrived("pending", data=document("2026-03-02 10:15:00"))
    book.listed()
    assert book.line().places.total() == 1


def test_an_event_that_came_days_later_is_seen_on_the_day_of_its_order(book: Book) -> None:
    """A cut of 72 hours."""
    book.arrived("pending", data=document("2026-03-02 10:15:00"), now=utc(2026, 3, 5, 11))
    assert places(book.line()) == {"waiting": 1}


@pytest.mark.parametrize("gap", [False, True])
def test_the_inbox_s_rows_of_a_time_are_found_wherever_it_begins(book: Book, gap: bool) -> None:
    """Also when the cleaner has left gaps between its numbers."""
    for number in range(1, 40):
        midnight_or_later = utc(2026, 3, 1 + number // 10, 0, number % 10)
        book.told("stock", str(number), "done", now=midnight_or_later)
    if gap:
        book.db.execute("DELETE FROM inbox WHERE seq % 3 = 0")
    for day in range(1, 5):
        numbers = [n for n in range(1, 40) if 1 + n // 10 == day and not (gap and n % 3 == 0)]
        lines = book.lines(date(2026, 3, day))
        assert [line.places.total() for line in lines if line.entity == "stock"] == [len(numbers)]


def test_shipments_are_where_their_hints_and_bindings_are(book: Book) -> None:
    for number, state in enumerate(("done", "pending", "dead", "skipped"), 1):
        book.listed(f"SH-{number}", source="bng", entity="shipment")
        book.told("shipment", f"SH-{number}", state, reason="why")
    book.shipped("SH-1")
    book.listed("SH-5", source="bng", entity="shipment")
    book.listed("SH-6", source="bng", entity="shipment", excluded="from before the first poll")
    line = book.line("shipment")
    assert places(line) == {"applied": 1, "waiting": 1, "dead": 1, "excluded": 2, "missing": 1}
    assert dict(line.excluded) == {"why": 1, "from before the first poll": 1}
    assert [found["entity_id"] for found in line.trouble] == ["SH-3", "SH-5"]


def test_a_shipment_that_was_told_of_and_is_not_swept_yet_is_counted(book: Book) -> None:
    book.told("shipment", "SH-1", "pending")
    assert places(book.line("shipment")) == {"waiting": 1}
    book.listed("SH-1", source="bng", entity="shipment")
    assert places(book.line("shipment")) == {"waiting": 1}


def test_changes_of_stock_and_status_are_counted_in_the_inbox(book: Book) -> None:
    for state in ("done", "pending"):
        book.told("stock", "MAIN|MUG", state)
    book.told("stock", "MAIN|TEE", "skipped", reason="no site shows the stock of warehouse MAIN")
    book.told("sales_order", "SO-1", "done")
    assert places(book.line("stock")) == {"waiting": 1, "excluded": 1}
    assert places(book.line("sales_order")) == {"applied": 1}


def test_each_day_has_a_line_of_its_own(book: Book) -> None:
    for day in (1, 2, 2):
        book.listed(str(book.db.execute("SELECT count(*) FROM manifest").fetchone()[0]), day=f"2026-03-0{day}")
    lines = [line for line in book.lines(date(2026, 2, 28), date(2026, 3, 2)) if line.entity == "order"]
    assert [(line.day, line.places.total()) for line in lines] == [
        ("2026-02-28", 0), ("2026-03-01", 1), ("2026-03-02", 2),
    ]  # fmt: skip


def test_another_site_s_records_are_not_counted(book: Book) -> None:
    Book(book.db, site="shop2").listed()
    Book(book.db, site="shop2").arrived("pending")
    assert book.line().places.total() == 0


@pytest.mark.parametrize("query", ["arrived", "from_magento", "shipments", "changes"])
def test_a_day_is_read_by_its_index_and_by_the_inbox_s_numbers(book: Book, query: str) -> None:
    """A scan of all days would take longer with every day."""
    sql = queries.load("bng_bridge", "ledger")[query]
    names = ("first_day", "last_day", "site", "entity", "at_bng", "arrived", "sites", "first_seq", "last_seq")
    plan = [str(row["detail"]) for row in book.db.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(names, "[]"))]
    ways = ("manifest USING INDEX manifest_day", "event USING INTEGER", "hint USING INTEGER", "inbox USING INTEGER")
    assert any(way in step for step in plan for way in ways)
    assert [step for step in plan if re.match("SCAN (manifest|inbox|binding|event|hint)", step)] == []
