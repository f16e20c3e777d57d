"""`bridgectl flow diff`: a flow file and the running bridge."""

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console
from bng_bridge.ctl.map_live import WAIT_S, render_fields, text_of


@click.command("diff")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--events", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="How many of the last stored documents.")  # fmt: skip
@click.option("--site", help="Only this site's documents, and FILE as this site's own.")
@json_option
@click.pass_obj
@command
def diff(daemon: Daemon, file: Path, events: int, site: str | None, as_json: bool) -> None:  # noqa: FBT001 # click's
    """What FILE would do otherwise: its steps beside those in force, and the last stored orders or customers through both.

    Nothing is written and nobody is asked: what the bridge itself knows is looked up, an id that only a target knows is a
    placeholder, such as (id of customer), and so is a transaction that the shop would be asked for.

    Exit code 1 when FILE has mistakes; 3 when the daemon cannot be reached.
    """
    body = {"name": file.stem, "text": text_of(file), "site": site, "events": events}
    answer = daemon.post("/flow/diff", body, timeout_s=WAIT_S)
    show(answer, _render, as_json=as_json)
    raise SystemExit(1 if answer.get("findings") else 0)


def _render(answer: dict[str, Any]) -> None:
    target = console()
    for each in answer.get("findings", ()):
        target.print(Text(each, style="red"), soft_wrap=True)
    if answer.get("findings"):
        return
    for line in answer["steps"]:
        target.print(Text(line, style="green" if line.startswith("+") else "red"), soft_wrap=True)
    target.print(f"{answer['changed']} of {answer['documents']} documents go otherwise")
    render_fields(answer)
