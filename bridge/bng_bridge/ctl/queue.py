"""`bridgectl queue`."""

from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import clock, console


@click.command()
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
    show(answer, render, as_json=as_json)


def render(answer: dict[str, Any]) -> None:
    target = console()
    for write in answer["unknown"]:
        target.print(
            Text("unknown", style="red"), f"{write['target_key']}: looked up until {clock(write['quiet_until'])}"
        )
    for event in answer["events"]:
        name = event["increment_id"] or event["entity_id"]
        what = event["reason"] or ("under way" if event["state"] == "processing" else "its turn")
        target.print(
            f"{event['seq']} {event['site'] or event['source']} {event['entity']} {name}: {what} "
            f"(next {clock(event['run_at'])}, {event['attempts']} attempts)",
            markup=False,
        )
    if not answer["unknown"] and not answer["events"]:
        target.print("Nothing waits.")
