"""Counting calls by the minute."""

from bng_bridge.pacing.calls import Calls


def test_calls_are_counted_by_minute_hour_and_in_all() -> None:
    calls = Calls()
    for at_s in (0, 59, 60, 61, 119, 3599):
        calls.add(at_s)
    assert calls.counted(3599) == {"minute": 1, "hour": 6, "total": 6}


def test_what_is_an_hour_ago_is_in_the_total_only() -> None:
    calls = Calls()
    for at_s in (0, 70):
        calls.add(at_s)
    assert calls.counted(60) == {"minute": 1, "hour": 2, "total": 2}
    assert calls.counted(3600) == {"minute": 0, "hour": 1, "total": 2}
    assert calls.counted(9999) == {"minute": 0, "hour": 0, "total": 2}
    calls.add(99_999)
    assert calls.counted(99_999) == {"minute": 1, "hour": 1, "total": 3}
