"""`bridgectl customer`, `conflicts`, `link` and `unlink`: customers that both sides edit."""

from typing import Any
from urllib.parse import quote

import click
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console, word
from bridge_common.person import who


@click.command()
@click.argument("email")
@json_option
@click.pass_obj
@command
def customer(daemon: Daemon, email: str, as_json: bool) -> None:  # noqa: FBT001 # click passes flags by name
    """A customer as both sides have it: every field beside the other's, the link, orders, payments, conflicts, open events.

    Exit code 1 when neither side has one of this address.

    \b
      bridgectl customer ida@example.com
    """
    answer = daemon.get(f"/customer/{quote(email, safe='')}", timeout_s=60)
    show(answer, _render, as_json=as_json)
    raise SystemExit(0 if answer["customers"] or answer["others"] else 1)


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@json_option
@click.pass_obj
@command
def conflicts(daemon: Daemon, limit: int, as_json: bool) -> None:  # noqa: FBT001
    """Fields of customers that both sides had edited: both values, and whose counts, by `owners` in the mapping.

    Nothing waits for you: to have the other value all the same, enter it at either side.
    """
    show(daemon.get(f"/conflicts?limit={limit}"), _render_conflicts, as_json=as_json)


@click.command()
@click.argument("site")
@click.argument("customer_id")
@click.argument("bng_id")
@json_option
@click.pass_obj
@command
def link(daemon: Daemon, site: str, customer_id: str, bng_id: str, as_json: bool) -> None:  # noqa: FBT001
    """CUSTOMER_ID of SITE is BNG_ID at BNG. The two are compared and brought together at once.

    Where both have a value and they differ, the field's owner decides; `bridgectl conflicts` keeps the other.

    \b
      bridgectl link shop1 5 CUST-000017
    """
    show(_said(daemon, "link", site, customer_id, bng_id), _told, as_json=as_json)


@click.command()
@click.argument("site")
@click.argument("customer_id")
@click.argument("bng_id")
@json_option
@click.pass_obj
@command
def unlink(daemon: Daemon, site: str, customer_id: str, bng_id: str, as_json: bool) -> None:  # noqa: FBT001
    """CUSTOMER_ID of SITE is not BNG_ID: they are never matched by their e-mail address again.

    BNG's keeps its orders. The shop's becomes a customer of its own at BNG with its next change, or is linked with another.
    """
    show(_said(daemon, "unlink", site, customer_id, bng_id), _told, as_json=as_json)


def _said(daemon: Daemon, what: str, site: str, customer_id: str, bng_id: str) -> Any:
    body = {"site": site, "customer_id": customer_id, "bng_id": bng_id, "by": who()}
    return daemon.post(f"/{what}", body)


def _told(answer: dict[str, Any]) -> None:
    click.echo(f"customer {answer['customer_id']} of {answer['site']} and BNG's {answer['bng_id']}: {answer['state']}")


def _render(answer: dict[str, Any]) -> None:
    target = console()
    if not answer["customers"] and not answer["others"]:
        target.print(f"Neither a shop nor BNG has a customer {answer['email']}.")
    for each in answer["customers"]:
        _print_pair(each)
    for each in answer["others"]:
        name = " ".join(filter(None, (each["FirstName"], each["LastName"], each["CompanyName"])))
        target.print(
            f"BNG {each['CustomerID']} ({each['ExternalID'] or 'no ExternalID'}) {name}: not linked with these"
        )
    _print_rows(
        answer["orders"], ("site", "increment_id", "created_at", "state", "total", "currency", "paid", "bng_id")
    )
    _print_rows(answer["payments"], ("PaymentID", "InvoiceID", "PaymentDate", "Method", "TransactionID", "Amount"))
    for note in answer["notes"]:
        target.print(Text(note, style="yellow"))


def _print_pair(pair: dict[str, Any]) -> None:
    target = console()
    linked = f"BNG {pair['bng_id']} since {pair['bound_at']}" if pair["bng_id"] else "not linked"
    target.print(f"Customer {pair['customer_id']} of {pair['site']} ({pair['external_id']}): {linked}", style="bold")
    table = Table("", "field", "shop", "BNG", "owner", box=None, pad_edge=False)
    for each in pair["fields"]:
        mark = Text("") if each["is_same"] else Text("≠", style="yellow")
        table.add_row(mark, each["field"], _flat(each["shop"]), _flat(each["bng"]), each["owner"])
    target.print(table)
    for event in pair["events"]:
        target.print(
            "  event", str(event["seq"]), f"of {event['source']}:", word(event["state"]), Text(event["reason"])
        )
    if pair["conflicts"]:
        _render_conflicts(pair["conflicts"])


def _render_conflicts(rows: list[dict[str, Any]]) -> None:
    if not rows:
        console().print("No field was edited at both sides.")
        return
    table = Table("when", "customer", "BNG", "field", "shop's value", "BNG's value", "counts", box=None, pad_edge=False)
    for each in rows:
        table.add_row(
            each["at"][:19], f"{each['site']} {each['customer_id']}", each["bng_id"] or "-", each["field"],
            _flat(each["shop"]), _flat(each["bng"]), "the shop's" if each["winner"] == "magento" else "BNG's",
        )  # fmt: skip
    console().print(table)


def _print_rows(rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    if not rows:
        return
    table = Table(*names, box=None, pad_edge=False)
    for each in rows:
        table.add_row(*(_flat(each[name]) for name in names))
    console().print(table)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(str(each) for each in value.values() if each not in (None, ""))
    return "" if value is None else str(value)
