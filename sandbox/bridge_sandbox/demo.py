"""`bridge-sandbox demo`: orders flow from a shop into BNG, shipments and stock flow back, and the books are compared.

The result comes from the two sandboxes' own books, not from agent or bridge.
"""

import json
import random
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import click

from bridge_sandbox import display
from bridge_sandbox.admin import Admin, CallFailed
from bridge_sandbox.bng.profile import profile_options
from bridge_sandbox.book import Comparison, compare, percentile
from bridge_sandbox.process import ProgramFailed
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage
from bridge_sandbox.trade import Buyers, Warehouse

LOOK_S = 0.3
LOOK_SHARE = 5
"""Pauses are that many times as long as a look: reading whole books costs the two servers time, too."""
REST_S = 1.5
"""Longer than a heartbeat: a shop that says twice, this far apart, that nothing waits has nothing waiting."""
BASE_LIMIT_S = 90.0
LIMIT_PER_ORDER_S = 1.0
CUT_SHARE = 0.2
REVIVE_S = 2.0


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    orders: int
    profile: str
    cut_answers: bool
    hosted: bool
    direct: bool
    seed: int

    @property
    def plan(self) -> Plan:
        sites = Plan().sites
        return Plan(profile=self.profile, hosted=sites if self.hosted else (), direct=sites if self.direct else ())

    @property
    def limit_s(self) -> float:
        return (BASE_LIMIT_S + LIMIT_PER_ORDER_S * self.orders) * (2 if self.cut_answers else 1)


@click.command()
@click.option("--orders", default=20, show_default=True, type=click.IntRange(1), help="How many to place.")
@click.option("--json", "as_json", is_flag=True, help="The result as one line of JSON, the last on standard output.")
@click.option("--keep", is_flag=True, help="Keep everything running afterwards, until Ctrl-C.")
@profile_options
@click.option("--cut-answers", is_flag=True, help="Some writes are carried out and then not answered.")
@click.option("--hosted", is_flag=True, help="The shop has no triggers: REST is polled, and it sends webhooks.")
@click.option("--direct", is_flag=True, help="The bridge writes into the shop itself, not through the agent.")
@click.option("--seed", default=1, show_default=True, help="Of the choices: who buys what, what is shipped.")
def demo(*, as_json: bool, keep: bool, **chosen: Any) -> None:
    """Run everything on this machine, in a temporary folder, and prove that nothing is lost or doubled.

    Ends with 0 if everything arrived once, else with 1, and the folder with all logs and data is kept.
    """
    options = Options(**chosen)
    signal.signal(signal.SIGTERM, _leave)
    try:
        with Stage(options.plan, say=display.say) as stage:
            comparison = run(stage, options, as_json=as_json)
            stage.keep = not comparison.is_complete
            if keep:
                display.show_what_to_try(stage)
                stand(stage)
    except (ProgramFailed, CallFailed, OSError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if comparison.is_complete else 1)


def run(stage: Stage, options: Options, *, as_json: bool) -> Comparison:
    """Trade until everything has arrived or time is up, and report."""
    rng = random.Random(options.seed)
    began_at = time.monotonic()
    buyers = Buyers(stage.shop, stage.api(), options.orders, rng)
    cutters = make_cutters(stage, options) if options.cut_answers else []
    try:
        comparison = follow(stage, options, buyers, Warehouse(stage.bng, rng), cutters)
    finally:
        buyers.close()
    result = summarise(comparison, time.monotonic() - began_at, sum(cutter.cuts for cutter in cutters))
    if not comparison.is_complete:
        display.show_findings(comparison)
        display.say(stage.bridgectl("status") + stage.bridgectl("dlq", "list"))
    if as_json:
        print(json.dumps(result), flush=True)
    else:
        display.show_result(result)
        print(stage.bridgectl("trace", order_to_trace(stage)).rstrip(), flush=True)
    return comparison


def follow(stage: Stage, options: Options, buyers: Buyers, warehouse: Warehouse, cutters: "list[Cutter]") -> Comparison:
    """The comparison once it is complete and nothing is under way any more; else the one when time is up."""
    deadline = time.monotonic() + options.limit_s
    at_rest = Rest(stage)
    with display.metering() as meter:
        while True:
            looked_at = time.monotonic()
            stage.check_alive()
            for cutter in cutters:
                cutter.cut_one_more()
            warehouse.ship_new(stage.bng.book()["sales_orders"])
            placed = buyers.placed()
            warehouse.count_stock_at(warehouse.seen / options.orders)
            # The shop first: what it sold after this look may then be in BNG already, but nothing looks lost.
            shop = stage.shop.book()
            comparison = compare(shop, stage.bng.book(), site=stage.site)
            meter.show(options.orders, placed, comparison)
            arrived = warehouse.seen >= options.orders and comparison.is_complete
            if at_rest.since_a_while(arrived=arrived) or time.monotonic() > deadline:
                return comparison
            time.sleep(max(LOOK_S, LOOK_SHARE * (time.monotonic() - looked_at)))


def stand(stage: Stage) -> None:
    """Until Ctrl-C; what someone kills meanwhile comes back, as under systemd."""
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(REVIVE_S)
            for name in stage.revive():
                display.say(f"{name} was dead and is started again")


class Rest:
    """Notices that all has arrived and nothing more is on its way: a duplicate would come later than the original."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._since: float | None = None

    def since_a_while(self, *, arrived: bool) -> bool:
        """Whether it was so at each look of the last seconds."""
        if not arrived or not self._stage.is_idle():
            self._since = None
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= REST_S


class Cutter:
    """Lets the answer to a write be lost, one at a time, until it has done so `limit` times."""

    def __init__(self, server: Admin, method: str, path: str, limit: int) -> None:
        self._server = server
        self._method, self._path, self._limit = method, path, limit
        self._fault: int | None = None
        self._set = 0

    @property
    def cuts(self) -> int:
        """How many answers were lost."""
        return self._set - (0 if self._was_hit() else 1)

    def cut_one_more(self) -> None:
        if self._was_hit() and self._set < self._limit:
            self._fault = self._server.fault("cut_after", method=self._method, path=self._path)
            self._set += 1

    def _was_hit(self) -> bool:
        return self._fault is None or self._server.fault_hits(self._fault) > 0


def order_to_trace(stage: Stage) -> str:
    """One with the whole way there and back, if there is any."""
    shipped = stage.shop.book()["shipments"]
    return str(shipped[0]["order_id"]) if shipped else "1"


def make_cutters(stage: Stage, options: Options) -> list[Cutter]:
    """For the three writes that must not happen twice: customers and sales orders at BNG, shipments at the shop."""
    limit = max(1, round(options.orders * CUT_SHARE))
    bng = stage.plan.bng
    return [
        Cutter(stage.bng, bng.creates_by, re.escape(f"/{bng.path_of('customers')}"), limit),
        Cutter(stage.bng, bng.creates_by, re.escape(f"/{bng.path_of('sales-orders')}"), limit),
        Cutter(stage.shop, "POST", "/order/[0-9]+/ship$", limit),
    ]


def summarise(comparison: Comparison, seconds: float, answers_cut: int) -> dict[str, Any]:
    """The result as it is printed."""
    return {
        "orders_placed": comparison.orders_placed,
        "sales_orders": comparison.sales_orders,
        "shipments_created": comparison.shipments_created,
        "shipments_in_shop": comparison.shipments_in_shop,
        "stock_changes": comparison.stock_changes,
        "stock_in_shop": comparison.stock_in_shop,
        "lost": len(comparison.lost),
        "duplicated": len(comparison.duplicated),
        "answers_cut": answers_cut,
        "seconds": round(seconds, 1),
        "p50_ms": rounded(percentile(comparison.latencies_ms, 50)),
        "p99_ms": rounded(percentile(comparison.latencies_ms, 99)),
    }


def rounded(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like any other end, so that the children are stopped."""
    raise SystemExit(128 + signal.SIGTERM)
