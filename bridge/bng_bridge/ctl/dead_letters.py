"""`bridgectl dlq`: dead letters."""

import sys
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon, Refused
from bng_bridge.ctl.console import clock, console, print_attempts
from bng_bridge.ctl.edit import edited
from bridge_common.person import who

BATCH = 200
"""Letters in one request; a progress line follows each."""

cause_option = click.option("--cause", help="All of one cause: its id from `dlq list`, or the beginning of it.")
all_option = click.option("--all", "everything", is_flag=True, help="Every dead letter.")


@click.group()
def dlq() -> None:
    """Dead letters: events that wait for a person's decision."""


@dlq.command("list")
@json_option
@click.option("--flat", is_flag=True, help="One by one, not by cause.")
@click.option("--limit", default=1000, show_default=True, help="One by one: at most so many, the oldest first.")
@click.pass_obj
@command
def dlq_list(daemon: Daemon, as_json: bool, flat: bool, limit: int) -> None:  # noqa: FBT001
    """What is dead, by cause, and the commands that help. --json and --flat list the single letters."""
    if as_json or flat:
        show(daemon.get(f"/dlq?limit={limit}"), render_letters, as_json=as_json)
    else:
        show(daemon.get("/dlq/causes"), render_causes, as_json=False)


@dlq.command()
@json_option
@click.pass_obj
@command
def causes(daemon: Daemon, as_json: bool) -> None:  # noqa: FBT001
    """The causes, how many letters each has, and the commands that help."""
    show(daemon.get("/dlq/causes"), render_causes, as_json=as_json)


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
@cause_option
@all_option
@click.pass_obj
@command
def retry(daemon: Daemon, events: tuple[int, ...], cause: str | None, everything: bool) -> None:  # noqa: FBT001
    """Run EVENTS again, from their first attempt. The shop's records are read anew; an edited copy runs as it was edited."""
    _move(daemon, "retry", "requeued", _chosen(daemon, events, cause, everything=everything))


@dlq.command()
@click.argument("events", type=int, nargs=-1)
@cause_option
@all_option
@click.option("--reason", required=True, help="Kept with the event; the ledger shows it.")
@click.pass_obj
@command
def discard(daemon: Daemon, events: tuple[int, ...], cause: str | None, everything: bool, reason: str) -> None:  # noqa: FBT001
    """Give EVENTS up, with a reason. The same state stays excluded, until the record changes."""
    _move(daemon, "discard", "discarded", _chosen(daemon, events, cause, everything=everything), reason=reason)


@dlq.command()
@click.argument("event", type=int)
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False), help="The document, as JSON in a file.")
@click.option("--set", "changes", multiple=True, metavar="PATH=VALUE",
              help="Change a field, such as payment.method=checkmo or items.0.sku=MUG. VALUE is JSON or text.")  # fmt: skip
@click.pass_obj
@command
def edit(daemon: Daemon, event: int, path: str | None, changes: tuple[str, ...]) -> None:
    """Edit a copy of EVENT and run that. Without --file and --set in your editor ($EDITOR).

    The original is kept as discarded. A newer state of the record takes the copy's place.
    """
    if path and changes:
        raise click.UsageError("either --file or --set")
    letter = daemon.get(f"/dlq/{event}")
    if letter["not_editable"]:
        raise Refused(f"Event {event} cannot be edited: {letter['not_editable']}.")
    with edited(event, letter["data"] or "{}", path, changes) as document:
        answer = daemon.post(f"/dlq/{event}/edit", {"document": document, "who": who()})
    click.echo(f"{event} is replaced by its edited copy {answer['event']}, which runs now.")


def _chosen(daemon: Daemon, events: tuple[int, ...], cause: str | None, *, everything: bool) -> list[int]:
    if sum((bool(events), cause is not None, everything)) != 1:
        raise click.UsageError("name the events (bridgectl dlq list shows them), or --cause ID, or --all")
    if events:
        return list(events)
    return list(daemon.get("/dlq/events" + ("" if cause is None else f"?cause={quote(cause, safe='')}")))


def _move(daemon: Daemon, command: str, action: str, events: list[int], **fields: str) -> None:
    """In batches: what dies again meanwhile is not taken a second time."""
    moved, not_dead = 0, []
    for first in range(0, len(events), BATCH):
        body = {"events": events[first : first + BATCH], "who": who(), **fields}
        answer = daemon.post(f"/dlq/{command}", body)
        moved += len(answer[action])
        not_dead += answer["not_dead"]
        if len(events) > BATCH:
            click.echo(f"\r{min(first + BATCH, len(events))} of {len(events)}", err=True, nl=not sys.stderr.isatty())
    click.echo(f"{action}: {moved}")
    if not_dead:
        click.echo(f"not dead: {', '.join(map(str, not_dead))}", err=True)
        raise SystemExit(1)


def render_causes(groups: list[dict[str, Any]]) -> None:
    target = console()
    if not groups:
        target.print("No dead letters.")
    for group in groups:
        count = f"{group['letters']} letter{'s' if group['letters'] > 1 else ''}"
        target.print(Text(group["cause_id"], style="bold"), Text(group["cause"], style="red"), f"({count})")
        target.print(f"    since {clock(group['oldest_at'])}; event {group['first_seq']}: {group['hint']}")
        for line in group["commands"]:
            target.print(f"    {line}", soft_wrap=True)


def render_letters(letters: list[dict[str, Any]]) -> None:
    target = console()
    if not letters:
        target.print("No dead letters.")
    for letter in letters:
        _print_letter(target, letter)


def _print_letter(target: Console, letter: dict[str, Any]) -> None:
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
