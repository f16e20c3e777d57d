"""One run of one side: what it did, how long it took, and what it cost in CPU time and memory."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.load import FIRST_ID
from bench.scene import Scene
from bridge_sandbox.process import wait_until

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
DRAIN_TIMEOUT_S = 600.0
REST_S = 0.5
WARM_UP = 20


@dataclass(frozen=True)
class Run:
    """`cpu_ms` per event by process, of agent and bridge only; `sandbox_cpu_ms` of what they talk to. `rows` waited in the
    outbox at the beginning."""

    side: str
    events: int
    seconds: float
    cpu_ms: dict[str, float]
    sandbox_cpu_ms: dict[str, float]
    rss_mb: dict[str, float]
    most_writes: int
    writes: int
    latencies_ms: tuple[float, ...] = ()
    rows: int = 0

    @property
    def cpu_per_event_ms(self) -> float:
        return sum(self.cpu_ms.values())

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds

    def described(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "events_per_s": round(self.events_per_s, 1),
            "cpu_ms_per_event": {"total": round(self.cpu_per_event_ms, 3), **rounded(self.cpu_ms)},
            "sandbox_cpu_ms_per_event": rounded(self.sandbox_cpu_ms),
            "peak_rss_mb": rounded(self.rss_mb),
            "writes": self.writes,
            "most_writes_per_record": self.most_writes,
        }


def pooled(runs: Sequence[Run]) -> Run:
    """Several runs of one side as one: costs by event, rates by time, memory at its highest."""
    events = sum(run.events for run in runs)

    def mean(values: Callable[[Run], dict[str, float]]) -> dict[str, float]:
        return {name: sum(values(run)[name] * run.events for run in runs) / events for name in values(runs[0])}

    return Run(
        side=runs[0].side,
        events=events,
        seconds=sum(run.seconds for run in runs),
        cpu_ms=mean(lambda run: run.cpu_ms),
        sandbox_cpu_ms=mean(lambda run: run.sandbox_cpu_ms),
        rss_mb={name: max(run.rss_mb[name] for run in runs) for name in runs[0].rss_mb},
        most_writes=max(run.most_writes for run in runs),
        writes=sum(run.writes for run in runs),
    )


def drain(scene: Scene, side: str, orders: int, *, rounds: int = 1) -> Run:
    """So many waiting orders, from the commit that shows their rows until the last one is stored and receipted."""
    with scene.running(side) as pids:
        meter = Meter(pids, scene.sandbox_pids())
        rows = scene.load.put_rows(orders, rounds=rounds)
        begun = time.time()
        _wait_until_stored(scene, orders)
        return replace(meter.run(scene, side, orders, begun), rows=rows)


def steady(scene: Scene, side: str, *, per_s: float, seconds: float, first: int) -> Run:
    """Orders placed one by one at a fixed pace; from each commit to the sales order's first storing."""
    orders = int(per_s * seconds)
    with scene.running(side) as pids:
        _place(scene, first - WARM_UP, first, per_s)
        meter = Meter(pids, scene.sandbox_pids())
        begun = time.time()
        committed = _place(scene, first, first + orders, per_s)
        _wait_until_stored(scene, orders + WARM_UP)
        stored = scene.stub.get("/bench/stored")
        late = [float(stored[f"sales-orders/{scene.site}-{FIRST_ID + n}"]) - at for n, at in committed.items()]
        return meter.run(scene, side, orders, begun, tuple(sorted(value * 1000 for value in late)))


class Meter:
    """Counts from when it is made."""

    def __init__(self, ours: dict[str, int], theirs: dict[str, int]) -> None:
        self._ours, self._theirs = ours, theirs
        self._before = self._read()

    def run(self, scene: Scene, side: str, events: int, begun: float, latencies: tuple[float, ...] = ()) -> Run:
        time.sleep(REST_S)  # the last settling and deletion
        spent = {name: (at - self._before[name]) / events * 1000 for name, at in self._read().items()}
        most = scene.stub.get("/bench/most")
        return Run(
            side, events, float(most["last"]) - begun,
            {name: spent[name] for name in self._ours}, {name: spent[name] for name in self._theirs},
            {name: peak_rss_mb(pid) for name, pid in self._ours.items()}, int(most["most_writes"]), int(most["writes"]),
            latencies,
        )  # fmt: skip

    def _read(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in (self._ours | self._theirs).items()}


def cpu_s(pid: int) -> float:
    """User and system time of all its threads (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def peak_rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _place(scene: Scene, first: int, end: int, per_s: float) -> dict[int, float]:
    """When each order's COMMIT returned."""
    begun_s, committed = time.monotonic(), {}
    for number in range(first, end):
        time.sleep(max(0.0, begun_s + (number - first) / per_s - time.monotonic()))
        committed[number] = scene.load.place(number, number + 1)
    return committed


def _wait_until_stored(scene: Scene, orders: int) -> None:
    wait_until(
        f"{orders} orders are stored",
        lambda: scene.stub.get("/bench/count")["orders"] >= orders,
        timeout_s=DRAIN_TIMEOUT_S,
        poll_s=0.1,
    )
    wait_until("the outbox is empty", lambda: scene.load.waiting() == 0, timeout_s=30.0, poll_s=0.1)
