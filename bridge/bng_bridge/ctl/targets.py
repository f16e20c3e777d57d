"""`bridgectl pause` and `resume`."""

from typing import Any
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
@click.argument("target", required=False)
@click.option(
    "--all", "everything", is_flag=True, help="Every target that a drain has closed; one that was paused stays so."
)
@click.pass_obj
@command
def resume(daemon: Daemon, target: str | None, everything: bool) -> None:  # noqa: FBT001
    """Write to TARGET again."""
    if (target is None) != everything:
        raise click.UsageError("name a target (bng, or a site), or --all")
    if target is None:
        _render_all(daemon.post("/resume"))
        return
    answer = daemon.post(f"/resume/{quote(target, safe='')}")
    click.echo(f"{target}: {answer['state']}")


def _render_all(answer: dict[str, Any]) -> None:
    none = "nothing was drained" if answer["closed"] else "nothing was closed"
    click.echo(f"resumed: {', '.join(answer['resumed']) or none}")
    for name, reason in answer["closed"].items():
        click.echo(f"still paused: {name} ({reason}). To open it: bridgectl resume {name}")
