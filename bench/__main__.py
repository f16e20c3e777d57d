"""Floor and product alternating on the same load; the last line on standard output is JSON."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from bench.measure import Run, drain, percentile, pooled, steady
from bench.scene import Scene

SIDES = ("floor", "product")
STUB_NOTE = (
    "both sides read the same stub of the shop's REST and write to the same stub of BNG, which answers with the "
    "documents of the sandboxes; MariaDB with its triggers and mosquitto are real; each order has a guest of its own, "
    "so that it takes two writes"
)


@dataclass(frozen=True)
class Size:
    """How much is measured. `large` 0 leaves it out; `rounds` is how often both sides drain `small`.

    `cut` orders are drained once more, their rows as a long cut leaves them: those of one order far apart.
    """

    small: int
    large: int
    rounds: int
    steady_s: float
    cut: int
    per_s: float = 10.0


DEFAULT = Size(5_000, 50_000, 2, 60.0, 50_000)
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
        scene.furnish(max(size.small, size.large, size.cut))
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
    cut = told(say, "cut", [drain(scene, "product", size.cut, rounds=4)])
    return {
        "schema": 1,
        "ratios": ratios(small + large),
        **{side: described(side, small, large, pace) for side in SIDES},
        "trigger_us_per_row": round(trigger_us, 1),
        "after_a_long_cut": {"rows": cut[0].rows, **cut[0].described()},
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
    """Over all drains together."""
    floor, product = (pooled([run for run in runs if run.side == side]) for side in SIDES)
    return {
        "cpu_per_event": round(product.cpu_per_event_ms / floor.cpu_per_event_ms, 3),
        "drain_rate": round(product.events_per_s / floor.events_per_s, 3),
    }


def described(side: str, small: list[Run], large: list[Run], pace: list[Run]) -> dict[str, Any]:
    """`cost_beside_small`: CPU time per event with many orders waiting, to that with few."""
    few, steady_run = pooled([run for run in small if run.side == side]), next(run for run in pace if run.side == side)
    result = {"drain": few.described(), "steady": steady_run.described() | latencies(steady_run)}
    if large:
        many = pooled([run for run in large if run.side == side])
        growth = round(many.cpu_per_event_ms / few.cpu_per_event_ms, 3)
        result["drain_large"] = many.described() | {"cost_beside_small": growth}
    return result


def latencies(run: Run) -> dict[str, float]:
    """From the shop's COMMIT to the sales order stored in BNG."""
    return {f"p{share}_ms": round(percentile(run.latencies_ms, share / 100), 1) for share in (50, 99)}


if __name__ == "__main__":
    sys.exit(main())
