"""Faults of the machines under the daemons, the broker and the database: deaths, full disks, wrong clocks.

Each function returns when its fault is over, and whether it met anything.
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


def kill(name: str) -> Callable[[Fault, Ground], bool]:
    def run(fault: Fault, ground: Ground) -> bool:
        part = daemon_of(fault.args["site"]) if name == "agent" else name
        with ground.supervisor.down(part, fault.for_s) as was_up:
            return was_up

    return run


def kill_bridge_in_commit(fault: Fault, ground: Ground) -> bool:
    """Its disk takes no commit for a while, and it dies before one is through: what it had not stored it never had."""
    path = ground.stage.folder / "bridge" / "bridge.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)) as slow_disk:
        slow_disk.execute("BEGIN IMMEDIATE")
        time.sleep(LONG_COMMIT_S + fault.for_s)
        with ground.supervisor.down("bridge", 0.5) as was_up:
            slow_disk.execute("ROLLBACK")
            return was_up


def wipe_broker(fault: Fault, ground: Ground) -> bool:
    with ground.supervisor.down("broker", fault.for_s) as was_up:
        ground.stage.wipe_broker()
        return was_up


def wipe_broker_without_bridge(fault: Fault, ground: Ground) -> bool:
    """What the agent published meanwhile is gone with the broker's memory, and nobody had read it."""
    with ground.supervisor.down("bridge", 0.5) as was_up:
        time.sleep(fault.for_s)
        return wipe_broker(fault, ground) and was_up


def disk_full(fault: Fault, ground: Ground) -> bool:
    return fill_disk(ground, "bridge", fault.for_s)


def agent_disk_full(fault: Fault, ground: Ground) -> bool:
    return fill_disk(ground, daemon_of(fault.args["site"]), fault.for_s)


def fill_disk(ground: Ground, name: str, for_s: float) -> bool:
    """It cannot write to any file for a while, however often it is started again: EFBIG, as ENOSPC would be.

    While it is down the while is longer: the disk is full until it has been up.
    """
    before: dict[int, tuple[int, int]] = {}
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline or not (before or ground.over.is_set()):
        pid = running(ground, name)
        if pid is not None and pid not in before:
            with contextlib.suppress(ProcessLookupError):
                limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALLEST_FILE, limits[1]))
                before[pid] = limits
        time.sleep(SHORT_LOOK_S)
    for pid, limits in before.items():
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    return bool(before)


def clock_jump(fault: Fault, ground: Ground) -> bool:
    """One daemon's wall clock is hours or a day off, and comes back."""
    name = daemon_of(fault.args["client"])
    clock = ground.stage.clocks[name]
    clock.set(fault.args["ahead_s"])
    time.sleep(CLOCK_FACTOR * fault.for_s)
    is_met = running(ground, name) is not None
    clock.set(0)
    return is_met


def running(ground: Ground, name: str) -> int | None:
    """Its process id; None while it is down, by a fault or by itself."""
    pid = ground.stage.pids().get(name)
    return pid if pid is not None and ground.stage.program(name).is_alive else None
