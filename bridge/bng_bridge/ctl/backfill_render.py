"""How backfills are written for people."""

from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.console import console

Shown = dict[str, Any]


def render(now: Shown) -> None:
    """One, with what to do next."""
    click.echo(line(now))
    number = now["id"]
    if now["dead"]:
        click.echo(f"  {now['dead']} are dead letters: bridgectl dlq list")
    if now["state"] == "done":
        if now["settled"] < now["handed"]:
            click.echo(f"  {now['handed'] - now['settled']} wait for something of their own: bridgectl queue --waiting")
        if now["total"] is not None and now["handed"] < now["total"]:
            click.echo(f"  {now['total'] - now['handed']} of them the shop's list did not show")
        click.echo(f"  Compare both sides: bridgectl ledger --day {now['to'] or now['from']} --days N")
    elif now["state"] == "paused":
        click.echo(f"  Go on: bridgectl backfill resume {number}. End it: bridgectl backfill cancel {number}.")
    elif now["state"] == "running":
        click.echo(f"  Look on: bridgectl backfill status {number} --follow. Stop: bridgectl backfill pause {number}.")


def render_all(found: list[Shown]) -> None:
    if not found:
        click.echo("No backfill is under way. Those that have ended: bridgectl backfill status --all")
    for each in found:
        render(each)


def line(now: Shown) -> str:
    """One line: which, how far, how it ended so far, how fast."""
    total = "?" if now["total"] is None else now["total"]
    parts = [f"{now['settled']}/{total}", f"{now['done']} done", f"{now['skipped']} left out", f"{now['dead']} dead"]
    if told := speed(now):
        parts.append(told)
    span = f"{now['from']} to {now['to'] or now['began_at'][:16].replace('T', ' ')}"
    return f"backfill {now['id']}: {now['entity']}s of {now['site']}, {span}: {now['state']}; {', '.join(parts)}"


def speed(now: Shown) -> str:
    if now["trouble"]:
        return f"waits: {now['trouble']}"
    if now["state"] != "running":
        return f"handed over {amounts(now['sums'])}" if now["sums"] else ""
    left = "" if now["eta_s"] is None else f", {_duration(now['eta_s'])} left"
    return f"{now['rate_per_s']:.0f}/s{left}"


def render_preview(found: Shown) -> None:
    """What there is, and what would become of a sample."""
    target = console()
    target.print(
        f"{found['site']} has {found['records']} {found['entity']}s of these days, "
        f"{found['known']} of them at BNG already; {amounts(found['sums'])}"
    )
    table = Table("state", "method", "count", "sums", box=None)
    for each in found["groups"]:
        table.add_row(each["state"], each["method"], str(each["count"]), amounts(each["sums"]))
    target.print(table)
    render_sample(target, found["sample"], "sample")
    target.print("Nothing was written (--dry-run).")


def render_sample(target: Console, sample: Shown, title: str) -> None:
    """What became of documents that were run through flow and mapping."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(sample["outcomes"].items()))
    target.print(f"{title}: {sample['documents']} tried: {outcomes or 'nothing'}")
    for each in sample["refused"]:
        style = "red" if each["error"].startswith("dead") else "yellow"
        target.print(Text(f"  {each['count']} × {each['error']}", style=style))
        for example in each["examples"]:
            target.print(f"      {example['record']}: {example['error']}")


def amounts(sums: dict[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in sums.items()) or "no amounts"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
