"""The demo against a BNG that is like another ERP: whole daemons, lost answers, and both books agree."""

import json
import subprocess

import pytest

from bridge_sandbox.process import installed

LIMIT_S = 240


@pytest.mark.acceptance
@pytest.mark.parametrize("profile", ["netsuite-like", "bc-like", "frappe-like"])
def test_the_demo_loses_and_doubles_nothing(profile: str) -> None:
    command = [installed("bridge-sandbox"), "demo", "--orders", "5", "--profile", profile, "--cut-answers", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["lost"], result["duplicated"], result["orders_placed"]) == (0, 0, 5)
    assert (result["sales_orders"], result["shipments_in_shop"]) == (5, result["shipments_created"])
    assert result["answers_cut"] > 0
