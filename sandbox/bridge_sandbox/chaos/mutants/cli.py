"""`bridge-sandbox mutants`: broken copies of the product, each of which must fail a short chaos run."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bridge_sandbox import display
from bridge_sandbox.chaos.mutants.catalogue import CONTROLS, MUTANTS, Mutant
from bridge_sandbox.chaos.mutants.checkout import Checkout, DoesNotApply
from bridge_sandbox.chaos.report import MUST_BE_ZERO
from bridge_sandbox.process import installed

MINUTES = 0.75
DRAIN_LIMIT_S = 60.0
CONTROL_DRAIN_LIMIT_S = 180.0
LIMIT_S = 420.0
LAST_LINES = 10
BY_NAME = {mutant.name: mutant for mutant in (*CONTROLS, *MUTANTS)}


@dataclass(frozen=True)
class Trial:
    """What became of one of them. `is_as_expected`: a mutant failed with findings, or a control passed."""

    name: str
    is_as_expected: bool
    result: str
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(sorted(BY_NAME)), help="Only this one; repeatable.")
@click.option("--seed", default=1, show_default=True, help="Of the chaos runs.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="How many at a time.")
@click.option("--json", "as_json", is_flag=True, help="The result as one line of JSON, the last on standard output.")
def mutants(*, only: tuple[str, ...], seed: int, jobs: int, as_json: bool) -> None:
    """Break the product in a copy, once per mechanism, and see chaos fail each time; and pass without a break."""
    chosen = [BY_NAME[name] for name in only] or list(BY_NAME.values())
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(jobs) as pool:
        trials = list(pool.map(partial(attempt, Path(folder), seed), chosen))
    show(trials)
    if as_json:
        print(json.dumps({"mutants": [asdict(trial) for trial in trials]}), flush=True)
    sys.exit(0 if all(trial.is_as_expected for trial in trials) else 1)


def attempt(folder: Path, seed: int, mutant: Mutant) -> Trial:
    """Copy, break, run, and look at the end."""
    display.say(f"{mutant.name}: {mutant.breaks}")
    try:
        checkout = Checkout(folder / mutant.name, mutant.edits)
    except DoesNotApply as error:
        return Trial(mutant.name, False, f"does not apply: {error}")  # noqa: FBT003 # a result, not a switch
    if not checkout.is_imported():
        return Trial(mutant.name, False, "the copy is not what Python imports")  # noqa: FBT003
    log = checkout.folder.with_suffix(".log")
    trial = judged(mutant, run_chaos(checkout, mutant, seed, log), log)
    display.say(f"{trial.name}: {trial.result}")
    return trial


def run_chaos(checkout: Checkout, mutant: Mutant, seed: int, log: Path) -> dict[str, Any] | None:
    """The report; None when it did not come to one."""
    command = [installed("bridge-sandbox"), "chaos", "--json", *options(mutant, seed)]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=checkout.environment, stdout=subprocess.PIPE, stderr=output, text=True) as chaos,
    ):
        try:
            printed, _ = chaos.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            chaos.terminate()  # it then ends its own children, which a kill would leave behind
            return None
    return last_object(printed)


def options(mutant: Mutant, seed: int) -> list[str]:
    limit_s = DRAIN_LIMIT_S if mutant.edits else CONTROL_DRAIN_LIMIT_S
    chosen = ["--seed", str(seed), "--minutes", str(MINUTES), "--drain-limit", str(limit_s), "--rate", str(mutant.rate)]
    # The manifest would mend what most of them lose.
    chosen += ["--faults", str(mutant.per_minute), "--sites", "1", "--no-manifest"]
    chosen += ["--no-keys"] if mutant.no_keys else []
    return chosen + [word for kind in mutant.faults for word in ("--only", kind)]


def judged(mutant: Mutant, report: dict[str, Any] | None, log: Path) -> Trial:
    """A run that broke off proves nothing: what counts is the oracle's word."""
    if report is None:
        last = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return Trial(mutant.name, False, "the run broke off", findings=["\n".join(last)])  # noqa: FBT003
    remove(report["folder"])
    counts = {name: report[name] for name in MUST_BE_ZERO}
    is_caught = any(counts.values())
    found = ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing found"
    if mutant.edits:
        return Trial(
            mutant.name, is_caught, f"caught: {found}" if is_caught else "SURVIVED", counts, report["findings"]
        )
    return Trial(
        mutant.name, not is_caught, "clean" if not is_caught else f"NOT CLEAN: {found}", counts, report["findings"]
    )


def last_object(text: str) -> dict[str, Any] | None:
    lines = text.strip().splitlines()
    try:
        found: dict[str, Any] = json.loads(lines[-1])
    except (ValueError, IndexError):
        return None
    return found


def remove(folder: str | None) -> None:
    """A mutant's stage is of no interest: that it fails is the point."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def show(trials: Sequence[Trial]) -> None:
    table = Table("mutant", "result", "first finding")
    for trial in trials:
        table.add_row(trial.name, trial.result, trial.findings[0] if trial.findings else "")
    Console().print(table)
