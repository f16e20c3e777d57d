"""`bridgectl`: what an operator asks and does, over the daemon's socket."""

import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from bng_bridge import __version__
from bng_bridge.ctl import render
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.map import map_group
from bridge_common import service
from bridge_common.errors import BridgeError

DEFAULT_SOCKET = Path("/run/bng-bridge/admin.sock")
EVERY = 10_000_000
EXIT_CODES = {"healthy": 0, "degraded": 1, "down": 2}
# sysexits.h: 2, click's own, means "down" here.
click.UsageError.exit_code = 64
json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, for programs.")


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """A BridgeError ends in one sentence and its exit code."""

    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BridgeError as error:
            service.fail(error)

    return guarded


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--socket", type=click.Path(path_type=Path), default=DEFAULT_SOCKET, envvar="BRIDGECTL_SOCKET",
              show_default=True, help="The daemon's admin socket, or set BRIDGECTL_SOCKET.")  # fmt: skip
@click.version_option(__version__, prog_name="bridgectl")
@click.pass_context
def main(context: click.Context, socket: Path) -> None:
    """Operate the BNG bridge: is it well, where is this order, what is stuck and what to do about it.

    \b
      bridgectl status              the verdict and its first cause
      bridgectl trace 000000123     one order's way, hop by hop
      bridgectl dlq list            what waits for a person, with a hint each
    """
    context.obj = Daemon(socket)


main.add_command(map_group)


@main.command()
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
        click.echo(json.dumps(answer)) if as_json else render.status(answer)
        if not watch:
            raise SystemExit(EXIT_CODES[answer["verdict"]])
        time.sleep(2)


@main.command()
@click.argument("order")
@click.option("--site", help="Which site's order, when several shops use the same numbers.")
@json_option
@click.pass_obj
@command
def trace(daemon: Daemon, order: str, site: str | None, as_json: bool) -> None:  # noqa: FBT001
    """One ORDER's way, by its increment id or its entity id: every hop with its time, or what it waits for and why.

    Exit code 1 when no such order ever arrived.
    """
    answer = daemon.get(f"/trace/{quote(order, safe='')}" + (f"?site={quote(site)}" if site else ""))
    click.echo(json.dumps(answer)) if as_json else render.trace(answer)
    raise SystemExit(0 if answer["found"] else 1)


@main.command()
@click.argument("site")
@json_option
@click.pass_obj
@command
def ping(daemon: Daemon, site: str, as_json: bool) -> None:  # noqa: FBT001
    """Send a request through the broker to SITE's agent and back."""
    answer = daemon.post(f"/ping/{quote(site, safe='')}")
    click.echo(json.dumps(answer) if as_json else f"{site} answered in {answer['round_trip_ms']} ms")


@main.command()
@json_option
@click.option("--unknown", is_flag=True, help="Only writes whose outcome is unknown.")
@click.option("--waiting", is_flag=True, help="Only events that wait for something, with what and until when.")
@click.pass_obj
@command
def queue(daemon: Daemon, as_json: bool, unknown: bool, waiting: bool) -> None:  # noqa: FBT001
    """What is not settled yet, what each waits for, and until when."""
    answer = daemon.get("/queue")
    if waiting:
        answer = {**answer, "events": [event for event in answer["events"] if event["reason"]]}
    if unknown:
        answer = {**answer, "events": []}
    click.echo(json.dumps(answer)) if as_json else render.queue(answer)


@main.command()
@click.argument("target")
@click.option("--reason", required=True, help="Shown in status, and to whoever comes next.")
@click.pass_obj
@command
def pause(daemon: Daemon, target: str, reason: str) -> None:
    """Write nothing to TARGET (`bng`, or a site) until resume; what comes waits, and counts no attempt."""
    answer = daemon.post(f"/pause/{quote(target, safe='')}", {"reason": reason})
    click.echo(f"{target}: {answer['state']}")


@main.command()
@click.argument("target")
@click.pass_obj
@command
def resume(daemon: Daemon, target: str) -> None:
    """Write to TARGET again."""
    answer = daemon.post(f"/resume/{quote(target, safe='')}")
    click.echo(f"{target}: {answer['state']}")


@main.group()
def dlq() -> None:
    """Dead letters: events that wait for a person's decision."""


@dlq.command("list")
@json_option
@click.option("--limit", default=1000, show_default=True, help="At most so many, the oldest first.")
@click.pass_obj
@command
def dlq_list(daemon: Daemon, as_json: bool, limit: int) -> None:  # noqa: FBT001
    """What is dead, why, and what to do."""
    letters = daemon.get(f"/dlq?limit={limit}")
    click.echo(json.dumps(letters)) if as_json else render.dead_letters(letters)


@dlq.command()
@click.argument("event", type=int)
@json_option
@click.pass_obj
@command
def show(daemon: Daemon, event: int, as_json: bool) -> None:  # noqa: FBT001
    """One EVENT whole: its attempts and its data."""
    letter = daemon.get(f"/dlq/{event}")
    click.echo(json.dumps(letter)) if as_json else render.dead_letter(letter)


@dlq.command()
@click.argument("events", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
@click.pass_obj
@command
def retry(daemon: Daemon, events: tuple[int, ...], everything: bool) -> None:  # noqa: FBT001
    """Run EVENTS again, from their first attempt."""
    answer = daemon.post("/dlq/retry", {"events": _chosen(daemon, events, everything=everything)})
    _report("requeued", answer)


@dlq.command()
@click.argument("events", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
@click.option("--reason", required=True, help="Kept with the event; the ledger shows it.")
@click.pass_obj
@command
def discard(daemon: Daemon, events: tuple[int, ...], everything: bool, reason: str) -> None:  # noqa: FBT001
    """Give EVENTS up for good, with a reason."""
    chosen = _chosen(daemon, events, everything=everything)
    _report("discarded", daemon.post("/dlq/discard", {"events": chosen, "reason": reason}))


def _chosen(daemon: Daemon, events: tuple[int, ...], *, everything: bool) -> list[int]:
    if everything == bool(events):
        raise click.UsageError("name the events (bridgectl dlq list shows them), or --all")
    return [letter["seq"] for letter in daemon.get(f"/dlq?limit={EVERY}")] if everything else list(events)


def _report(action: str, answer: dict[str, Any]) -> None:
    click.echo(f"{action}: {len(answer[action])}")
    if answer["not_dead"]:
        click.echo(f"not dead: {', '.join(map(str, answer['not_dead']))}", err=True)
        raise SystemExit(1)
