"""One chaos run: load and faults at the same time, then everything heals and drains, then the oracle."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge_sandbox.bng.profile import OWN, POOREST
from bridge_sandbox.book import by_external_id, latencies_ms
from bridge_sandbox.chaos import oracle, report
from bridge_sandbox.chaos.inflict import Ground, heal, inflict
from bridge_sandbox.chaos.load import Load
from bridge_sandbox.chaos.oracle import Evidence, Verdict
from bridge_sandbox.chaos.proxy import Network
from bridge_sandbox.chaos.report import Report, Standing
from bridge_sandbox.chaos.schedule import KINDS, LEFT_OUT, PER_MINUTE, Fault, make_schedule
from bridge_sandbox.chaos.stories import Story, make_stories
from bridge_sandbox.chaos.supervisor import Supervisor
from bridge_sandbox.settings import Plan
from bridge_sandbox.stage import Stage

SITE = "shop1"
CLIENTS = ("bridge", SITE)
REST_S = 6.0
"""Longer than the poller's interval and the agent's rescan: what is idle so long has nothing under way."""
STUCK_S = 20.0
LOOK_S = 1.0
PAGE = 100


@dataclass(frozen=True)
class Options:
    """What the command line asked for: `rate` changes a second, and faults of these kinds `per_minute`."""

    seed: int
    minutes: float
    no_keys: bool = False
    rate: float = 7.5
    kinds: tuple[str, ...] = KINDS
    per_minute: float = PER_MINUTE
    drain_limit_s: float = 240.0


@dataclass(frozen=True)
class Programme:
    """All that will be done to the stage; only the timing differs from run to run."""

    stories: tuple[Story, ...]
    faults: tuple[Fault, ...]


def plan(options: Options) -> Programme:
    """A pure function of the options."""
    seconds = options.minutes * 60
    stories = make_stories(random.Random(f"load {options.seed}"), seconds, options.rate)
    faults = make_schedule(random.Random(f"faults {options.seed}"), seconds, CLIENTS, options.kinds, options.per_minute)
    return Programme(stories, faults)


def run(options: Options, say: Callable[[str], None]) -> Report:
    """Raises what the stage raises when it does not come up."""
    began = time.monotonic()
    stage = Stage(Plan((SITE,), profile=POOREST if options.no_keys else OWN, poll_interval_s=2.0, doors=True), say=say)
    with Network(stage.endpoints.doors, stage.endpoints.broker_port) as network, stage, Supervisor(stage) as guard:
        result = Trial(options, Ground(stage, network, guard), say).run()
        result.seconds = round(time.monotonic() - began, 1)
        stage.keep = not result.is_clean
        result.folder = str(stage.folder) if stage.keep else None
    return result


class Trial:
    """One run on a stage that stands."""

    def __init__(self, options: Options, ground: Ground, say: Callable[[str], None]) -> None:
        self._options = options
        self._ground = ground
        self._stage = ground.stage
        self._say = say
        self._programme = plan(options)
        self._load = Load(SITE, self._stage.shop, self._stage.api(), self._stage.bng, self._programme.stories)
        self._inflicted: Counter[str] = Counter()
        self._failed: list[str] = []

    def run(self) -> Report:
        self._load.start()
        began = time.monotonic()
        end = threading.Timer(self._options.minutes * 60, self._ground.over.set)
        end.daemon = True
        end.start()
        self._inflict_all(began)
        self._wait_for_load(began)
        self._say("everything heals")
        heal(self._ground)
        healed_at = time.monotonic()
        verdict, standing, drained_at = self._drain(healed_at)
        self._load.stop()
        return self._report(verdict, standing, None if drained_at is None else drained_at - healed_at)

    def _inflict_all(self, began: float) -> None:
        threads = []
        for fault in self._programme.faults:
            time.sleep(max(0.0, began + fault.at_s - time.monotonic()))
            self._say(f"{fault.at_s:6.1f} s {fault.kind} {fault.for_s} s {fault.args} ({self._load.changes} changes)")
            threads.append(threading.Thread(target=self._inflict, args=(fault,), name=fault.kind, daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _inflict(self, fault: Fault) -> None:
        try:
            inflict(fault, self._ground)
        except Exception as error:  # whatever went wrong, the run is not what it says it is
            self._failed.append(f"{fault.kind} at {fault.at_s} s: {error!r}")
        else:
            self._inflicted[fault.kind] += 1

    def _wait_for_load(self, began: float) -> None:
        left_s = began + self._options.minutes * 60 - time.monotonic()
        time.sleep(max(0.0, left_s))

    def _drain(self, healed_at: float) -> tuple[Verdict, Standing, float | None]:
        """The judgement when nothing has been under way for a while, and the moment since when."""
        rest: float | None = None
        deadline = healed_at + self._options.drain_limit_s
        while True:
            now = self._standing()
            is_idle = now is not None and now.is_idle and self._load.is_over
            rest = (rest or time.monotonic()) if is_idle else None
            late = time.monotonic() > deadline
            if late or (rest is not None and time.monotonic() - rest > REST_S):
                verdict = oracle.judge(collect(self._stage))
                stuck = rest is not None and time.monotonic() - rest > STUCK_S
                if late or stuck or verdict.is_clean:
                    return verdict, now or Standing(0, 0, -1), rest
            time.sleep(LOOK_S)

    def _standing(self) -> Standing | None:
        answer = self._stage.bridgectl("status", "--json")
        return report.standing(json.loads(answer)) if answer.strip() else None

    def _report(self, verdict: Verdict, standing: Standing, drain_s: float | None) -> Report:
        shop, bng = self._stage.shop.book(), self._stage.bng.book()
        lags = list(latencies_ms(shop, by_external_id(bng["sales_orders"], SITE), SITE))
        return Report(
            seed=self._options.seed,
            minutes=self._options.minutes,
            no_keys=self._options.no_keys,
            changes=self._load.changes,
            orders=len(shop["orders"]),
            faults=sum(self._inflicted.values()),
            lost=len(verdict.lost),
            duplicated=len(verdict.duplicated),
            out_of_order=len(verdict.out_of_order),
            dead=standing.dead,
            unknown=standing.unknown,
            waiting=standing.waiting,
            max_lag_s=round(max(lags) / 1000, 1) if lags else None,
            drain_s=None if drain_s is None else round(drain_s, 1),
            fault_kinds=len(self._inflicted),
            changes_by_kind=report.by_kind(self._load.done),
            faults_by_kind=report.by_kind(self._inflicted),
            faults_failed=self._failed,
            given_up=self._load.given_up,
            restarts=report.by_kind(self._ground.supervisor.restarts),
            left_out=LEFT_OUT,
            findings=[*sentences(verdict), *leftovers(self._stage, standing)],
        )


def sentences(verdict: Verdict) -> list[str]:
    kinds: Sequence[tuple[str, tuple[str, ...]]] = (
        ("lost", verdict.lost),
        ("duplicated", verdict.duplicated),
        ("out of order", verdict.out_of_order),
    )
    return [f"{kind}: {text}" for kind, texts in kinds for text in texts]


def leftovers(stage: Stage, standing: Standing) -> list[str]:
    """Dead letters with their reasons, and how much else is left."""
    found = [f"{standing.waiting} events or outbox rows still wait"] if standing.waiting else []
    found += [f"{standing.unknown} writes are of unknown outcome"] if standing.unknown else []
    letters: list[dict[str, Any]] = json.loads(stage.bridgectl("dlq", "list", "--json") or "[]")
    return found + [f"dead: {each['entity']}/{each['entity_id']}: {each['reason']}" for each in letters]


def collect(stage: Stage) -> Evidence:
    """Both sandboxes' books as they stand now."""
    return Evidence(
        site=SITE,
        shop=stage.shop.book(),
        orders=all_orders(stage),
        bng=stage.bng.book(),
        sales_order_history=stage.bng.history("sales_orders"),
        customer_history=stage.bng.history("customers"),
    )


def all_orders(stage: Stage) -> list[dict[str, Any]]:
    """The shop's order documents."""
    orders: list[dict[str, Any]] = []
    api = stage.api()
    while True:
        path = f"/rest/V1/orders?searchCriteria[pageSize]={PAGE}&searchCriteria[currentPage]={len(orders) // PAGE + 1}"
        page = api.get(path)
        orders += page["items"]
        if len(orders) >= page["total_count"] or not page["items"]:
            return orders
