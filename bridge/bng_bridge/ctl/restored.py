"""`bridgectl restored` and `bridgectl site`: after a restore from a backup, of the bridge's store or of a shop."""

import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

import click

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon, Refused
from bng_bridge.ctl.moments import MOMENT
from bng_bridge.ctl.replay import ENTITIES, LISTING_LIMIT_S, OF_BNG, Found, find_changed, look_again

AGENT_LIMIT_S = 60.0
LISTED = 20


@click.command()
@click.option(
    "--backup-time", type=MOMENT, required=True, help="When the backup was made: with an offset, or 2h, 3d ago."
)
@json_option
@click.pass_obj
@command
def restored(daemon: Daemon, backup_time: datetime, as_json: bool) -> None:  # noqa: FBT001
    """The bridge's store was restored from a backup: find again what came after it.

    Put the copy back while the bridge is stopped, start it, then run this, with the time when the backup was made (rather
    too early than too late). What changed since then on both sides is looked at once more; what the bridge had written is
    found by its reference and not written again. Writes that could happen twice wait for a quiet period first.

    \b
      systemctl stop bng-bridge
      cp backup.sqlite /var/lib/bng-bridge/bridge.sqlite     (and remove bridge.sqlite-wal and -shm)
      systemctl start bng-bridge
      bridgectl restored --backup-time 2026-01-31T03:00:00+01:00
    """
    answer = daemon.post("/restored", {"backup_time": backup_time.isoformat()})
    found, discarded = find_changed(daemon, ENTITIES, datetime.fromisoformat(answer["since"]), None)
    asked = look_again(daemon, found, cause="restored")
    show({**answer, "asked": asked, "discarded": discarded}, _render_restored, as_json=as_json)


@click.group()
def site() -> None:
    """A shop as a whole: after it was restored, moved or cloned."""


@site.command("restored")
@click.argument("name", metavar="SITE")
@click.option("--backup-time", type=MOMENT, help="When the shop's backup was made; without it, found from the orders.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
@command
def site_restored(daemon: Daemon, name: str, backup_time: datetime | None, yes: bool, as_json: bool) -> None:  # noqa: FBT001
    """SITE's shop was restored from a backup, or moved to another server: go on with it as it is now.

    When `bridgectl status` says that a site is held (identity changed), and it is the site's own shop; or at once after a
    restore, before the shop sells again. Not for a clone: stop its agent, and give it a site of its own.

    The shop that says hello is taken for the site's. Orders that it no longer has stay in BNG and are listed; new orders
    under their numbers get names of their own there. What BNG had sent since the backup is sent again. Lost is only an
    order that the shop, asked for it by itself, has not got: with thousands of them that takes minutes.

    \b
      bridgectl site restored shop1 --backup-time 2026-01-31T03:00:00+01:00
    """
    path = f"/site/{quote(name, safe='')}"
    held = daemon.get(f"{path}/held")
    _ask(f"{name} is held: {'; '.join(held['reasons'])}" if held["reasons"] else f"{name} is not held.")
    if held["says"]:
        shop = f"{held['says']['base_url']}, database {held['says']['database_id']}"
        _ask(f"Its shop from now on: {shop}", "Is that the shop, and no clone?", is_agreed=yes)
        daemon.post(f"{path}/pin", held["says"])
    _ask(_losses(_compared(daemon, path)), f"Go on with {name} as it is now?", is_agreed=yes)
    body = {"backup_time": backup_time.isoformat() if backup_time else None}
    done = daemon.post(f"{path}/restored", body, timeout_s=LISTING_LIMIT_S)
    found: Found = {
        (entity, name): [{"entity_id": str(each)} for each in done[entity]] for entity in ("order", "customer")
    }
    if done["since"]:
        found |= find_changed(daemon, OF_BNG, datetime.fromisoformat(done["since"]), None)[0]
    asked = look_again(daemon, found, cause="restored")
    show({**done, "asked": asked}, lambda answer: _render_site(name, answer), as_json=as_json)


@site.command("lost")
@click.argument("name", metavar="SITE")
@json_option
@click.pass_obj
@command
def site_lost(daemon: Daemon, name: str, as_json: bool) -> None:  # noqa: FBT001
    """Sales orders in BNG whose orders SITE's shop lost when it was restored.

    They stay as they are: ship, cancel or enter them in the shop again by hand. What BNG does with them does not reach the
    shop.
    """
    show(daemon.get(f"/site/{quote(name, safe='')}/lost"), _render_lost, as_json=as_json)


def _compared(daemon: Daemon, path: str) -> Any:
    """The agent says hello every 2 s; until it is welcomed, the shop cannot be read."""
    deadline = time.monotonic() + AGENT_LIMIT_S
    while True:
        try:
            return daemon.get(f"{path}/compared", timeout_s=LISTING_LIMIT_S)
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _ask(text: str, question: str = "", *, is_agreed: bool = False) -> None:
    click.echo(text, err=True)
    if question and not is_agreed:
        click.confirm(question, abort=True, err=True)


def _losses(compared: dict[str, Any]) -> str:
    lines = []
    for entity, counts in compared.items():
        where = f", from id {counts['first_id']} on; {counts['given_again']} of the ids are given again"
        lines.append(f"{entity}s that BNG has and the shop has not: {counts['lost']}{where if counts['lost'] else ''}")
    return "\n".join(lines)


def _render_restored(answer: dict[str, Any]) -> None:
    click.echo(f"looked at once more: {answer['asked']} records that changed since {answer['since']}")
    if answer["discarded"]:
        click.echo(f"left out: {answer['discarded']} that were discarded and have not changed since")
    click.echo(
        f"Writes that could happen twice wait {answer['quiet_s']:.0f} s. Follow them: bridgectl queue, bridgectl status"
    )


def _render_site(name: str, answer: dict[str, Any]) -> None:
    click.echo(f"{name} goes on; {answer['asked']} records are looked at once more.")
    if answer["lost"]:
        _render_lost(answer["lost"])
        click.echo(f"Again: bridgectl site lost {name}")


def _render_lost(lost: list[dict[str, Any]]) -> None:
    click.echo(f"BNG has {len(lost)} sales orders whose orders the shop lost")
    for each in lost[:LISTED]:
        click.echo(
            f"  {each['sales_order_id']}: order {each['increment_id']} (id {each['order_id']}), total {each['total']}"
        )
    if len(lost) > LISTED:
        click.echo(f"  and {len(lost) - LISTED} more: --json shows all")
