"""What a person sees of a demo: progress on standard error, the result and what to try next on standard output."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from bridge_sandbox.book import Comparison
from bridge_sandbox.stage import Stage

PLAIN_EVERY_S = 2.0
FINDINGS_SHOWN = 20
ROWS = ("orders placed", "sales orders in BNG", "shipments in the shop", "stock levels in the shop")


def say(text: str) -> None:
    """One line about what goes on."""
    print(text, file=sys.stderr, flush=True)


class Meter:
    """Shows how far things are: live bars on a terminal, else a line now and then."""

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars
        self._rows: dict[str, TaskID] = {}
        self._last = ""
        self._next_at = 0.0

    def show(self, orders: int, placed: int, now: Comparison) -> None:
        counts = (placed, now.sales_orders, now.shipments_in_shop, now.stock_in_shop)
        totals = (orders, orders, now.shipments_created, now.stock_changes)
        for row, count, total in zip(ROWS, counts, totals, strict=True):
            self._move_bar(row, count, total)
        if self._bars is None:
            self._print_line(
                ", ".join(f"{count}/{total} {row}" for row, count, total in zip(ROWS, counts, totals, strict=True))
            )

    def _move_bar(self, row: str, count: int, total: int) -> None:
        if self._bars is None:
            return
        if row not in self._rows:
            self._rows[row] = self._bars.add_task(row, total=total)
        self._bars.update(self._rows[row], completed=count, total=total)

    def _print_line(self, line: str) -> None:
        if line != self._last and time.monotonic() >= self._next_at:
            say(line)
            self._last, self._next_at = line, time.monotonic() + PLAIN_EVERY_S


@contextmanager
def metering() -> Iterator[Meter]:
    """A Meter for the block."""
    console = Console(stderr=True)
    # rich itself honours NO_COLOR, but goes on moving the cursor.
    if not console.is_terminal or "NO_COLOR" in os.environ:
        yield Meter(None)
        return
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bars:
        yield Meter(bars)


def show_result(result: dict[str, Any]) -> None:
    """The numbers as a table, sides that should be equal on one line."""
    table = Table("", "sent", "arrived")
    table.add_row("orders", str(result["orders_placed"]), str(result["sales_orders"]))
    table.add_row("shipments", str(result["shipments_created"]), str(result["shipments_in_shop"]))
    table.add_row("stock levels", str(result["stock_changes"]), str(result["stock_in_shop"]))
    console = Console()
    console.print(table)
    console.print(
        f"lost {result['lost']}, duplicated {result['duplicated']}; {result['seconds']} s in all; "
        f"from the shop's commit to BNG p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms",
        highlight=False,
        soft_wrap=True,
    )


def show_findings(comparison: Comparison) -> None:
    """The sentences behind `lost` and `duplicated`."""
    findings = [f"lost: {text}" for text in comparison.lost] + [f"duplicated: {text}" for text in comparison.duplicated]
    for text in findings[:FINDINGS_SHOWN]:
        say(text)
    if len(findings) > FINDINGS_SHOWN:
        say(f"... and {len(findings) - FINDINGS_SHOWN} more")


def show_what_to_try(stage: Stage) -> None:
    """Commands to paste into another terminal while the stage stands."""
    shop, bng = stage.shop.url, stage.bng.url
    creating, orders = stage.plan.bng.creates_by, stage.plan.bng.path_of("sales-orders")
    pids = ", ".join(f"{name} {pid}" for name, pid in stage.pids().items())
    print(
        f"""
It all goes on running until Ctrl-C. In another terminal:

  export BRIDGECTL_SOCKET={shlex.quote(str(stage.endpoints.bridgectl_socket))}
  export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH
  bridgectl status
  bridgectl trace 1
  bridgectl dlq list

Place an order, look at it, ship it at BNG:
  curl -s -d '{{"kind": "bundle_dynamic"}}' {shop}/checkout
  curl -s -d '{{"ExternalID": "{stage.site}-1", "TrackingNumbers": ["JJD1"]}}' {bng}/ship
  curl -s -d '{{"SKU": "MUG-WHITE", "Warehouse": "MAIN", "QuantityOnHand": 7}}' {bng}/stock
  curl -s {shop}/book

Let BNG's next answer to a new order be lost, or kill something; it comes back after 2 s, as under systemd:
  curl -s -d '{{"kind": "cut_after", "method": "{creating}", "path": "{orders}"}}' {bng}/faults
  kill -9 PID    # {pids}

Logs and configuration: {stage.folder}
""".rstrip()
    )
