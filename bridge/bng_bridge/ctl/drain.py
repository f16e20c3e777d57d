"""`bridgectl drain`."""

import sys
import time

import click

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon

LOOK_S = 0.5


@click.command()
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="Seconds to wait for what is under way.")
@json_option
@click.pass_obj
@command
def drain(daemon: Daemon, timeout_s: float, as_json: bool) -> None:  # noqa: FBT001
    """Begin nothing new, and wait until what is under way has ended.

    Before a backup or an upgrade of BNG, a move of the store, or whatever wants that nobody writes. Events go on being
    accepted, and wait. All targets stay closed, also over a restart, until `bridgectl resume --all`. Stopping the service
    needs no drain: it does that by itself, and begins again when it is started.

    \b
      bridgectl drain && sqlite3 …/bridge.sqlite ".backup …"; bridgectl resume --all

    Exit code 1 when something is still under way after the time; the targets are closed all the same.
    """
    answer = daemon.post("/drain")
    deadline = time.monotonic() + timeout_s
    while answer["under_way"] and time.monotonic() < deadline:
        if sys.stderr.isatty():
            click.echo(f"under way: {answer['under_way']}", err=True)
        time.sleep(LOOK_S)
        answer = daemon.get("/drain")
    show(answer, render, as_json=as_json)
    raise SystemExit(1 if answer["under_way"] else 0)


def render(answer: dict[str, int]) -> None:
    under_way = answer["under_way"] or "nothing"
    word = "drained" if not answer["under_way"] else "not drained"
    click.echo(f"{word}: {answer['waiting']} wait in the inbox, {under_way} is under way")
    if answer["unknown"]:
        click.echo(f"The outcome of {answer['unknown']} writes is unknown; they are looked up after the resume.")
    click.echo("Everything is closed until: bridgectl resume --all")
