"""The mutants fit the product as it is: each edit finds its place, and what comes of it is Python."""

from pathlib import Path
from typing import Any

import pytest

from bridge_sandbox.chaos.mutants.catalogue import CONTROLS, MUTANTS, Mutant
from bridge_sandbox.chaos.mutants.checkout import Checkout, DoesNotApply, Edit
from bridge_sandbox.chaos.mutants.cli import judged, options
from bridge_sandbox.chaos.report import MUST_BE_ZERO
from bridge_sandbox.chaos.run import Options, stage_plan
from bridge_sandbox.chaos.schedule import KINDS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies_to_the_product_and_is_python(tmp_path: Path, mutant: Mutant) -> None:
    checkout = Checkout(tmp_path / "copy", mutant.edits)
    for edit in mutant.edits:
        compile((checkout.folder / edit.path).read_text(encoding="utf-8"), edit.path, "exec")
    assert set(mutant.faults) <= set(KINDS)
    assert mutant.edits


def test_a_copy_is_what_python_imports(tmp_path: Path) -> None:
    assert Checkout(tmp_path / "copy").is_imported()


def test_an_edit_whose_place_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(DoesNotApply, match=r"relay\.py has 0 times"):
        Checkout(tmp_path / "copy", (Edit("agent/magento_agent/relay.py", "no such line", ""),))


@pytest.mark.parametrize(
    ("mutant", "lost", "is_as_expected"),
    [(MUTANTS[0], 1, True), (MUTANTS[0], 0, False), (CONTROLS[0], 1, False), (CONTROLS[0], 0, True)],
    ids=["caught mutant", "mutant that survives", "control with findings", "clean control"],
)
def test_a_mutant_must_be_caught_and_a_control_must_pass(
    tmp_path: Path, mutant: Mutant, lost: int, is_as_expected: bool
) -> None:
    report: dict[str, Any] = {**dict.fromkeys(MUST_BE_ZERO, 0), "lost": lost, "findings": [], "folder": None}
    assert judged(mutant, report, tmp_path / "log").is_as_expected is is_as_expected


def test_a_mutant_plays_without_the_net_that_would_mend_what_it_loses() -> None:
    assert "--no-manifest" in options(MUTANTS[0], 1)
    assert stage_plan(Options(1, 1, manifest=False)).manifest_interval_s == 0
    assert stage_plan(Options(1, 1)).manifest_interval_s > 0


def test_a_run_that_broke_off_proves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("mosquitto: no such file\n")
    trial = judged(MUTANTS[0], None, log)
    assert (trial.is_as_expected, trial.findings) == (False, ["mosquitto: no such file"])
