"""`bridgectl manifest`."""

import sys
import time
from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console

LOOK_S = 0.3


@click.command()
@click.argument("site", required=False)
@json_option
@click.pass_obj
@command
def manifest(daemon: Daemon, site: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Compare what SITE (or every shop) lists with what came from it, now; what was missed is asked for again.

    Exit code 1 when something was found missing, or a pass could not be ended.
    """
    reports = compare(daemon, site)
    show(reports, render, as_json=as_json)
    raise SystemExit(int(any(report["missing"] or report["error"] for report in reports)))


def compare(daemon: Daemon, site: str | None = None) -> list[dict[str, Any]]:
    """A pass over one shop or every one, waited for: what each has come to."""
    asked = daemon.post("/manifest", {"site": site})
    return [_wait(daemon, name, number) for name, number in asked.items()]


def _wait(daemon: Daemon, site: str, number: int) -> dict[str, Any]:
    """The pass goes on when this is broken off."""
    while True:
        report: dict[str, Any] = daemon.get("/manifest")[site]
        is_ours = report["number"] >= number
        if is_ours and report["ended_at"]:
            _progress("")
            return report
        _progress(f"{site}: {report['listed']} listed" if is_ours else f"{site}: waits for the pass under way")
        time.sleep(LOOK_S)


def _progress(text: str) -> None:
    """One line that is written over, for a person."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


def render(reports: list[dict[str, Any]]) -> None:
    target = console()
    for report in reports:
        found = report["missing"]
        target.print(
            f"{report['site']}: {report['listed']} listed, {report['covered']} covered, "
            f"{report['on_the_way']} on the way, {report['look_again']} to look at again, "
            f"{len(found)} found missing, {report['asked']} asked for"
        )
        for entity in found:
            target.print(Text(f"  missed: {entity}", style="red"))
        if report["error"]:
            target.print(Text(f"  not ended: {report['error']}", style="red"))
