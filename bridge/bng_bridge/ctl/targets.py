"""`bridgectl pause` and `resume`."""

from urllib.parse import quote

import click

from bng_bridge.ctl.command import command
from bng_bridge.ctl.connection import Daemon


@click.command()
@click.argument("target")
@click.option("--reason", required=True, help="Shown in status, and to whoever comes next.")
@click.pass_obj
@command
def pause(daemon: Daemon, target: str, reason: str) -> None:
    """Write nothing to TARGET (`bng`, or a site) until resume; what comes waits, and counts no attempt."""
    answer = daemon.post(f"/pause/{quote(target, safe='')}", {"reason": reason})
    click.echo(f"{target}: {answer['state']}")


@click.command()
@click.argument("target")
@click.pass_obj
@command
def resume(daemon: Daemon, target: str) -> None:
    """Write to TARGET again."""
    answer = daemon.post(f"/resume/{quote(target, safe='')}")
    click.echo(f"{target}: {answer['state']}")
