"""A quarter of a minute of chaos. The long runs are `./run chaos`; a seed that failed there belongs in here."""

import pytest

from bridge_sandbox.chaos.run import Options, run

pytestmark = pytest.mark.acceptance

KINDS = ("kill_agent", "kill_bridge", "kill_broker", "network_reset", "bng_cut_after", "shop_cut_after")

SEED = 16
"""In its stories no bundle is shipped in parts: the first part would wait half a minute for the second."""


@pytest.mark.parametrize("shops", [1, 2])
def test_a_short_run_loses_nothing_doubles_nothing_and_reverts_nothing(shops: int) -> None:
    """One shop is captured by triggers, and nothing but the ways under test may mend what these faults break."""
    options = Options(seed=SEED, minutes=0.25, no_keys=True, rate=5.0, kinds=KINDS, shops=shops, manifest=shops > 1)
    report = run(options, print)
    assert report.is_clean, report.lines()
    assert set(report.faults_by_kind) | set(report.unmet) == set(KINDS)
    assert len(report.faults_by_kind) >= len(KINDS) - 1, report.unmet
    assert report.changes > 30
