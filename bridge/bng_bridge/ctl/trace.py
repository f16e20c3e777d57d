"""`bridgectl trace`."""

from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import clock, console, print_attempts, word


@click.command()
@click.argument("order")
@click.option("--site", help="Which site's order, when several shops use the same numbers.")
@json_option
@click.pass_obj
@command
def trace(daemon: Daemon, order: str, site: str | None, as_json: bool) -> None:  # noqa: FBT001
    """One ORDER's way, by its increment id or its entity id: every hop with its time, or what it waits for and why.

    Exit code 1 when no such order ever arrived.
    """
    answer = daemon.get(f"/trace/{quote(order, safe='')}" + (f"?site={quote(site)}" if site else ""))
    show(answer, render, as_json=as_json)
    raise SystemExit(0 if answer["found"] else 1)


def render(answer: dict[str, Any]) -> None:
    target = console()
    if not answer["found"]:
        target.print(f"Order {answer['order']} is not among the events kept here (30 days).")
        target.print(answer["waits"])
        return
    target.print(f"Order {answer['order']} (id {answer['entity_id']}) of {answer['site']}", style="bold")
    for event in answer["events"]:
        _print_event(target, event)
    order = answer["sales_order"]
    if order:
        target.print(
            f"  BNG {order['SalesOrderID']}: status {order.get('OrderStatus')}, total {order.get('Total')}, "
            f"{order.get('AllocationStatus')}, written {clock(order['written_at'])}"
        )
    for shipment in answer["shipments"]:
        _print_shipment(target, shipment)
    if answer["waits"]:
        target.print(Text("waits: ", style="yellow"), Text(answer["waits"]))
    if answer["also_in"]:
        target.print(f"The same number exists in {', '.join(answer['also_in'])}: choose with --site.")


def _print_event(target: Console, event: dict[str, Any]) -> None:
    hops = " → ".join(
        f"{name} {clock(event[f'{name}_at'])}"
        for name in ("committed", "captured", "published", "stored", "settled")
        if event[f"{name}_at"]
    )
    target.print(f"  {hops}")
    if event.get("edited_by"):
        target.print(f"    a copy of {event['event_key'].split('/')[1]}, edited by {event['edited_by']}")
    target.print("   ", word(event["state"]), Text(event["reason"]))
    for step in event["steps"]:
        by = f" by mapping {step['mapping'][:12]}" if step.get("mapping") else ""
        target.print(f"      {step['action']} {step['target_id']} {clock(step['at'])}{by}")
    print_attempts(target, [item for item in event["attempt_log"] if item["error"]])


def _print_shipment(target: Console, shipment: dict[str, Any]) -> None:
    where = f"shop shipment {shipment['magento_id']}, {clock(shipment['shipped_at'])}" if shipment["magento_id"] else ""
    numbers = ", ".join(shipment["TrackingNumbers"])
    state = where or f"{shipment['state']} {shipment['reason']}".strip()
    target.print(f"  shipped {shipment['ShipmentID']} {clock(shipment['CreatedAt'])} [{numbers}] → {state}")
