"""`bridge-sandbox backfill`: a shop's past is brought over while people buy and bridge, agent and bridgectl are killed.

What is counted comes from the shop's and BNG's own databases; `bridgectl ledger` has to say the same.
"""

import json
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import FrameType
from typing import Any

import click

from bridge_sandbox import display, settings
from bridge_sandbox.admin import CallFailed
from bridge_sandbox.history import Past, seed
from bridge_sandbox.live import LiveBuyers, Outages, buy, lags_ms, wait_for
from bridge_sandbox.process import Program, ProgramFailed, WaitedInVain, installed, wait_until
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage

GO_LIVE_DAYS_AGO = 2
PAST_ENDS_DAYS_AGO = 40
"""Before what the manifest looks at: only the backfill brings it."""
MOST_DAYS = 60
DOWN_S = 1.0
LOOK_S = 0.1
SAY_EVERY_S = 5.0
BASELINE = 5
ARRIVAL_S = 90.0
KILLED = ("bridgectl", "bridge", "agent")
"""At a fifth, two and three fifths."""
LIMIT_S, LIMIT_PER_ORDER_S = 120.0, 0.2
CENT = Decimal("0.01")
COUNTED = ("seen", "applied", "waiting", "dead", "missing", "differ")
SHOP_ORDERS = "SELECT entity_id, ROUND(grand_total, 2) AS total FROM sales_order WHERE created_at < %s"
Result = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What the command line asked for. `past` is as long as a busy shop would need for so many orders, up to MOST_DAYS."""

    orders: int
    live_every_s: float
    rate: float
    kill: bool
    hosted: bool
    direct: bool

    @property
    def past(self) -> Past:
        last = datetime.now(UTC).date() - timedelta(days=PAST_ENDS_DAYS_AGO)
        return Past(last - timedelta(days=min(MOST_DAYS, max(2, self.orders // 800)) - 1), last)

    @property
    def plan(self) -> Plan:
        go_live_at = datetime.now(UTC) - timedelta(days=GO_LIVE_DAYS_AGO)
        sites = Plan().sites
        return Plan(
            go_live_at=go_live_at.isoformat(timespec="seconds"), requests_per_s=self.rate,
            hosted=sites if self.hosted else (), direct=sites if self.direct else (),
        )  # fmt: skip

    @property
    def limit_s(self) -> float:
        return LIMIT_S + LIMIT_PER_ORDER_S * self.orders


@click.command()
@click.option("--orders", default=2000, show_default=True, type=click.IntRange(10), help="How many the shop has had.")
@click.option("--live-every", "live_every_s", default=1.0, show_default=True, help="Seconds between live orders.")
@click.option("--rate", default=500.0, show_default=True, help="requests_per_s of BNG and shop, as in bridge.toml.")
@click.option(
    "--kill/--no-kill", default=True, show_default=True, help="kill -9 of bridge, agent, bridgectl, once each."
)
@click.option("--hosted", is_flag=True, help="The shop has no triggers: REST is polled, and it sends webhooks.")
@click.option("--direct", is_flag=True, help="The bridge reads the shop itself, not through the agent.")
@click.option("--json", "as_json", is_flag=True, help="The result as one line of JSON, the last on standard output.")
@click.option("--keep", is_flag=True, help="Keep the folder with logs and data.")
def backfill(*, as_json: bool, keep: bool, **chosen: Any) -> None:
    """Bring a shop's past over to BNG, kill everything once on the way, and prove that nothing is lost or doubled.

    Ends with 0 if both sides and the ledger agree to the cent, else with 1, and the folder with all logs and data is kept.
    """
    options = Options(**chosen)
    signal.signal(signal.SIGTERM, _leave)
    try:
        with Stage(options.plan, say=display.say) as stage:
            result = run(stage, options)
            stage.keep = keep or not result["ok"]
    except (ProgramFailed, CallFailed, WaitedInVain, OSError) as error:
        raise click.ClickException(str(error)) from error
    print(json.dumps(result) if as_json else told(result), flush=True)
    sys.exit(0 if result["ok"] else 1)


def run(stage: Stage, options: Options) -> Result:
    past, began_s = options.past, time.monotonic()
    display.say(f"writing {options.orders} orders from {past.first} to {past.last} into the shop")
    seed(stage, options.orders, past)
    seeded_s = time.monotonic()
    before = [buy(stage) for _ in range(BASELINE)]
    wait_for(stage, before, ARRIVAL_S)
    outages = Outages()
    with LiveBuyers(stage, options.live_every_s) as buyers:
        carried_s = carry(stage, options, outages)
    wait_for(stage, buyers.orders, ARRIVAL_S)
    wait_until("nothing to wait", stage.is_idle, timeout_s=ARRIVAL_S, poll_s=1.0)
    display.say("counting both sides")
    undisturbed = [order for order in buyers.orders if not outages.met(order)]
    counted = count(stage, past)
    return {
        "orders": options.orders, "days": past.seconds // 86400, "seconds": round(carried_s, 1),
        "orders_per_s": round(options.orders / carried_s, 1), "seeding_s": round(seeded_s - began_s, 1),
        "killed": list(KILLED if options.kill else ()), **counted,
        "live_before": lags_ms(before), "live_during": lags_ms(undisturbed),
        "live_max_ms": lags_ms(undisturbed)["max_ms"], "live_max_over_kills_ms": lags_ms(buyers.orders)["max_ms"],
        "ok": is_whole(counted, options.orders),
    }  # fmt: skip


def carry(stage: Stage, options: Options, outages: Outages) -> float:
    """The seconds that it took; raises ProgramFailed when it did not end well."""
    past, began_s = options.past, time.monotonic()
    command = (installed("bridgectl"), "--socket", str(stage.endpoints.bridgectl_socket), "backfill", "orders", "--json",
               "--from", past.first.isoformat(), "--to", past.last.isoformat())  # fmt: skip
    looker = Program("bridgectl", command, stage.folder)
    looker.start()
    try:
        look_on(stage, options, looker, outages, began_s)
    finally:
        looker.stop()
    return time.monotonic() - began_s


def look_on(stage: Stage, options: Options, looker: Program, outages: Outages, began_s: float) -> None:
    """Until it has ended well, with the kills on the way."""
    kills = [(options.orders * (number + 1) // 5, name) for number, name in enumerate(KILLED)] if options.kill else []
    told_s = 0.0
    while looker.is_alive:
        settled = settled_by_now(looker)
        if kills and settled >= kills[0][0]:
            _, name = kills.pop(0)
            display.say(f"{settled}/{options.orders}; kill -9 {name}")
            with_kill(stage, name, looker, outages)
        if time.monotonic() > began_s + options.limit_s:
            raise ProgramFailed(f"the backfill is not at its end after {options.limit_s:g} s. {looker.last_lines()}")
        if time.monotonic() > told_s + SAY_EVERY_S:
            told_s = time.monotonic()
            display.say(f"{settled}/{options.orders} orders at BNG")
        time.sleep(LOOK_S)
    if looker.exit_code:
        raise ProgramFailed(f"bridgectl backfill ended with {looker.exit_code}. {looker.last_lines()}")
    if kills:
        raise ProgramFailed(f"it was done before {kills[0][1]} could be killed: give it more orders, or a lower --rate")


def with_kill(stage: Stage, name: str, looker: Program, outages: Outages) -> None:
    """What was killed is back on return; of bridgectl the same command was given again."""
    if name == "bridgectl":
        looker.kill()
        looker.start()
        return
    begin = datetime.now(UTC)
    stage.kill(name)
    time.sleep(DOWN_S)
    stage.start(name)
    if name == "bridge":
        stage.program("bridge").wait_for_log("action=started", ARRIVAL_S)
    else:
        stage.wait_until_welcomed()
    # What came meanwhile is behind the others of that time.
    outages.spans.append((begin, datetime.now(UTC) + timedelta(seconds=2)))


def settled_by_now(looker: Program) -> int:
    """As its last line of JSON says."""
    try:
        return int(json.loads(looker.last_line())["settled"])
    except (ValueError, KeyError, TypeError):
        return 0


def count(stage: Stage, past: Past) -> Result:
    """{"shop": {"orders", "sum"}, "bng": …, "duplicates", "ledger": …}; of what lies in the past."""
    end = past.begins_at + timedelta(seconds=past.seconds)
    with stage.mariadb.connect_root(settings.database_name(stage.site)) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute(SHOP_ORDERS, (end,))
        in_shop = {f"{stage.site}-{row['entity_id']}": row["total"] for row in cursor.fetchall()}
    at_bng = [(name, total) for name, total in sales_orders(stage) if name in in_shop]
    copies = Counter(name for name, _ in at_bng)
    return {
        "shop": {"orders": len(in_shop), "sum": added(in_shop.values())},
        "bng": {"orders": len(copies), "sum": added(total for _, total in at_bng)},
        "duplicates": sum(copies.values()) - len(copies),
        "ledger": ledger(stage, past),
    }  # fmt: skip


def added(amounts: Iterable[Decimal | str]) -> str:
    return str(sum(map(Decimal, amounts), Decimal(0)).quantize(CENT))


def sales_orders(stage: Stage) -> list[tuple[str, Decimal]]:
    """ExternalID and total of each, from BNG's own file."""
    with closing(sqlite3.connect(f"file:{stage.folder / 'bng.sqlite'}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT external_id, body ->> '$.Total' FROM records WHERE entity = 'SalesOrder' AND external_id IS NOT NULL"
        )
        return [(name, Decimal(str(total))) for name, total in rows]


def ledger(stage: Stage, past: Past) -> Result:
    """What `bridgectl ledger` says of these days, both sides listed anew, summed up."""
    days = past.seconds // 86400
    answer = stage.bridgectl("ledger", "--day", past.last.isoformat(), "--days", str(days), "--fresh", "--json")
    lines = [each for each in json.loads(answer)["lines"] if each["entity"] == "order"]
    counted = {name: sum(line[name] for line in lines) for name in COUNTED}
    sums = [each for line in lines for each in line["sums"]]
    return {
        **counted, "excluded": sum(sum(line["excluded"].values()) for line in lines),
        "verdicts": dict(Counter(line["verdict"] for line in lines)),
        **{f"{name}_sum": added(each[name] for each in sums) for name in ("seen", "bng", "difference")},
    }  # fmt: skip


def is_whole(counted: Result, orders: int) -> bool:
    """Both sides and the ledger agree, to the cent, and all are there once."""
    shop, bng, told_by_ledger = counted["shop"], counted["bng"], counted["ledger"]
    counts = {orders, shop["orders"], bng["orders"], told_by_ledger["seen"], told_by_ledger["applied"]}
    sums = {Decimal(each) for each in (shop["sum"], bng["sum"], told_by_ledger["seen_sum"], told_by_ledger["bng_sum"])}
    return len(counts) == 1 and len(sums) == 1 and not counted["duplicates"] and not told_by_ledger["differ"]


def told(result: Result) -> str:
    shop, bng, by_ledger = result["shop"], result["bng"], result["ledger"]
    killed = ", ".join(result["killed"]) or "nobody"
    return (
        f"{result['orders']} orders of {result['days']} days in {result['seconds']} s ({result['orders_per_s']}/s); "
        f"killed with -9: {killed}\n"
        f"shop   {shop['orders']} orders, {shop['sum']}\n"
        f"BNG    {bng['orders']} orders, {bng['sum']}; {result['duplicates']} duplicates\n"
        f"ledger {by_ledger['applied']} of {by_ledger['seen']} applied, {by_ledger['bng_sum']}, "
        f"difference {by_ledger['difference_sum']}\n"
        f"live   p50 {result['live_before']['p50_ms']} ms before, {result['live_during']['p50_ms']} ms meanwhile, "
        f"at most {result['live_max_ms']} ms ({result['live_max_over_kills_ms']} ms over a kill)"
    )


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like any other end, so that the children are stopped."""
    raise SystemExit(128 + signal.SIGTERM)
