"""Row 8 of "every document, both ways": a shop's past is brought over, whatever is killed meanwhile, and both sides agree.

The same as `./run backfill --orders 50000`, with fewer orders.
"""

import json
import subprocess
from typing import Any

import pytest

from bridge_sandbox.process import installed

pytestmark = pytest.mark.acceptance
ORDERS = 120
LIMIT_S = 180


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    command = [installed("bridge-sandbox"), "backfill", "--orders", str(ORDERS), "--live-every", "0.4", "--rate", "40",
               "--json"]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def test_killed_bridge_agent_and_bridgectl_it_goes_on_and_both_sides_and_the_ledger_agree(
    result: dict[str, Any],
) -> None:
    assert result["killed"] == ["bridgectl", "bridge", "agent"]
    assert result["shop"] == result["bng"]
    assert (result["shop"]["orders"], result["duplicates"]) == (ORDERS, 0)
    ledger = result["ledger"]
    assert (ledger["seen"], ledger["applied"], ledger["verdicts"]) == (ORDERS, ORDERS, {"complete": result["days"]})
    assert (ledger["seen_sum"], ledger["bng_sum"], ledger["difference_sum"]) == (
        result["shop"]["sum"], result["bng"]["sum"], "0.00",
    )  # fmt: skip


def test_what_people_buy_meanwhile_arrives_as_well(result: dict[str, Any]) -> None:
    assert result["live_during"]["orders"] > 0
    assert result["live_max_ms"] > 0
