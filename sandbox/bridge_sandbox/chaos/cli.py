"""`bridge-sandbox chaos`: everything at once, with faults all the time, and a proof at the end."""

import json
import signal
import sys
from types import FrameType

import click

from bridge_sandbox import display
from bridge_sandbox.admin import CallFailed
from bridge_sandbox.chaos.network import Kind
from bridge_sandbox.chaos.run import SITES, Options, run
from bridge_sandbox.chaos.schedule import KINDS, PER_MINUTE
from bridge_sandbox.process import ProgramFailed

EVERY = 5


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of everything that is done, and of when.")
@click.option(
    "--minutes", default=3.0, show_default=True, type=click.FloatRange(0.1), help="How long, before the drain."
)
@click.option("--no-keys", is_flag=True, help="BNG without idempotency keys, upserts and unique ExternalIDs.")
@click.option("--rate", default=Options.rate, show_default=True, help="Changes a second.")
@click.option(
    "--only",
    "only",
    multiple=True,
    type=click.Choice(KINDS),
    help="Only this kind of fault; repeatable.",
)
@click.option(
    "--faults", "per_minute", default=PER_MINUTE, show_default=True, help="A minute; each kind at least once."
)
@click.option("--sites", "shops", type=click.IntRange(1, len(SITES)), help="Shops; else two for every fifth seed.")
@click.option(
    "--network",
    type=click.Choice(["namespaces", "proxy"]),
    help="How network faults are done; else between namespaces where root can have them.",
)
@click.option("--keep", is_flag=True, help="Keep the folder with the logs, also of a clean run.")
@click.option("--no-manifest", is_flag=True, help="Without the net that finds what was missed.")
@click.option("--drain-limit", "drain_limit_s", default=Options.drain_limit_s, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="The result as one line of JSON, the last on standard output.")
def chaos(
    *,
    seed: int,
    minutes: float,
    no_keys: bool,
    rate: float,
    only: tuple[str, ...],
    per_minute: float,
    shops: int | None,
    network: Kind | None,
    keep: bool,
    no_manifest: bool,
    drain_limit_s: float,
    as_json: bool,
) -> None:
    """Load and faults on a whole stage, then: lost, duplicated, out of order, dead, unknown, waiting, missed.

    Ends with 0 only if all of them are 0; else with 1, a sentence for each finding, and the folder kept.
    """
    options = Options(
        seed,
        minutes,
        no_keys=no_keys,
        rate=rate,
        kinds=only or KINDS,
        per_minute=per_minute,
        drain_limit_s=drain_limit_s,
        shops=shops or shops_of(seed),
        network=network,
        keep=keep,
        manifest=not no_manifest,
    )
    signal.signal(signal.SIGTERM, _leave)
    try:
        report = run(options, display.say)
    except (ProgramFailed, CallFailed, OSError) as error:
        raise click.ClickException(str(error)) from error
    for line in report.lines():
        display.say(line)
    if as_json:
        print(json.dumps(report.as_json()), flush=True)
    sys.exit(0 if report.is_clean else 1)


def shops_of(seed: int) -> int:
    """Two for every fifth seed."""
    return 1 if seed % EVERY else 2


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like any other end, so that the children are stopped."""
    raise SystemExit(128 + signal.SIGTERM)
