"""`bridgectl queue`."""

from itertools import groupby
from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import clock, console, moment

SHOWN = 3
"""Of what waits for one rule, where the whole list was not asked for."""


@click.command()
@json_option
@click.option("--unknown", is_flag=True, help="Only writes whose outcome is unknown.")
@click.option("--waiting", is_flag=True, help="Only events that wait for something, with what and until when.")
@click.option(
    "--policy", is_flag=True, help="Only orders that wait for a rule of [sites.NAME.export], by rule, with since when."
)
@click.pass_obj
@command
def queue(daemon: Daemon, as_json: bool, unknown: bool, waiting: bool, policy: bool) -> None:  # noqa: FBT001
    """What is not settled yet, what each waits for, and until when.

    What a rule of yours holds, such as orders that are not paid, is a list of its own behind the others.
    """
    answer = daemon.get("/queue")
    if waiting:
        answer = {**answer, "events": [event for event in answer["events"] if event["reason"]]}
    if unknown or policy:
        answer = {**answer, "events": [], "held" if unknown else "unknown": []}
    show(answer, render if policy else render_short, as_json=as_json)


def render_short(answer: dict[str, Any]) -> None:
    render(answer, SHOWN)


def render(answer: dict[str, Any], shown: int | None = None) -> None:
    """`shown`: of each rule; None: all."""
    target = console()
    for write in answer["unknown"]:
        target.print(
            Text("unknown", style="red"), f"{write['target_key']}: looked up until {clock(write['quiet_until'])}"
        )
    for event in answer["events"]:
        what = event["reason"] or ("under way" if event["state"] == "processing" else "its turn")
        target.print(
            f"{event['seq']} {event['site'] or event['source']} {_named(event)}: {what} "
            f"(next {clock(event['run_at'])}, {event['attempts']} attempts)",
            markup=False,
        )
    _render_held(answer["held"], shown)
    if not any(answer[key] for key in ("unknown", "events", "held")):
        target.print("Nothing waits.")


def _render_held(held: list[dict[str, Any]], shown: int | None) -> None:
    target = console()
    for (site, rule), group in groupby(sorted(held, key=_rule), key=_rule):
        events = list(group)
        target.print(
            f"{site} rule {rule}: {len(events)} wait, the longest since {moment(events[0]['since'])}", markup=False
        )
        for event in events[:shown]:
            target.print(
                f"  {event['seq']} {_named(event)} since {moment(event['since'])}: {event['reason']}", markup=False
            )
        if shown is not None and len(events) > shown:
            target.print(f"  … {len(events) - shown} more: bridgectl queue --policy")


def _rule(event: dict[str, Any]) -> tuple[str, str]:
    return event["site"], event["rule"]


def _named(event: dict[str, Any]) -> str:
    return f"{event['entity']} {event['increment_id'] or event['entity_id']}"
