"""Faults of the machines under the daemons, the broker and the database: deaths, full disks, wrong clocks.

Each function returns when its fault is over.
"""

import contextlib
import resource
import sqlite3
import time
from collections.abc import Callable

from bridge_sandbox.chaos.ground import Ground, daemon_of
from bridge_sandbox.chaos.schedule import Fault

PATIENCE_S = 20.0
LONG_COMMIT_S = 1.0
SMALLEST_FILE = 1
SHORT_LOOK_S = 0.02
CLOCK_FACTOR = 4
"""A wrong clock is seen later than other faults, and longer."""


def kill(name: str) -> Callable[[Fault, Ground], None]:
    def run(fault: Fault, ground: Ground) -> None:
        part = daemon_of(fault.args["site"]) if name == "agent" else name
        with ground.supervisor.down(part, fault.for_s):
            pass

    return run


def kill_bridge_in_commit(fault: Fault, ground: Ground) -> None:
    """Its disk takes no commit for a while, and it dies before one is through: what it had not stored it never had."""
    path = ground.stage.folder / "bridge" / "bridge.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)) as slow_disk:
        slow_disk.execute("BEGIN IMMEDIATE")
        time.sleep(LONG_COMMIT_S + fault.for_s)
        with ground.supervisor.down("bridge", 0.5):
            slow_disk.execute("ROLLBACK")


def wipe_broker(fault: Fault, ground: Ground) -> None:
    with ground.supervisor.down("broker", fault.for_s):
        ground.stage.wipe_broker()


def wipe_broker_without_bridge(fault: Fault, ground: Ground) -> None:
    """What the agent published meanwhile is gone with the broker's memory, and nobody had read it."""
    with ground.supervisor.down("bridge", 0.5):
        time.sleep(fault.for_s)
        wipe_broker(fault, ground)


def disk_full(fault: Fault, ground: Ground) -> None:
    fill_disk(ground, "bridge", fault.for_s)


def agent_disk_full(fault: Fault, ground: Ground) -> None:
    fill_disk(ground, daemon_of(fault.args["site"]), fault.for_s)


def fill_disk(ground: Ground, name: str, for_s: float) -> None:
    """It cannot write to any file for a while, however often it is started again: EFBIG, as ENOSPC would be."""
    before: dict[int, tuple[int, int]] = {}
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        pid = ground.stage.pids().get(name)
        if pid is not None and pid not in before:
            with contextlib.suppress(ProcessLookupError):
                before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALLEST_FILE, before[pid][1]))
        time.sleep(SHORT_LOOK_S)
    for pid, limits in before.items():
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def clock_jump(fault: Fault, ground: Ground) -> None:
    """One daemon's wall clock is hours or a day off, and comes back."""
    clock = ground.stage.clocks[daemon_of(fault.args["client"])]
    clock.set(fault.args["ahead_s"])
    time.sleep(CLOCK_FACTOR * fault.for_s)
    clock.set(0)
