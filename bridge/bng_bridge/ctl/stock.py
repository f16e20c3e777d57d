"""`bridgectl stock`."""

import sys
import time
from typing import Any
from urllib.parse import quote

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console

LOOK_S = 0.3
site_option = click.option("--site", help="One shop only.")


@click.group(invoke_without_command=True)
@site_option
@json_option
@click.pass_context
@command
def stock(context: click.Context, site: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Show the last comparison of the shops' stock with BNG's: when it was, and what differed.

    \b
    Each difference has BNG's own number, what the shop should have, what it has, and why:
      pending               a change is on its way
      dead letter           a change waits for a person: bridgectl dlq list
      shipment not in shop  BNG has shipped, the shop not yet: its quantity still contains that
      open orders           what open orders hold is counted otherwise in the shop (stock_policy)
      refused               it would be less than nothing, for instance
      unexplained           somebody changed it in the shop: it is written again

    Exit code 1 when something was unexplained, or a shop was never compared.
    """
    if context.invoked_subcommand is not None:
        return
    found = context.obj.get(_path(site))
    reports = {name: each["last"] for name, each in found.items()}
    show(reports, render, as_json=as_json)
    raise SystemExit(int(any(each is None or each["unexplained"] for each in reports.values())))


@stock.command()
@site_option
@click.option("--report-only", is_flag=True, help="Write nothing again, whatever is found.")
@json_option
@click.pass_obj
@command
def compare(daemon: Daemon, site: str | None, report_only: bool, as_json: bool) -> None:  # noqa: FBT001
    """Compare now, and wait for it. What nothing explains is written again, unless bridge.toml says otherwise.

    Exit code 1 when something was unexplained, or a comparison could not be ended.
    """
    asked = daemon.post("/stock", {"site": site, "report_only": report_only})
    reports = {name: _wait(daemon, name, number) for name, number in asked.items()}
    show(reports, render, as_json=as_json)
    raise SystemExit(int(any(each["unexplained"] or each["error"] for each in reports.values())))


def _wait(daemon: Daemon, site: str, number: int) -> dict[str, Any]:
    """The comparison goes on when this is broken off."""
    while True:
        report: dict[str, Any] = daemon.get(_path(site))[site]["now"]
        is_ours = report["number"] >= number
        if is_ours and report["ended_at"]:
            _progress("")
            return report
        counts = f"{report['compared']} compared, {report['suspects']} to look at again"
        _progress(f"{site}: {counts}" if is_ours else f"{site}: waits for the comparison under way")
        time.sleep(LOOK_S)


def _path(site: str | None) -> str:
    return "/stock" if site is None else f"/stock?site={quote(site)}"


def _progress(text: str) -> None:
    """One line that is written over, for a person."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


def render(reports: dict[str, Any]) -> None:
    target = console()
    for site, report in reports.items():
        if report is None:
            target.print(f"{site}: never compared. bridgectl stock compare --site {site} does it now.")
            continue
        target.print(
            f"{site}: {report['began_at'][:16].replace('T', ' ')} UTC, {report['compared']} compared, "
            f"{report['agree']} agree, {report['not_sold']} not sold there, {len(report['differences'])} differ from BNG's "
            f"number, {report['unexplained']} unexplained, {report['repaired']} written again"
        )
        for each in report["differences"]:
            style = "red" if each["why"] == "unexplained" else ""
            target.print(Text(f"  {_line(each)}", style=style))
        if report["not_shown"]:
            target.print(f"  and {report['not_shown']} more")
        if report["error"]:
            target.print(Text(f"  not ended: {report['error']}", style="red"))


def _line(difference: dict[str, Any]) -> str:
    return (
        f"{difference['sku']} ({difference['warehouse']} -> {difference['source']}): BNG {difference['bng']}, "
        f"expected {difference['expected'] or 'nothing'}, shop {difference['shop'] or 'nothing'}: {difference['why']}"
    )
