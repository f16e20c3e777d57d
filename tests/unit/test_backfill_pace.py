"""How many are under way at a time, and which times a window of days is."""

from datetime import UTC, date, datetime

import pytest

from bng_bridge.backfill.days import Days, created_between
from bng_bridge.backfill.pace import LEAST, MOST, Pace

NOW = datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC)


def test_a_backfill_begins_with_few_and_grows_with_what_is_settled() -> None:
    pace = Pace()
    assert pace.most_open(0) == LEAST
    pace.note(LEAST + 20, 1)
    pace.note(10, 2)
    assert pace.most_open(2.5) == LEAST + 30


def test_it_is_never_more_than_a_live_order_may_have_to_wait_behind() -> None:
    pace = Pace()
    pace.note(10 * MOST, 1)
    assert pace.most_open(1) == MOST


def test_what_was_settled_long_ago_counts_no_more() -> None:
    pace = Pace()
    pace.note(150, 1)
    assert pace.most_open(6) == LEAST
    assert pace.rate_per_s(4) == pytest.approx(50)
    assert pace.rate_per_s(60) == 0


def test_days_are_those_of_the_shop_s_own_calendar() -> None:
    since, until = Days(date(2025, 1, 1), date(2025, 1, 31)).span("America/Chicago", NOW)
    assert created_between(since, until) == [
        ("created_at", "gteq", "2025-01-01 06:00:00"), ("created_at", "lteq", "2025-02-01 05:59:59"),
    ]  # fmt: skip


def test_a_day_that_summer_time_makes_shorter_is_whole() -> None:
    since, until = Days(date(2025, 3, 30), date(2025, 3, 30)).span("Europe/Berlin", NOW)
    assert (until - since).total_seconds() == 23 * 3600


@pytest.mark.parametrize("last", [None, date(2027, 1, 1)])
def test_a_window_ends_now_at_the_latest(last: date | None) -> None:
    since, until = Days(date(2025, 1, 1), last).span("UTC", NOW)
    assert created_between(since, until)[1] == ("created_at", "lteq", "2026-03-02 11:59:59")
