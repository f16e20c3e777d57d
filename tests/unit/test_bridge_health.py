"""The verdict: what hurts most comes first."""

from typing import Any

import pytest

from bng_bridge.health import Verdict, verdict


def site(**changes: Any) -> dict[str, Any]:
    fields = {"site": "shop1", "state": "online", "detail": "", "throttle": "open", "outbox_oldest_s": 0.5}
    return {**fields, **changes}


def judge(
    *sites: dict[str, Any], broker: bool = True, bng: str = "open", dead: int = 0, alerts: tuple[str, ...] = ()
) -> Verdict:
    lasting = [{"subject": subject, "hint": "look"} for subject in alerts]
    return verdict(broker, bng, bng.endswith("away"), list(sites) or [site()], dead, lasting)


def test_all_is_well() -> None:
    assert judge(site(), site(site="shop2", outbox_oldest_s=None)) == Verdict("healthy", "")


def test_no_broker_is_down_before_anything_else() -> None:
    found = judge(site(state="offline"), broker=False, bng="paused 3 s: away", dead=4)
    assert (found.verdict, "broker" in found.cause) == ("down", True)


def test_a_bng_that_is_away_is_down_before_a_site_and_dead_letters() -> None:
    assert judge(site(state="offline"), bng="paused 3 s: away", dead=4) == Verdict("down", "BNG is paused 3 s: away")


def test_a_bng_that_asked_to_wait_is_slow_and_not_down() -> None:
    assert judge(bng="paused 1 s: it asked to wait").verdict == "degraded"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"state": "offline", "detail": "its agent is stopped"}, "shop1 is offline: its agent is stopped"),
        ({"state": "held", "detail": "identity changed"}, "shop1 is held: identity changed"),
        ({"throttle": "paused 3 s: 401"}, "shop1's REST API is paused 3 s: 401"),
        ({"outbox_oldest_s": 301.0}, "shop1's outbox waits since 301 s"),
    ],
)
def test_a_site_that_is_not_well_degrades_and_comes_before_dead_letters(changes: dict[str, Any], cause: str) -> None:
    assert judge(site(site="shop0"), site(**changes), dead=4) == Verdict("degraded", cause)


def test_an_alert_degrades_and_comes_before_dead_letters() -> None:
    assert judge(dead=1, alerts=("shop1 is silent",)) == Verdict("degraded", "shop1 is silent. look")


def test_dead_letters_degrade() -> None:
    assert judge(dead=4) == Verdict("degraded", "4 dead letters: bridgectl dlq list")
