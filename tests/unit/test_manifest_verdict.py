"""What a line says about capture, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.orders import order

from bng_bridge.manifest.lines import Line, Parts, customer_line, order_line
from bng_bridge.manifest.verdict import Known, Newest, Verdict, judge

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINE = order_line(order(), Parts())
CUSTOMER = customer_line({
    "id": 5, "email": "ida@example.com", "created_at": "2026-01-01 09:00:00", "updated_at": "2026-03-02 09:00:00",
})  # fmt: skip
ASKED = Known(LINE.digest, "asked", 7, "")


def newest(document: dict[str, Any] | None = None, **changes: Any) -> Newest:
    """An event that shows the line's own order, captured an hour before it was listed."""
    shown = order() if document is None else document
    return replace(Newest(7, "snapshot", "done", "", NOW - timedelta(hours=1), lambda: shown), **changes)


def with_parts(changed_at: datetime) -> Line:
    return replace(LINE, parts="p", changed_at=changed_at)


def judged(
    line: Line, event: Newest | None, known: Known | None = None, *, go_live_at: datetime | None = None
) -> Verdict:
    return judge(line, known, event, began_at=NOW, go_live_at=go_live_at)


def test_an_order_without_any_event_is_missing() -> None:
    assert judged(LINE, None) == "missing"


def test_what_was_made_before_go_live_is_covered() -> None:
    assert judged(LINE, None, go_live_at=NOW) == "covered"
    assert judged(LINE, newest(order(state="closed")), go_live_at=NOW) == "covered"
    assert judged(LINE, None, go_live_at=datetime(2026, 3, 2, 10, 15, tzinfo=UTC)) == "missing"


def test_a_customer_of_before_go_live_is_looked_at_once_it_has_come() -> None:
    assert judged(CUSTOMER, None, go_live_at=NOW) == "covered"
    other = newest({"email": "i@example.com", "id": 5})
    assert judged(CUSTOMER, other, go_live_at=NOW) == "missing"


@pytest.mark.parametrize("state", ["pending", "processing", "dead"])
def test_what_is_not_settled_is_on_its_way(state: str) -> None:
    assert judged(LINE, newest(order(state="closed"), state=state)) == "on the way"


@pytest.mark.parametrize("state", ["done", "skipped", "discarded"])
def test_the_same_state_is_covered_whatever_became_of_it(state: str) -> None:
    assert judged(LINE, newest(state=state)) == "covered"


def test_another_state_is_missing() -> None:
    assert judged(LINE, newest(order(state="closed"))) == "missing"


def test_another_state_that_may_be_newer_than_the_list_is_looked_at_again() -> None:
    assert judged(LINE, newest(order(state="closed"), at=NOW + timedelta(seconds=1))) == "look again"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(3, "missing"), (1.5, "unsure"), (0, "unsure"), (-1.9, "unsure"), (-2, "covered")]
)
def test_what_a_snapshot_does_not_show_is_judged_by_its_time(seconds: float, verdict: Verdict) -> None:
    changed_at = NOW - timedelta(hours=1) + timedelta(seconds=seconds)
    assert judged(with_parts(changed_at), newest()) == verdict


def test_another_state_is_missing_also_when_its_parts_are_not() -> None:
    line = with_parts(NOW - timedelta(days=1))
    assert judged(line, newest(order(state="closed"))) == "missing"


def test_what_was_asked_for_is_covered_by_a_later_event_and_never_asked_for_again() -> None:
    event = newest(order(state="closed"))
    assert judged(LINE, event, ASKED) == "missing"
    assert judged(LINE, replace(event, seq=8), ASKED) == "covered"
    assert judged(LINE, replace(event, seq=8, state="pending"), ASKED) == "on the way"


def test_another_change_after_what_was_asked_for_is_missing() -> None:
    changed = order_line(order(status="fraud"), Parts())
    assert judged(changed, newest(seq=8), ASKED) == "missing"


def test_a_record_that_is_there_after_its_tombstone_is_missing() -> None:
    tombstone = newest(kind="tombstone", read=None)
    assert judged(LINE, tombstone) == "missing"
    assert judged(LINE, replace(tombstone, at=NOW + timedelta(seconds=1))) == "look again"


def test_without_its_snapshot_an_event_covers_what_was_covered_before() -> None:
    cleaned = newest(seq=0, read=None)
    covered = Known(LINE.digest, "covered", 0, "")
    assert judged(LINE, cleaned, covered) == "covered"
    assert judged(with_parts(NOW), cleaned, covered) == "missing"
    assert judged(order_line(order(state="closed"), Parts()), cleaned, covered) == "missing"


def test_without_its_snapshot_and_an_earlier_line_only_the_times_tell() -> None:
    cleaned = newest(seq=0, read=None, at=NOW)
    assert judged(LINE, cleaned) == "covered"
    assert judged(replace(LINE, updated_at=NOW + timedelta(seconds=1)), cleaned) == "unsure"
    assert judged(LINE, cleaned, ASKED) == "unsure"


def test_why_it_is_not_at_bng_is_the_end_of_its_event() -> None:
    assert newest().excluded == ""
    assert newest(state="skipped", reason="before go-live").excluded == "before go-live"
    assert newest(state="discarded", reason="by hand").excluded == "discarded: by hand"
