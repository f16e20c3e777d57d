"""Looking on while the bridge carries: a bar on a terminal, else a line now and then; with --json a JSON line a second.

The bridge may die and come back meanwhile: it goes on by itself, and so does this.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bng_bridge.ctl import backfill_render
from bng_bridge.ctl.connection import Daemon, DaemonUnreachable

LOOK_S = 0.5
LINE_EVERY_S = 5.0
JSON_EVERY_S = 1.0
PATIENCE_S = 120.0
"""That long the daemon may be away: a restart with a long drain."""
INTERRUPTED = 130
Shown = dict[str, Any]


def follow(daemon: Daemon, begun: Shown, *, as_json: bool) -> int:
    """The exit code: 0 when it has ended well. Raises DaemonUnreachable when the daemon stays away."""
    number = begun["id"]
    try:
        with _showing(as_json=as_json) as tell:
            ended = _look_on(daemon, begun, tell)
    except KeyboardInterrupt:
        click.echo(
            f"\nIt goes on in the bridge. Look on: bridgectl backfill status {number} --follow. "
            f"Stop it: bridgectl backfill pause {number}.", err=True,
        )  # fmt: skip
        return INTERRUPTED
    if as_json:
        click.echo(json.dumps(ended))
    else:
        backfill_render.render(ended)
    return 0 if ended["state"] == "done" and not ended["dead"] else 1


def _look_on(daemon: Daemon, begun: Shown, tell: Callable[[Shown], None]) -> Shown:
    now, seen_s = begun, time.monotonic()
    while now["state"] == "running":
        tell(now)
        time.sleep(LOOK_S)
        try:
            now, seen_s = daemon.get(f"/backfill/{begun['id']}"), time.monotonic()
        except DaemonUnreachable:
            if time.monotonic() > seen_s + PATIENCE_S:
                raise
            now = {**now, "trouble": "the bridge does not answer; it goes on by itself when it is back"}
    return now


@contextmanager
def _showing(*, as_json: bool) -> Iterator[Callable[[Shown], None]]:
    console = Console(stderr=True)
    if as_json:
        yield _now_and_then(lambda now: click.echo(json.dumps(now)), JSON_EVERY_S)
    # rich itself honours NO_COLOR, but goes on moving the cursor.
    elif not console.is_terminal or "NO_COLOR" in os.environ:
        yield _now_and_then(lambda now: click.echo(backfill_render.line(now), err=True), LINE_EVERY_S)
    else:
        with _bar(console) as tell:
            yield tell


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Shown], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("", total=None, told="")

        def tell(now: Shown) -> None:
            bars.update(
                task, description=f"{now['entity']}s of {now['site']}", total=now["total"], completed=now["settled"],
                told=backfill_render.speed(now),
            )  # fmt: skip

        yield tell


def _now_and_then(tell: Callable[[Shown], None], every_s: float) -> Callable[[Shown], None]:
    next_s = 0.0

    def told(now: Shown) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            tell(now)
            next_s = time.monotonic() + every_s

    return told
