"""`bridgectl golive`: what is to be looked at and done before a shop goes live."""

from typing import Any
from urllib.parse import urlencode

import click
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.backfill_render import render_sample
from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console
from bridge_common.person import who

LISTING_LIMIT_S = 1800.0
site_option = click.option("--site", help="Which shop, when there are several.")


@click.group("golive")
def golive_group() -> None:
    """Before a shop goes live, in this order. Nothing is written at either side by any of these.

    \b
      bridgectl golive discover --site shop1 > tables.yaml    its stores, and values that a mapping has to know
      bridgectl golive adopt --site shop1                     what BNG has already: a dry run, then with --apply
      bridgectl golive rehearse --site shop1                  its last 100 orders through flow and mapping
      then set go_live_at in bridge.toml, restart, and switch on flow by flow: bridgectl flow on NAME --site shop1
    """


@golive_group.command()
@site_option
@click.option("--orders", type=click.IntRange(1, 10_000), default=500, show_default=True, help="How many of the last.")
@json_option
@click.pass_obj
@command
def discover(daemon: Daemon, site: str | None, orders: int, as_json: bool) -> None:  # noqa: FBT001
    """Stores, currencies and time zones; states, payment methods and carriers of the last orders, as value tables.

    The tables are YAML to paste into a mapping file: those that are in force, and what they lack.
    """
    found = daemon.get(f"/golive/discover?{_query(site=site, orders=orders)}", timeout_s=LISTING_LIMIT_S)
    show(found, _render_discovery, as_json=as_json)


@golive_group.command()
@site_option
@click.option("--apply", "is_applied", is_flag=True, help="Bind what was matched. Without it: a dry run.")
@json_option
@click.pass_obj
@command
def adopt(daemon: Daemon, site: str | None, is_applied: bool, as_json: bool) -> None:  # noqa: FBT001
    """Find the shop's customers and orders that BNG has already, by ExternalID, order number or exact e-mail, and bind them.

    Without it the bridge makes a second customer for one whom an earlier connector has put there. A bound record is brought
    up to date by its next event. What more than one record matches is told, and left to you. Exit code 1 when there is any.
    """
    body = {"site": site, "apply": is_applied, "who": who()}
    found = daemon.post("/golive/adopt", body, timeout_s=LISTING_LIMIT_S)
    show(found, _render_adoption, as_json=as_json)
    raise SystemExit(int(any(found[name]["unclear"] for name in ("customers", "orders"))))


@golive_group.command()
@site_option
@click.option("--orders", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many of the last.")
@json_option
@click.pass_obj
@command
def rehearse(daemon: Daemon, site: str | None, orders: int, as_json: bool) -> None:  # noqa: FBT001
    """Run the shop's last orders through flow and mapping, writing nothing. Exit code 1 when one would be a dead letter."""
    found = daemon.get(f"/golive/rehearse?{_query(site=site, orders=orders)}", timeout_s=LISTING_LIMIT_S)
    show(found, _render_rehearsal, as_json=as_json)
    raise SystemExit(int(bool(found["outcomes"].get("dead"))))


def _query(**values: Any) -> str:
    return urlencode({key: value for key, value in values.items() if value is not None})


def _render_discovery(found: dict[str, Any]) -> None:
    """The tables on standard output, all else beside it: the output is to be pasted."""
    target = console(stderr=True)
    table = Table("store", "code", "website", "currency", "time zone", "locale", "orders", box=None)
    for each in found["stores"]:
        names = ("id", "code", "website_id", "currency", "time_zone", "locale", "orders")
        table.add_row(*(str(each[name]) for name in names))
    target.print(table)
    currencies = ", ".join(f"{count} in {name}" for name, count in found["currencies"].items())
    target.print(f"the last {found['orders']} orders: {currencies or 'none'}")
    for remark in found["remarks"]:
        target.print(Text(f"! {remark}", style="yellow"))
    click.echo(found["yaml"], nl=False)


def _render_adoption(found: dict[str, Any]) -> None:
    target = console()
    for name in ("customers", "orders"):
        each = found[name]
        by = ", ".join(f"{count} by {how}" for how, count in each["by"].items())
        target.print(
            f"{name}: {each['in_shop']} in the shop, {each['bound']} bound already, {each['matched']} matched"
            f"{f' ({by})' if by else ''}, {each['none']} that BNG does not have, {each['unclear']} unclear"
        )
        for unclear in each["unclear_shown"]:
            target.print(Text(f"  {unclear['name']}: {unclear['why']}", style="yellow"))
    target.print("bound." if found["applied"] else "Nothing was bound (dry run): add --apply.")


def _render_rehearsal(found: dict[str, Any]) -> None:
    render_sample(console(), found, f"the last orders of {found['site']}")
