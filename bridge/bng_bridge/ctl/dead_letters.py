"""`bridgectl dlq`: dead letters."""

from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import clock, console, print_attempts

EVERY = 10_000_000


@click.group()
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
    show(letters, render_letters, as_json=as_json)


@dlq.command("show")
@click.argument("event", type=int)
@json_option
@click.pass_obj
@command
def show_one(daemon: Daemon, event: int, as_json: bool) -> None:  # noqa: FBT001
    """One EVENT whole: its attempts and its data."""
    letter = daemon.get(f"/dlq/{event}")
    show(letter, render_letter, as_json=as_json)


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


def render_letters(letters: list[dict[str, Any]]) -> None:
    target = console()
    if not letters:
        target.print("No dead letters.")
    for letter in letters:
        name = letter["increment_id"] or letter["entity_id"]
        target.print(Text(f"{letter['seq']}", style="bold"), f"{letter['site']} {letter['entity']} {name}:", end=" ")
        target.print(Text(letter["reason"], style="red"))
        target.print(f"    {letter['hint']}  (stored {clock(letter['stored_at'])}, {letter['attempts']} attempts)")


def render_letter(letter: dict[str, Any]) -> None:
    target = console()
    for name, value in letter.items():
        if name not in ("attempt_log", "data") and value not in (None, ""):
            target.print(Text(f"{name:>14}", style="bold"), Text(str(value)))
    print_attempts(target, letter["attempt_log"])
    target.print(Text(letter["data"] or "(no data)"), soft_wrap=True)
