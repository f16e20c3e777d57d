"""One chaos run: load and faults at the same time, then everything heals and drains, then the oracle."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from bridge_sandbox import clock
from bridge_sandbox.bng.profile import OWN, POOREST
from bridge_sandbox.chaos import evidence, namespaces, oracle, report
from bridge_sandbox.chaos.ground import Ground
from bridge_sandbox.chaos.inflict import heal, inflict
from bridge_sandbox.chaos.load import Load
from bridge_sandbox.chaos.network import Kind
from bridge_sandbox.chaos.oracle import Verdict
from bridge_sandbox.chaos.proxy import Proxy
from bridge_sandbox.chaos.report import Report, Standing
from bridge_sandbox.chaos.schedule import KINDS, PER_MINUTE, Fault, make_schedule
from bridge_sandbox.chaos.stories import Story, make_stories
from bridge_sandbox.chaos.supervisor import Supervisor
from bridge_sandbox.process import ProgramFailed
from bridge_sandbox.settings import BNG, HERE, Place, Plan
from bridge_sandbox.stage import Stage

SITES = ("shop1", "shop2")
HOSTED = ("shop2",)
"""Captured by polling and webhooks, and written into directly; the first has triggers and a gateway."""
MANIFEST_INTERVAL_S = 8.0
"""Shorter than STUCK_S: what only the manifest finds is found before the run is given up."""
NEEDS_CLOCKS = "clock_jump"
REST_S = 6.0
"""Longer than the poller's interval and the agent's rescan: what is idle so long has nothing under way."""
STUCK_S = 20.0
LOOK_S = 1.0


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
    shops: int = 1
    keep: bool = False
    manifest: bool = True
    network: Kind | None = None
    """None: namespaces where they can be had, else the proxy."""

    @property
    def sites(self) -> tuple[str, ...]:
        return SITES[: self.shops]


@dataclass(frozen=True)
class Programme:
    """All that will be done to the stage, stories by site; only the timing differs from run to run."""

    stories: Mapping[str, tuple[Story, ...]]
    faults: tuple[Fault, ...]


def plan(options: Options) -> Programme:
    """A pure function of the options."""
    seconds = options.minutes * 60
    faults = make_schedule(
        random.Random(f"faults {options.seed}"), seconds, options.sites, options.kinds, options.per_minute
    )
    return Programme({site: plan_load(options, site) for site in options.sites}, faults)


def plan_load(options: Options, site: str) -> tuple[Story, ...]:
    """Stock is counted once for all sites."""
    leave_out = () if site == SITES[0] else ("count_stock",)
    rate = options.rate / len(options.sites)
    return make_stories(random.Random(f"load {options.seed} {site}"), options.minutes * 60, rate, leave_out)


def run(options: Options, say: Callable[[str], None]) -> Report:
    """Raises what the stage raises when it does not come up."""
    began = time.monotonic()
    left_out = impossible(options.kinds)
    options = replace(options, kinds=tuple(kind for kind in options.kinds if kind not in left_out))
    if not options.kinds:
        raise ProgramFailed(f"no fault is left to inflict: {left_out}")
    with ExitStack() as ends:
        wires = namespaces.enter(ends, ("bridge", *options.sites, BNG), options.network, say)
        stage = Stage(stage_plan(options, wires.far if wires else HERE), say=say)
        network = wires or ends.enter_context(Proxy(stage.endpoints.doors, stage.endpoints.broker_port))
        ends.enter_context(stage)
        guard = ends.enter_context(Supervisor(stage))
        result = Trial(options, Ground(stage, network, guard), say).run()
        result.seconds = round(time.monotonic() - began, 1)
        result.left_out = left_out
        stage.keep = options.keep or not result.is_clean
        result.folder = str(stage.folder) if stage.keep else None
    return result


def impossible(kinds: Sequence[str]) -> dict[str, str]:
    """Those that cannot be inflicted on this machine, and why."""
    is_missing = NEEDS_CLOCKS in kinds and clock.library() is None
    return {NEEDS_CLOCKS: "needs Debian's package libfaketime, which is not installed"} if is_missing else {}


def stage_plan(options: Options, far: Place = HERE) -> Plan:
    hosted = tuple(site for site in options.sites if site in HOSTED)
    return Plan(
        options.sites,
        profile=POOREST if options.no_keys else OWN,
        poll_interval_s=2.0,
        hosted=hosted,
        direct=hosted,
        manifest_interval_s=MANIFEST_INTERVAL_S if options.manifest else 0,
        doors=far == HERE,
        far=far,
        clocks=NEEDS_CLOCKS in options.kinds,
    )


class Trial:
    """One run on a stage that stands."""

    def __init__(self, options: Options, ground: Ground, say: Callable[[str], None]) -> None:
        self._options = options
        self._ground = ground
        self._stage = ground.stage
        self._say = say
        self._programme = plan(options)
        self._loads = [
            Load(site, self._stage.shops[site], self._stage.api(site), self._stage.bng, stories)
            for site, stories in self._programme.stories.items()
        ]
        self._inflicted: Counter[str] = Counter()
        self._unmet: Counter[str] = Counter()
        self._failed: list[str] = []

    def run(self) -> Report:
        for load in self._loads:
            load.start()
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
        for load in self._loads:
            load.stop()
        return self._report(verdict, standing, None if drained_at is None else drained_at - healed_at)

    def _inflict_all(self, began: float) -> None:
        threads = []
        for fault in self._programme.faults:
            time.sleep(max(0.0, began + fault.at_s - time.monotonic()))
            self._say(f"{fault.at_s:6.1f} s {fault.kind} {fault.for_s} s {fault.args} ({self._changes} changes)")
            threads.append(threading.Thread(target=self._inflict, args=(fault,), name=fault.kind, daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _inflict(self, fault: Fault) -> None:
        try:
            is_met = inflict(fault, self._ground)
        except Exception as error:  # whatever went wrong, the run is not what it says it is
            self._failed.append(f"{fault.kind} at {fault.at_s} s: {error!r}")
        else:
            (self._inflicted if is_met else self._unmet)[fault.kind] += 1

    def _wait_for_load(self, began: float) -> None:
        left_s = began + self._options.minutes * 60 - time.monotonic()
        time.sleep(max(0.0, left_s))

    def _drain(self, healed_at: float) -> tuple[Verdict, Standing, float | None]:
        """The judgement when nothing has been under way for a while, and the moment since when."""
        rest: float | None = None
        deadline = healed_at + self._options.drain_limit_s
        while True:
            now = self._standing()
            is_idle = now is not None and now.is_idle and all(load.is_over for load in self._loads)
            rest = (rest or time.monotonic()) if is_idle else None
            late = time.monotonic() > deadline
            if late or (rest is not None and time.monotonic() - rest > REST_S):
                verdict = self._judge()
                stuck = rest is not None and time.monotonic() - rest > STUCK_S
                if late or stuck or verdict.is_clean:
                    return verdict, now or Standing(0, 0, -1), rest
            time.sleep(LOOK_S)

    @property
    def _changes(self) -> int:
        return sum(load.changes for load in self._loads)

    def _judge(self) -> Verdict:
        verdicts = [oracle.judge(evidence.collect(self._stage, site)) for site in self._options.sites]
        return Verdict(
            lost=tuple(text for each in verdicts for text in each.lost),
            duplicated=tuple(text for each in verdicts for text in each.duplicated),
            out_of_order=tuple(text for each in verdicts for text in each.out_of_order),
        )

    def _standing(self) -> Standing | None:
        answer = self._stage.bridgectl("status", "--json")
        return report.standing(json.loads(answer)) if answer.strip() else None

    def _report(self, verdict: Verdict, standing: Standing, drain_s: float | None) -> Report:
        slowest = evidence.slowest(self._stage)
        missing = evidence.missing(self._stage)
        missed = report.unexplained(missing, self._stage.plan.hosted, self._inflicted)
        done = sum((load.done for load in self._loads), Counter[str]())
        return Report(
            seed=self._options.seed,
            minutes=self._options.minutes,
            no_keys=self._options.no_keys,
            shops=len(self._loads),
            network=self._ground.network.kind,
            changes=self._changes,
            orders=sum(len(shop.book()["orders"]) for shop in self._stage.shops.values()),
            faults=sum(self._inflicted.values()),
            lost=len(verdict.lost),
            duplicated=len(verdict.duplicated),
            out_of_order=len(verdict.out_of_order),
            dead=standing.dead,
            unknown=standing.unknown,
            waiting=standing.waiting,
            mended_by_manifest=len(missing),
            missed=len(missed),
            max_lag_s=round(slowest[0], 1) if slowest else None,
            slowest=slowest[1] if slowest else "",
            drain_s=None if drain_s is None else round(drain_s, 1),
            fault_kinds=len(self._inflicted),
            changes_by_kind=report.by_kind(done),
            faults_by_kind=report.by_kind(self._inflicted),
            unmet=report.by_kind(self._unmet),
            faults_failed=self._failed,
            given_up=[text for load in self._loads for text in load.given_up],
            restarts=report.by_kind(self._ground.supervisor.restarts),
            endings=self._ground.supervisor.endings,
            stays_down=self._ground.supervisor.stays_down,
            findings=[*report.sentences(verdict), *missed, *evidence.leftovers(self._stage, standing)],
        )
