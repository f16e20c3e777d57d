"""`bridgectl backfill`: having a shop's history brought over, behind what is live."""

from datetime import datetime
from typing import Any

import click

from bng_bridge.ctl import backfill_render
from bng_bridge.ctl.backfill_follow import follow
from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bridge_common.person import who

LISTING_LIMIT_S = 1800.0
ENTITIES = {"orders": "order", "customers": "customer"}
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("backfill")
def backfill_group() -> None:
    """Have a shop's history brought over to BNG, behind what is live.

    The bridge does it, and goes on after any crash of its own, of the agent or of this command: what you see here is only
    looked at. An order of the days asked for counts as made after go-live from then on, whatever go_live_at says.

    \b
      bridgectl backfill orders --from 2025-01-01 --dry-run     what there is, and what would be refused
      bridgectl backfill orders --from 2025-01-01 --to 2025-12-31
      bridgectl backfill status
      bridgectl backfill pause                                  and on: bridgectl backfill resume
    """


def _of(name: str) -> click.Command:
    entity = ENTITIES[name]

    @backfill_group.command(name, help=_help(name))
    @click.option("--from", "first", type=DAY, required=True, metavar="YYYY-MM-DD",
                  help="The first day of creation, in the shop's time zone.")  # fmt: skip
    @click.option("--to", "last", type=DAY, metavar="YYYY-MM-DD", help="The last day. Without it: up to now.")
    @click.option("--site", help="Which shop's, when there are several.")
    @click.option("--dry-run", is_flag=True, help="Only count and try a sample; nothing is written anywhere.")
    @click.option("--sample", type=click.IntRange(0, 1000), default=20, show_default=True,
                  help="How many --dry-run runs through flow and mapping.")  # fmt: skip
    @click.option("--again", is_flag=True, help="Once more, though these days are done.")
    @click.option("--detach", is_flag=True, help="Begin, and do not look on.")
    @json_option
    @click.pass_obj
    @command
    def bring(
        daemon: Daemon, first: datetime, last: datetime | None, site: str | None, dry_run: bool, sample: int,  # noqa: FBT001
        again: bool, detach: bool, as_json: bool,  # noqa: FBT001
    ) -> None:  # fmt: skip
        body = {"entity": entity, "site": site, "from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}" if last else None}
        if dry_run:
            found = daemon.post("/backfill/preview", {**body, "sample": sample}, timeout_s=LISTING_LIMIT_S)
            show(found, backfill_render.render_preview, as_json=as_json)
            raise SystemExit(int(any(each["error"].startswith("dead") for each in found["sample"]["refused"])))
        begun = daemon.post("/backfill", {**body, "again": again, "who": who()})
        if detach:
            show(begun, backfill_render.render, as_json=as_json)
            return
        raise SystemExit(follow(daemon, begun, as_json=as_json))

    return bring


def _help(name: str) -> str:
    return f"""Have the {name} of some days brought over.

    The same command again goes on with what was begun, and begins nothing anew for days that are done. Ctrl-C only ends
    the looking on: the bridge goes on, until `bridgectl backfill pause`.

    \b
    Exit codes: 0 all are at BNG, or were left out for a reason; with --dry-run: of the sample nothing is refused,
                1 some are dead letters, or it was paused or cancelled; with --dry-run: some would be,
                3 the daemon cannot be reached."""


for _name in ENTITIES:
    _of(_name)


@backfill_group.command()
@click.argument("number", type=int, required=False)
@click.option("--site", help="Only this shop's.")
@click.option("--all", "show_all", is_flag=True, help="Also those that have ended.")
@click.option("--follow", "is_followed", is_flag=True, help="Look on until it has ended.")
@json_option
@click.pass_obj
@command
def status(
    daemon: Daemon, number: int | None, site: str | None, show_all: bool, is_followed: bool, as_json: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """How far each is: what the shop has, what was handed over, how it ended, how fast, and what keeps it from going on."""
    found: list[dict[str, Any]] = daemon.get("/backfill" + (f"?site={site}" if site else ""))
    chosen = [each for each in found if _is_chosen(each, number, show_all=show_all)]
    if is_followed and chosen:
        raise SystemExit(follow(daemon, chosen[-1], as_json=as_json))
    show(chosen, backfill_render.render_all, as_json=as_json)


@backfill_group.command()
@click.argument("number", type=int, required=False)
@json_option
@click.pass_obj
@command
def pause(daemon: Daemon, number: int | None, as_json: bool) -> None:  # noqa: FBT001
    """Hand nothing more over; what is under way goes its way. NUMBER where several are under way."""
    _change(daemon, "pause", number, as_json=as_json)


@backfill_group.command()
@click.argument("number", type=int, required=False)
@json_option
@click.pass_obj
@command
def resume(daemon: Daemon, number: int | None, as_json: bool) -> None:  # noqa: FBT001
    """Go on where it was paused."""
    _change(daemon, "resume", number, as_json=as_json)


@backfill_group.command()
@click.argument("number", type=int, required=False)
@json_option
@click.pass_obj
@command
def cancel(daemon: Daemon, number: int | None, as_json: bool) -> None:  # noqa: FBT001
    """End it for good. What was handed over stays at BNG, and counts as made after go-live."""
    _change(daemon, "cancel", number, as_json=as_json)


def _change(daemon: Daemon, verb: str, number: int | None, *, as_json: bool) -> None:
    show(daemon.post(f"/backfill/{verb}", {"id": number}), backfill_render.render, as_json=as_json)


def _is_chosen(each: dict[str, Any], number: int | None, *, show_all: bool) -> bool:
    if number is not None:
        return bool(each["id"] == number)
    return show_all or each["state"] in ("running", "paused")
