"""`bridgectl alerts`."""

from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console


@click.group()
def alerts() -> None:
    """Alerts: who is told, and how. `bridgectl status` shows those that last."""


@alerts.command()
@json_option
@click.pass_obj
@command
def test(daemon: Daemon, as_json: bool) -> None:  # noqa: FBT001
    """Send a test alert through the configured command and webhook, and say what happened. Exit code 1 if one failed."""
    tried = daemon.post("/alerts/test")
    show(tried, render, as_json=as_json)
    raise SystemExit(0 if all(each["ok"] for each in tried) else 1)


def render(tried: list[dict[str, Any]]) -> None:
    for each in tried:
        word = Text("sent", style="green") if each["ok"] else Text("failed", style="red")
        console().print(f"{each['way']}:", word, each["detail"])
