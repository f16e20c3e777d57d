"""`bridgectl status` and `ping`."""

import sys
import time
from typing import Any
from urllib.parse import quote

import click
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import ago, console, milliseconds, since, waiting, word

EXIT_CODES = {"healthy": 0, "degraded": 1, "down": 2}


@click.command()
@json_option
@click.option("--watch", is_flag=True, help="Repeat every 2 s until Ctrl-C.")
@click.pass_obj
@command
def status(daemon: Daemon, as_json: bool, watch: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """The verdict, its first cause, and one line per site.

    \b
    Exit codes: 0 healthy, 1 degraded, 2 down, 3 the daemon cannot be reached.
    """
    while True:
        answer = daemon.get("/status")
        if watch and not as_json and sys.stdout.isatty():
            click.clear()
        show(answer, render, as_json=as_json)
        if not watch:
            raise SystemExit(EXIT_CODES[answer["verdict"]])
        time.sleep(2)


@click.command()
@click.argument("site")
@json_option
@click.pass_obj
@command
def ping(daemon: Daemon, site: str, as_json: bool) -> None:  # noqa: FBT001
    """Send a request through the broker to SITE's agent and back."""
    answer = daemon.post(f"/ping/{quote(site, safe='')}")
    show(answer, lambda found: click.echo(f"{site} answered in {found['round_trip_ms']} ms"), as_json=as_json)


def render(answer: dict[str, Any]) -> None:
    target = console()
    target.print(word(answer["verdict"]), Text(answer["cause"] or "nothing waits for you"))
    bridge = answer["bridge"]
    target.print(
        f"bridge {bridge['version']}: {bridge['inbox_pending']} pending{since(bridge['inbox_oldest_s'])}, "
        f"{_held(bridge)}{bridge['dead']} dead, {bridge['intents']} open intents"
    )
    target.print("broker", word("connected" if answer["broker"]["connected"] else "not connected"))
    target.print("BNG", *filter(None, (_throttle(answer["bng"]), Text(_calls(answer["bng"])))))
    for alert in answer["alerts"]:
        target.print(Text("alert", style="red"), Text(f"{alert['subject']} {alert['hint']}".strip()))
    target.print(_sites(answer["sites"]))


def _held(bridge: dict[str, Any]) -> str:
    if not bridge.get("held_by_policy"):
        return ""
    return f"{bridge['held_by_policy']} held by your rules{since(bridge['held_by_policy_oldest_s'])}, "


def _sites(sites: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("site", "state", "seen", "round trip", "outbox", "inbox", "dead", "throttle"):
        table.add_column(heading)
    for site in sites:
        table.add_row(
            site["site"], word(site["state"]), ago(site["last_seen_s"]), milliseconds(site["round_trip_ms"]),
            waiting(site["outbox_rows"], site["outbox_oldest_s"]),
            waiting(site["inbox_pending"], site["inbox_oldest_s"]), str(site["dead"]), _throttle(site),
        )  # fmt: skip
    return table


def _throttle(target: dict[str, Any]) -> Text:
    """A slower pace is no fault, and worth a word."""
    pace = target.get("pace", "")
    return word(target["throttle"]) + (f", {pace}" if pace.startswith("slowed") else "")


def _calls(target: dict[str, Any]) -> str:
    """`(312 calls this hour: sales-orders 200, customers 112; 40 of 100 left)`"""
    counted = {name: each["hour"] for name, each in target.get("calls", {}).items() if each["hour"]}
    if not counted:
        return ""
    by_class = ", ".join(f"{name} {hour}" for name, hour in sorted(counted.items(), key=lambda each: -each[1]))
    quota = target.get("quota")
    left = f"; {quota['remaining']} of {quota['allowed'] or '?'} left" if quota else ""
    return f"({sum(counted.values())} calls this hour: {by_class}{left})"
