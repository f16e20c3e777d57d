"""`bridgectl report demand`."""

from typing import Any
from urllib.parse import quote

import click
from rich.table import Table
from rich.text import Text

from bng_bridge.ctl.command import command, json_option, show
from bng_bridge.ctl.connection import Daemon
from bng_bridge.ctl.console import console

TIMEOUT_S = 1800.0
NUMBERS = ("orders", "ordered", "on hand", "on its way")


@click.command()
@json_option
@click.option("--site", metavar="NAME", help="Only this site's orders. Without it: those of all sites together.")
@click.pass_obj
@command
def demand(daemon: Daemon, as_json: bool, site: str | None) -> None:  # noqa: FBT001
    """What the shops' open orders want of BNG's stock, by SKU and warehouse, and what covers it.

    Ordered is what is not shipped yet. What is on hand counts first, then open purchase orders by their expected dates;
    one that nobody has touched for a year does not count. BNG is asked at its own pace: with thousands of open orders
    this takes minutes. Kits, families and services have no stock, and no line.

    \b
    Exit codes: 0 everything is on hand or on its way,
                1 something is short, or BNG cannot be asked,
                3 the daemon cannot be reached.
    """
    answer = daemon.get(f"/demand?site={quote(site, safe='')}" if site else "/demand", timeout_s=TIMEOUT_S)
    show(answer, render, as_json=as_json)
    raise SystemExit(int(any(line["verdict"] == "short" for line in answer["lines"])))


def render(answer: dict[str, Any]) -> None:
    target = console()
    if not answer["lines"]:
        target.print("no open order wants anything")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("sku", "warehouse", *NUMBERS, "verdict"):
        table.add_column(heading, justify="right" if heading in NUMBERS else "left")
    for line in answer["lines"]:
        table.add_row(
            Text(line["sku"]), Text(line["warehouse"]), str(line["orders"]), line["ordered"], line["on_hand"],
            _on_its_way(line["purchase_orders"]), _verdict(line),
        )  # fmt: skip
    target.print(table)


def _on_its_way(purchase_orders: list[dict[str, Any]]) -> Text:
    parts = [
        f"{each['quantity']} {each['expected_on'] or 'some day'} ({each['purchase_order_id']})"
        for each in purchase_orders
    ]
    return Text(", ".join(parts) or "-")


def _verdict(line: dict[str, Any]) -> Text:
    if line["verdict"] == "short":
        return Text(f"short by {line['short']}", style="red")
    if line["verdict"] == "expected":
        return Text(f"covered on {line['expected_on'] or 'an unknown day'}", style="yellow")
    return Text("covered", style="green")
