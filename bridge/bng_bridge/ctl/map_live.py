"""`bridgectl map reload` and `map diff`: mapping files and the running bridge."""

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import clock, console
from bridge_common.errors import BridgeError

WAIT_S = 120.0
"""Cases of many files, or some thousand documents, take longer than an answer does otherwise."""


@click.command("reload")
@json_option
@click.pass_obj
@command
def reload(daemon: Daemon, as_json: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """Put the files of mappings_dir and flows_dir in force now, or say what is wrong with them: then nothing changes.

    The bridge does so by itself when a file changes, and at SIGHUP (systemctl reload bng-bridge). Where a bundle is
    deployed, it counts, and mappings_dir does not. Exit code 1 when the files are refused, 3 when the daemon cannot be
    reached.
    """
    answer = daemon.post("/map/reload", timeout_s=WAIT_S)
    show(answer, _render_reload, as_json=as_json)
    raise SystemExit(0 if answer["ok"] else 1)


@click.command("diff")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--events", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="How many of the last stored documents.")  # fmt: skip
@click.option("--site", help="Only this site's documents, and FILE as this site's own.")
@click.option("--as", "name", help="Which mapping FILE is to stand for. Without it: the name of FILE.")
@json_option
@click.pass_obj
@command
def diff(daemon: Daemon, file: Path, events: int, site: str | None, name: str | None, as_json: bool) -> None:  # noqa: FBT001
    """What FILE would change: the last stored orders or customers, mapped as now and by FILE. Nothing is written.

    \b
    For order-to-sales-order, order-to-customer and customer-to-customer; other documents are not stored.
    The context is the flow's, without calls:
      external_id, time_zone, is_create   as the flow has them
      customer_id      of an order that BNG has; else the placeholder (customer id)
      transaction_id   as the order names it; (transaction id) where the flow would ask the shop

    Exit code 1 when FILE has mistakes or raises errors that are listed; 3 when the daemon cannot be reached.
    """
    text = text_of(file)
    body = {"name": name or file.stem, "text": text, "site": site, "events": events}
    answer = daemon.post("/map/diff", body, timeout_s=WAIT_S)
    show(answer, _render_diff, as_json=as_json)
    raise SystemExit(1 if answer.get("findings") or answer.get("errors") else 0)


class DiffRefused(BridgeError):
    exit_code = 1


def text_of(file: Path) -> str:
    """Raises DiffRefused."""
    from bng_bridge.mapping.yaml_tree import MOST_CHARACTERS

    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DiffRefused(f"{file} cannot be read: {error}") from error
    if len(text) > MOST_CHARACTERS:
        raise DiffRefused(f"{file} is longer than {MOST_CHARACTERS} characters.")
    return text


def _render_reload(answer: dict[str, Any]) -> None:
    target = console()
    if not answer["ok"]:
        for each in answer["findings"]:
            target.print(Text(each, style="red"), soft_wrap=True)
        target.print(f"refused; in force since {clock(answer['loaded_at'])}: {answer['identity'][:12]}")
        return
    for each in answer["files"]:
        of_site = f" of {each['site']}" if each["site"] else ""
        target.print(f"{each['identity'][:12]} {each['kind']} {each['name']}{of_site}: {each['path']}", soft_wrap=True)
    word = "in force now" if answer["changed"] else f"unchanged since {clock(answer['loaded_at'])}"
    target.print(f"{answer['identity'][:12]} {word}, {len(answer['files'])} files")
    if answer["bundle"]:
        target.print(f"From the bundle {answer['bundle'][:12]} ({answer['mode']} mode): bridgectl bundle history")
    for folder in answer["out_of_force"]:
        target.print(f"The files of {folder} do not count while a bundle is deployed.", soft_wrap=True)


def _render_diff(answer: dict[str, Any]) -> None:
    target = console()
    for each in answer.get("findings", ()):
        target.print(Text(each, style="red"), soft_wrap=True)
    if answer.get("findings"):
        return
    target.print(f"{answer['changed']} of {answer['documents']} documents change")
    render_fields(answer)
    for each in answer["errors"]:
        target.print(Text(f"{each['error']}: {each['count']} cannot be mapped", style="red"), soft_wrap=True)
        for example in each["examples"]:
            target.print(Text(f"  {example['record']}: {example['error']}"), soft_wrap=True)
    if answer["mended"]:
        target.print(f"{answer['mended']} that cannot be mapped today could be")


def render_fields(answer: dict[str, Any]) -> None:
    """What differs, by field, with examples."""
    target = console()
    for each in answer["fields"]:
        target.print(Text(f"{each['field']}: {each['count']}", style="bold"))
        for example in each["examples"]:
            target.print(Text(f"  {example['record']}: {example['old']!r} → {example['new']!r}"), soft_wrap=True)
