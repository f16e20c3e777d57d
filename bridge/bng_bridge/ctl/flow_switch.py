"""`bridgectl flow list`, `on` and `off`: which flows run for which site."""

from datetime import datetime
from typing import Any

import click
from rich.table import Table

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console, word
from bng_bridge.ctl.moments import MOMENT

site_option = click.option("--site", required=True, help="For which site.")


@click.command("list")
@json_option
@click.pass_obj
@command
def list_(daemon: Daemon, as_json: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """The flows in force for each site, and which of them are on.

    `always`: it runs without being switched on. `off`: its events are skipped as "flow NAME is off for SITE".
    """
    show(daemon.get("/flows"), _render, as_json=as_json)


@click.command()
@click.argument("name")
@site_option
@click.option(
    "--since", type=MOMENT, help="Leave alone what was created before. Without it: take everything that comes."
)
@json_option
@click.pass_obj
@command
def on(daemon: Daemon, name: str, site: str, since: datetime | None, as_json: bool) -> None:  # noqa: FBT001
    """Run the flow NAME for SITE from now on. What was skipped while it was off comes with `bridgectl replay`.

    \b
      bridgectl flow on invoice-to-invoice --site shop1 --since 2026-04-01T00:00:00+02:00
    """
    body = {"site": site, "since": None if since is None else since.isoformat()}
    show(daemon.post(f"/flows/{name}/on", body), _told, as_json=as_json)


@click.command()
@click.argument("name")
@site_option
@json_option
@click.pass_obj
@command
def off(daemon: Daemon, name: str, site: str, as_json: bool) -> None:  # noqa: FBT001
    """Run the flow NAME for SITE no longer. What it has written stays."""
    show(daemon.post(f"/flows/{name}/off", {"site": site}), _told, as_json=as_json)


def _told(answer: dict[str, Any]) -> None:
    since = f" for what was created since {answer['since']}" if answer["since"] else ""
    click.echo(f"{answer['flow']} is {answer['state']} for {answer['site']}{since}")


def _render(flows: list[dict[str, Any]]) -> None:
    table = Table("site", "flow", "event", "state", "since", box=None, pad_edge=False)
    for each in flows:
        table.add_row(each["site"], each["flow"], each["event"], word(each["state"]), each["since"] or "")
    console().print(table)
