"""What is left of a quota: read from the RateLimit headers, and spread over the time to the reset when it is low."""

import pytest

from bng_bridge.pacing.quota import LONGEST_S, Quota, parse


def left(remaining: int, reset_s: int = 30, allowed: int | None = 100) -> Quota:
    return Quota(remaining, reset_s, allowed, 60, 0.0)


@pytest.mark.parametrize(
    ("limit", "policy", "quota"),
    [
        ('"default";r=50;t=30', '"default";q=100;w=60', Quota(50, 30, 100, 60, 7.0)),
        ('"default";r=50;t=30', "", Quota(50, 30, None, None, 7.0)),
        ('"default"; r=50; t=30', '"other";q=100;w=60', Quota(50, 30, None, None, 7.0)),
        ('"default";r=50', '"default";q=100;qu="requests";w=60', Quota(50, 0, 100, 60, 7.0)),
        ('"hour";r=900;t=3000, "burst";r=1;t=8', '"hour";q=1000;w=3600, "burst";q=10;w=10', Quota(1, 8, 10, 10, 7.0)),
        (
            '"burst";r=9;t=8, "day";r=3;t=9999',
            '"burst";q=10;w=10, "day";q=999;w=86400',
            Quota(3, 9999, 999, 86400, 7.0),
        ),
    ],
)
def test_the_tightest_of_what_is_told_counts(limit: str, policy: str, quota: Quota) -> None:
    assert parse(limit, policy, 7.0) == quota


@pytest.mark.parametrize(
    "limit",
    ["", "50", "limit=100, remaining=50", '"default"', '"default";r=many', '"default";r=-1', '";r=5', '"a";r=1.5'],
)
def test_a_header_of_another_form_tells_nothing(limit: str) -> None:
    assert parse(limit, '"default";q=100;w=60', 0.0) is None


@pytest.mark.parametrize("remaining", [10, 50, 100])
def test_while_there_is_plenty_nothing_waits(remaining: int) -> None:
    assert left(remaining).spread_s() == 0


@pytest.mark.parametrize("remaining", [0, 1, 5, 9])
def test_few_calls_last_until_the_reset(remaining: int) -> None:
    spread_s = left(remaining).spread_s()
    assert remaining * spread_s < 30
    assert (remaining + 1) * spread_s == pytest.approx(30)


def test_the_last_of_a_quota_of_unknown_size_are_spread() -> None:
    assert left(11, allowed=None).spread_s() == 0
    assert left(9, allowed=None).spread_s() == 3


def test_a_reset_that_is_far_away_is_asked_again_in_a_while() -> None:
    assert left(0, reset_s=10**9).spread_s() == LONGEST_S


def test_status_shows_when_it_is_counted_anew() -> None:
    shown = left(3).shown(12.0)
    assert shown == {"remaining": 3, "allowed": 100, "window_s": 60, "reset_s": 18}
    assert left(3).shown(99.0)["reset_s"] == 0
