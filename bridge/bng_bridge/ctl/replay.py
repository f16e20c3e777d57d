"""`bridgectl resync` and `replay`: having records looked at once more."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import click

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.moments import MOMENT

OF_THE_SHOP = ("order", "customer")
OF_BNG = ("shipment", "stock", "sales_order", "product")
ENTITIES = (*OF_THE_SHOP, *OF_BNG)
CHUNK = 100
MANY = 1000
LISTING_LIMIT_S = 900.0
Found = dict[tuple[str, str], list[dict[str, Any]]]
"""Records by entity and site; the site of BNG's is ''."""


@click.command()
@click.argument("entity", type=click.Choice(ENTITIES))
@click.argument("name", metavar="ID")
@click.option("--site", help="Whose order or customer, when there are several shops.")
@click.option("--warehouse", help="Of a stock; without it, all that shops show.")
@json_option
@click.pass_obj
@command
def resync(daemon: Daemon, entity: str, name: str, site: str | None, warehouse: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Read one record anew and write it again, whatever is known of it.

    When a record at the other side is not what it should be: changed by hand, or restored there alone. ID is an order's
    increment id or entity id, a customer's id, a shipment's or sales order's id at BNG, or a SKU. A shipment is only looked
    at: one that the shop has already is not written again. Of a product all that BNG owns is compared with the shop.

    \b
      bridgectl resync order 000000123
      bridgectl resync stock MUG-WHITE --warehouse MAIN
    """
    options = {key: value for key, value in (("site", site), ("warehouse", warehouse)) if value}
    found = daemon.get(f"/find/{entity}/{quote(name, safe='')}?{urlencode(options)}")
    body = {"entity": entity, "site": found["site"], "records": found["records"], "cause": "resync", "anew": True}
    answer = {**found, **daemon.post("/again", body)}
    show(answer, lambda given: _render_resync(entity, name, given), as_json=as_json)


@click.command()
@click.option("--since", type=MOMENT, required=True, help="A time with an offset, or how long ago: 30m, 2h, 3d.")
@click.option("--until", type=MOMENT, help="The same; without it, now.")
@click.option("--entity", "entities", default=",".join(ENTITIES), show_default=True, help="Which, with commas.")
@click.option("--site", help="Only this shop's orders and customers.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help=f"Do not ask, even for more than {MANY}.")
@json_option
@click.pass_obj
@command
def replay(
    daemon: Daemon, since: datetime, until: datetime | None, entities: str, site: str | None, dry_run: bool, yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """Look once more at everything that changed since a time, on both sides.

    After a fault of which nobody knows what it left out: a restore, triggers that were missing, a BNG that lost records.
    It is harmless: what has arrived already writes nothing, and what was discarded stays so until it changes. For records
    that are there and wrong, use resync.

    \b
      bridgectl replay --since 2h --dry-run
      bridgectl replay --since 2026-01-31T08:00:00+01:00 --entity order,shipment
      bridgectl replay --since 3650d --entity product          after its flow was switched on: all that BNG has
    """
    chosen = _chosen(entities)
    found, discarded = find_changed(daemon, chosen, since, until, site)
    total = sum(map(len, found.values()))
    if not dry_run and total > MANY and not yes:
        click.confirm(f"Look at {total} records once more?", abort=True, err=True)
    asked = 0 if dry_run else look_again(daemon, found, cause="replay")
    answer = {"found": _counts(found), "discarded": discarded, "asked": asked, "dry_run": dry_run}
    show(answer, _render_replay, as_json=as_json)


def find_changed(
    daemon: Daemon, entities: Iterable[str], since: datetime, until: datetime | None, site: str | None = None
) -> tuple[Found, int]:
    """What changed, and how many of it were discarded and stay out."""
    found: Found = {}
    discarded = 0
    sites = [site] if site else daemon.get("/sites")
    for entity in entities:
        for each in sites if entity in OF_THE_SHOP else [""]:
            _say(f"listing {entity} {each}".strip())
            times = {"since": since.isoformat(), "until": (until or datetime.now(UTC)).isoformat(), "site": each}
            answer = daemon.get(f"/changed/{entity}?{urlencode(times)}", timeout_s=LISTING_LIMIT_S)
            found[entity, each] = answer["records"]
            discarded += answer["discarded"]
    return found, discarded


def look_again(daemon: Daemon, found: Found, *, cause: str) -> int:
    """In pieces, with their count on a terminal; what waits already is counted, too."""
    total, done = sum(map(len, found.values())), 0
    for (entity, site), records in found.items():
        for start in range(0, len(records), CHUNK):
            some = records[start : start + CHUNK]
            body = {"entity": entity, "site": site, "records": some, "cause": cause, "anew": False}
            daemon.post("/again", body)
            done += len(some)
            _say(f"{done} of {total}")
    return done


def _chosen(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in ENTITIES]:
        raise click.UsageError(f"--entity does not know {', '.join(unknown)}: choose from {', '.join(ENTITIES)}")
    return names


def _counts(found: Found) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (entity, _), records in found.items():
        counts[entity] = counts.get(entity, 0) + len(records)
    return counts


def _render_resync(entity: str, name: str, answer: dict[str, Any]) -> None:
    where = f" of {answer['site']}" if answer["site"] else ""
    if not answer["records"]:
        click.echo(f"Nothing to do: no shop shows the stock of any warehouse of {name}.")
        return
    if entity == "shipment":
        verb = "is looked at" if answer["asked"] else "waits for that already"
        click.echo(f"shipment {name} {verb}; one that the shop has already is not written again.")
    else:
        verb = "is read anew" if answer["asked"] else "waits for that already"
        click.echo(f"{entity} {name}{where} {verb}, and written again.")
    click.echo(f"Follow it: bridgectl trace {name}" if entity == "order" else "Follow it: bridgectl queue")


def _render_replay(answer: dict[str, Any]) -> None:
    counted = ", ".join(f"{number} {entity}" for entity, number in answer["found"].items())
    click.echo(f"changed: {counted}")
    if answer["discarded"]:
        click.echo(f"left out: {answer['discarded']} that were discarded and have not changed since")
    if answer["dry_run"]:
        click.echo("Nothing was done (--dry-run).")
        return
    click.echo(f"looked at once more: {answer['asked']}. Follow them: bridgectl queue, bridgectl status")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(text, err=True)
