"""Lead times from times: medians, what is not known, what has not come, and what is not measured."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bng_bridge.ctl.report import duration
from bng_bridge.lead_time import Journey, report

PLACED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def journey(
    *, day: str = "2026-03-02", is_live: bool = True, unknown: tuple[str, ...] = (), **seconds: float
) -> Journey:
    at = {hop: PLACED + timedelta(seconds=after) for hop, after in seconds.items()}
    return Journey("shop1", day, PLACED, is_live, at, frozenset(unknown))


def of_all(*journeys: Journey) -> dict[str, Any]:
    return dict(report(journeys)["after"])


def test_medians_and_90th_percentiles_are_values_that_occurred() -> None:
    found = of_all(*(journey(in_bng=seconds) for seconds in (5, 1, 2, 3, 100)))["in_bng"]
    assert (found["count"], found["median_s"], found["p90_s"]) == (5, 3, 100)


def test_what_has_not_come_and_what_is_not_known_are_counted_apart() -> None:
    found = of_all(journey(in_bng=1), journey(in_bng=1, unknown=("allocated",)), journey(in_bng=1, allocated=2))
    assert found["allocated"] == {"count": 1, "unknown": 1, "not_yet": 1, "median_s": 2, "p90_s": 2}
    assert found["shipped"] == {"count": 0, "unknown": 0, "not_yet": 3, "median_s": None, "p90_s": None}


def test_a_clock_that_is_behind_makes_no_time_below_0() -> None:
    assert of_all(journey(in_bng=-0.4))["in_bng"]["median_s"] == 0


def test_the_day_of_going_live_has_two_lines() -> None:
    days = report([journey(is_live=False, in_bng=60), journey(in_bng=1), journey(day="2026-03-03")])["days"]
    assert [(each["day"], each["is_live"], each["orders"]) for each in days] == [
        ("2026-03-02", False, 1), ("2026-03-02", True, 1), ("2026-03-03", True, 1),
    ]  # fmt: skip


def test_what_a_backfill_brought_over_is_counted_and_not_measured() -> None:
    brought = Journey("shop1", "2026-03-02", PLACED, is_live=False, at={"in_bng": PLACED + timedelta(days=90)},
                      is_brought_over=True)  # fmt: skip
    found = report([brought, journey(is_live=False, in_bng=60)])["before"]
    assert (found["orders"], found["brought_over"], found["in_bng"]["count"]) == (2, 1, 1)
    assert found["in_bng"]["median_s"] == 60


def test_durations_are_as_exact_as_one_wants_to_read_them() -> None:
    shown = [duration(each) for each in (0.345, 42, 300, 11_520, 181_440)]
    assert shown == ["0.3 s", "42 s", "5 min", "3.2 h", "2.1 d"]
