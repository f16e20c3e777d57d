"""What makes a run unclean, beside the judge's word."""

from bridge_sandbox.chaos.evidence import missing_in
from bridge_sandbox.chaos.report import Report, unexplained

LOG = """\
WARNING action=manifest_missing site=shop1 entity=order/7 op=U
INFO action=started
WARNING action=manifest_missing site=shop2 entity=customer/3 op=D
INFO action=manifest site=shop1 missing=1
"""
MISSING = [("shop1", "order/7"), ("shop2", "customer/3 D")]


def test_what_the_manifest_mended_is_read_over_all_lives_of_the_bridge() -> None:
    assert missing_in(LOG) == MISSING


def test_what_no_fault_explains_was_missed_and_a_hosted_shop_needs_the_net() -> None:
    assert unexplained(MISSING, ["shop2"], ["kill_agent"]) == ["missed: order/7 of shop1 came by the manifest alone"]
    assert len(unexplained(MISSING, [], ["kill_agent"])) == 2


def test_faults_that_only_the_manifest_mends_or_that_confuse_it_explain_it() -> None:
    for kind in ("outbox_truncated", "triggers_dropped", "clock_jump"):
        assert unexplained(MISSING, [], ["kill_agent", kind]) == []


def test_a_run_in_which_something_was_missed_is_not_clean() -> None:
    assert Report(1, 1, no_keys=False, mended_by_manifest=3).is_clean
    assert not Report(1, 1, no_keys=False, mended_by_manifest=3, missed=1).is_clean


def test_faults_that_met_nobody_are_told() -> None:
    report = Report(1, 1, no_keys=False, mended_by_manifest=2, unmet={"bng_late": 1})
    assert "mended by the manifest 2; faults that met nobody: bng_late 1" in report.lines()
    assert report.as_json()["unmet"] == {"bng_late": 1}
