"""`bridgectl report`: how well it goes, and what is to be bought, in numbers."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import click
from rich.table import Table

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console
from bng_bridge.ctl.demand import demand

LISTING_LIMIT_S = 900.0
DAY = click.DateTime(["%Y-%m-%d"])
HOPS = {"in_bng": "in BNG", "allocated": "allocated", "shipped": "shipped"}


@click.group("report")
def report_group() -> None:
    """How well it goes, and what is to be bought, in numbers."""


report_group.add_command(demand)


@report_group.command("lead-time")
@click.option("--from", "first", type=DAY, metavar="YYYY-MM-DD", help="Without it: 14 days.")
@click.option("--to", "last", type=DAY, metavar="YYYY-MM-DD", help="Without it: today, in the shop's time zone.")
@json_option
@click.pass_obj
@command
def lead_time(daemon: Daemon, first: datetime | None, last: datetime | None, as_json: bool) -> None:  # noqa: FBT001
    """How long orders take until they are in BNG, allocated, shipped; by day, and before and after going live.

    Both sides are listed now. Times are from the placing: median / 90th percentile. Orders that have not come so far, and
    those of which nobody told when, are counted as remarks: BNG does not say when it allocated an order, only whether it
    did when the order was made. What a backfill has brought over is counted and not measured.

    \b
      bridgectl report lead-time --from 2026-01-01 --to 2026-03-31
    """
    options = {"from": f"{first:%Y-%m-%d}" if first else "", "to": f"{last:%Y-%m-%d}" if last else ""}
    query = urlencode({key: value for key, value in options.items() if value})
    answer = daemon.get(f"/report/lead-time?{query}", timeout_s=LISTING_LIMIT_S)
    show(answer, render, as_json=as_json)


def render(answer: dict[str, Any]) -> None:
    target = console()
    table = Table("day", "site", "orders", *HOPS.values(), "remarks", box=None)
    for each in answer["days"]:
        table.add_row(each["day"], each["site"], str(each["orders"]), *_hops(each), _remarks(each))
    for name, title in (("before", "before go-live"), ("after", "after go-live")):
        if answer[name]["orders"]:
            table.add_row(title, "", str(answer[name]["orders"]), *_hops(answer[name]), _remarks(answer[name]))
    target.print(table)
    if not answer["days"]:
        target.print("No order was placed on these days.")


def _hops(summary: dict[str, Any]) -> list[str]:
    return [_hop(summary[name]) for name in HOPS]


def _hop(hop: dict[str, Any]) -> str:
    return f"{duration(hop['median_s'])} / {duration(hop['p90_s'])}" if hop["count"] else "-"


def _remarks(summary: dict[str, Any]) -> str:
    """What the times do not cover."""
    parts = [f"{summary['brought_over']} brought over later"] if summary["brought_over"] else []
    for name, title in HOPS.items():
        hop = summary[name]
        parts += [f"{hop['not_yet']} not yet {title}"] if hop["not_yet"] else []
        parts += [f"{hop['unknown']} {title} at an unknown time"] if hop["unknown"] else []
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """0.3 s, 42 s, 5 min, 3.2 h, 2.1 d."""
    for limit, unit, size in ((10, "s", 1), (120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.{1 if limit in (10, 172_800) else 0}f} {unit}"
    return f"{seconds / 86_400:.1f} d"
