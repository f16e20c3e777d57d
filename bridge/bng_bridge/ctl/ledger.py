"""`bridgectl ledger`."""

from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import clock, console, word
from bng_bridge.ctl.manifest import compare

EXIT_CODES = {"complete": 0, "waiting": 0, "unlisted": 0, "incomplete": 1}
COUNTS = ("seen", "applied", "excluded", "waiting", "dead", "missing")
LEDGER_TIMEOUT_S = 120.0
SWEEP_TIMEOUT_S = 3600.0


@click.command()
@json_option
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
              help="The last day. Without it: today, in the shop's time zone.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, 366), default=1, show_default=True, help="So many days up to it.")
@click.option("--fresh", is_flag=True, help="List the records of both sides first: seconds, with many of them minutes.")
@click.pass_obj
@command
def ledger(daemon: Daemon, as_json: bool, day: datetime | None, days: int, fresh: bool) -> None:  # noqa: FBT001
    """What became of each record of a day at the other side, and whether the sums agree.

    \b
    Exit codes: 0 everything is applied, excluded for a reason, or waits; a shop that was not listed is told,
                1 something is missing or dead, or totals differ; with --fresh also when a side cannot be listed,
                3 the daemon cannot be reached.
    """
    is_listed = _list_both_sides(daemon) if fresh else True
    last = f"&day={day:%Y-%m-%d}" if day else ""
    answer = daemon.get(f"/ledger?days={days}{last}", timeout_s=LEDGER_TIMEOUT_S)
    show(answer, render, as_json=as_json)
    raise SystemExit(EXIT_CODES[answer["verdict"]] if is_listed else 1)


def _list_both_sides(daemon: Daemon) -> bool:
    """Whether every shop was listed to its end. What kept one from it is told; the others are counted all the same."""
    failed = [report for report in compare(daemon) if report["error"]]
    for report in failed:
        click.echo(f"{report['site']} was not listed to the end: {report['error']}", err=True)
    daemon.post("/sweep", timeout_s=SWEEP_TIMEOUT_S)
    return not failed


def render(answer: dict[str, Any]) -> None:
    target = console()
    target.print(_table(answer["lines"]))
    for line in answer["lines"]:
        _print_details(target, line)
    swept = ", ".join(f"{name} {_moment(at)}" for name, at in answer["swept_at"].items())
    target.print(f"BNG's own records, last listed: {swept}")
    for site, marks in answer["shops_listed_at"].items():
        listed = ", ".join(f"{entity}s {_moment(at)}" for entity, at in marks.items())
        target.print(f"{site}'s own records, last listed: {listed}")


def _table(lines: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("day", "from", "entity", *COUNTS, "sums", "verdict"):
        table.add_column(heading, justify="right" if heading in COUNTS else "left")
    for line in lines:
        counts = {**line, "excluded": sum(line["excluded"].values())}
        table.add_row(line["day"], line["site"] or "BNG", line["entity"], *(str(counts[name]) for name in COUNTS),
                      _sums(line["sums"]), _verdict(line))  # fmt: skip
    return table


def _sums(sums: list[dict[str, Any]]) -> Text:
    """What the shop says of the applied, of all where that is more, and what BNG says where that is another amount."""
    parts = []
    for each in sums:
        is_even, is_all = each["applied"] == each["bng"], each["applied"] == each["seen"]
        amount = each["applied"] + ("" if is_all else f" of {each['seen']}") + f" {each['currency']}"
        parts.append(Text(amount) if is_even else Text(f"{amount}, BNG {each['bng']}", style="red"))
    return Text("; ").join(parts)


def _verdict(line: dict[str, Any]) -> Text:
    bad = [f"{line[name]} {name}" for name in ("missing", "dead", "differ") if line[name]]
    if bad:
        return Text(", ".join(bad), style="red")
    open_ = ["unlisted"] if line["unlisted"] else []
    if line["waiting"]:
        open_.append(f"{line['waiting']} waiting, the oldest since {_moment(line['waiting_since'])}")
    return Text(", ".join(open_), style="yellow") if open_ else word("complete")


def _print_details(target: Console, line: dict[str, Any]) -> None:
    """What the line's numbers stand for, with the command to run for each that is not well."""
    title = f"{line['day']} {line['site'] or 'BNG'} {line['entity']}"
    for reason, count in line["excluded"].items():
        target.print(f"{title}: {count} excluded: {reason}")
    if line["unlisted"]:
        target.print(Text(f"{title}: {line['unlisted']}"))
    for found in line["trouble"]:
        target.print(Text(f"{title} {found['name']}:", style="bold"), Text(f"{found['what']}, {found['reason']}"))
        target.print(f"    {found['command']}")


def _moment(text: str | None) -> str:
    return f"{text[:10]} {clock(text)[:8]} UTC" if text else "never"
