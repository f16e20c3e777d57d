"""How long a request may be executed: what its own time says, and what the broker says, whichever is shorter."""

from datetime import timedelta

import pytest

from bridge_common import decimal_json
from bridge_common.clock import to_text, utc_now
from magento_agent import requests

HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("says_s", "broker_says", "left_s"),
    [
        (30, None, 30),
        (30, 30, 30),
        (30, 12, 12),
        (30 + HOUR_S, 30, 30),
        (30 - HOUR_S, 30, 30 - HOUR_S),
    ],
    ids=["no word of the broker", "both agree", "it lay at the broker", "the agent's clock is late", "it is early"],
)
def test_of_two_limits_the_shorter_counts(says_s: float, broker_says: float | None, left_s: float) -> None:
    expires_at = to_text(utc_now() + timedelta(seconds=says_s))
    body = {"id": "r", "epoch": 5, "expires_at": expires_at, "operation": "ping"}
    request = requests.decode(decimal_json.dumps(body).encode(), broker_says)
    assert request.left_s == pytest.approx(left_s, abs=1)
