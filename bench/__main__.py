"""Floor and product alternating on the same load; the last line on standard output is JSON."""

import json
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from bench.measure import Run, drain, percentile, steady
from bench.scene import Scene

SIDES = ("floor", "product")
STUB_NOTE = (
    "both sides read the same stub of the shop's REST and write to the same stub of BNG, which answers with the "
    "documents of the sandboxes; MariaDB with its triggers and mosquitto are real; each order has a guest of its own, "
    "so that it takes two writes"
)


@dataclass(frozen=True)
class Size:
    """How much is measured. `large` 0 leaves it out; `rounds` how often both sides drain `small`."""

    small: int
    large: int
    rounds: int
    steady_s: float
    cut_rows_of: int
    per_s: float = 10.0


DEFAULT = Size(5_000, 50_000, 3, 60.0, 50_000)
QUICK = Size(1_000, 0, 2, 10.0, 1_000)


@click.command()
@click.option("--quick", is_flag=True, help="1,000 orders and 10 s: below 90 s, and rough.")
@click.option("--json", "as_json", is_flag=True, help="Nothing on standard output but the JSON.")
@click.option("--keep", is_flag=True, help="Keep the folder with logs and data.")
def main(*, quick: bool, as_json: bool, keep: bool) -> None:
    """What the product costs beside the bare minimum, on the same load."""
    size = QUICK if quick else DEFAULT

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    with Scene(keep=keep) as scene:
        say("starting the stage; selling the templates; seeding")
        scene.furnish(max(size.small, size.large, size.cut_rows_of))
        result = measured(scene, size, say)
    click.echo(json.dumps(result))


def measured(scene: Scene, size: Size, say: Any) -> dict[str, Any]:
    trigger_us = scene.load.trigger_cost_us()
    say(f"trigger: {trigger_us:.1f} µs per row")
    small = told(say, "drain", (drain(scene, side, size.small) for _ in range(size.rounds) for side in SIDES))
    pace = told(
        say,
        "steady",
        (steady(scene, side, per_s=size.per_s, seconds=size.steady_s, first=FIRST_STEADY[side]) for side in SIDES),
    )
    large = told(say, "drain", (drain(scene, side, size.large) for side in SIDES if size.large))
    cut = told(say, "cut", (drain(scene, "product", size.cut_rows_of, rounds=4) for _ in range(1)))
    return {
        "schema": 1,
        "ratios": ratios(small + large),
        **{side: described(side, small, large, pace) for side in SIDES},
        "trigger_us_per_row": round(trigger_us, 1),
        "after_a_long_cut": cut[0].described(),
        "note": STUB_NOTE,
    }


FIRST_STEADY = {"floor": 1_000_020, "product": 2_000_020}
"""Numbers of orders that no seeding uses."""


def told(say: Any, what: str, runs: Iterable[Run]) -> list[Run]:
    done = []
    for run in runs:
        say(f"{what} {run.side}: {json.dumps(run.described())}")
        done.append(run)
    return done


def ratios(runs: list[Run]) -> dict[str, float]:
    """Of the medians over all drains; the largest drain counts by its own medians."""
    largest = max(run.events for run in runs)
    floor, product = ([run for run in runs if run.side == side and run.events == largest] for side in SIDES)
    return {
        "cpu_per_event": round(cost(product) / cost(floor), 3),
        "drain_rate": round(rate(product) / rate(floor), 3),
    }


def described(side: str, small: list[Run], large: list[Run], pace: list[Run]) -> dict[str, Any]:
    mine = [run for run in small if run.side == side]
    many = [run for run in large if run.side == side]
    slow = next(run for run in pace if run.side == side)
    result = {
        "drain": mine[-1].described() | {"events_per_s": round(rate(mine), 1), "cpu_ms": round(cost(mine), 3)},
        "steady": slow.described() | latencies(slow),
    }
    if many:
        growth = round(cost(many) / cost(mine), 3)
        result["drain_large"] = many[0].described() | {"cost_beside_small": growth}
    return result


def latencies(run: Run) -> dict[str, float]:
    return {f"p{share}_ms": round(percentile(run.latencies_ms, share / 100), 1) for share in (50, 99)}


def cost(runs: list[Run]) -> float:
    return statistics.median(run.cpu_per_event_ms for run in runs)


def rate(runs: list[Run]) -> float:
    return statistics.median(run.events_per_s for run in runs)


if __name__ == "__main__":
    sys.exit(main())
