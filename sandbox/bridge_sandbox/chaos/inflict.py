"""How each kind of fault is done to a stage. Each function returns when its fault is over."""

import contextlib
import resource
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pymysql

from bridge_sandbox import settings
from bridge_sandbox.admin import Admin, CallFailed
from bridge_sandbox.chaos.proxy import Network
from bridge_sandbox.chaos.schedule import Fault
from bridge_sandbox.chaos.supervisor import Supervisor
from bridge_sandbox.stage import Stage

LATE_S = 1.0
"""After the client's time-out, and before the server's own limit, which ends the quiet period."""
CLERK_S = 1.5
LONG_COMMIT_S = 1.0
PATIENCE_S = 20.0
LOOK_S = 0.25
SMALLEST_FILE = 1


@dataclass(frozen=True)
class Ground:
    """What faults are done to. When `over` is set, no fault waits any longer for somebody to meet it."""

    stage: Stage
    network: Network
    supervisor: Supervisor
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def creating(self) -> str:
        """How a record comes into being at BNG."""
        return self.stage.plan.bng.creates_by


def inflict(fault: Fault, ground: Ground) -> None:
    """Raises what the stage raises when the fault cannot be done."""
    KINDS[fault.kind](fault, ground)


def heal(ground: Ground) -> None:
    """Whatever is still set goes."""
    ground.network.heal_all()
    ground.stage.bng.clear_faults()
    ground.stage.bng.clear_webhook_faults()
    for shop in ground.stage.shops.values():
        shop.clear_faults()


# Something dies


def kill(name: str) -> Callable[[Fault, Ground], None]:
    def run(fault: Fault, ground: Ground) -> None:
        part = f"agent-{ground.stage.site}" if name == "agent" else name
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
    """The bridge cannot write to any file for a while: EFBIG, as ENOSPC would be."""
    pid = ground.stage.pids().get("bridge")
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALLEST_FILE, before[1]))
        time.sleep(fault.for_s)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


# The network


def network(break_it: Callable[[Network, Fault], None]) -> Callable[[Fault, Ground], None]:
    def run(fault: Fault, ground: Ground) -> None:
        break_it(ground.network, fault)
        time.sleep(fault.for_s)
        ground.network.heal(fault.args["client"])

    return run


# The other side's HTTP


def bng(kind: str, *, writes: bool = False, **options: object) -> Callable[[Fault, Ground], None]:
    def run(fault: Fault, ground: Ground) -> None:
        method = ground.creating if writes else None
        meet(ground.stage.bng, ground, fault, kind, method, options | late(kind, ground))

    return run


def shop(kind: str, *, writes: bool = False, **options: object) -> Callable[[Fault, Ground], None]:
    def run(fault: Fault, ground: Ground) -> None:
        path = fault.args["path"] if writes else None
        meet(ground.stage.shop, ground, fault, kind, "POST" if writes else None, options | late(kind, ground), path)

    return run


def late(kind: str, ground: Ground) -> dict[str, object]:
    seconds = ground.stage.plan.timeout_s + LATE_S
    return {"seconds": seconds} if kind in ("late", "latency") else {}


def meet(
    server: Admin,
    ground: Ground,
    fault: Fault,
    kind: str,
    method: str | None,
    options: dict[str, object],
    path: str | None = None,
) -> None:
    """The next requests meet the fault: at most `count`, and none that come when its time is over."""
    chosen: dict[str, object] = {"count": fault.args["count"], "path": path or fault.args["path"]}
    if method is None:
        chosen.pop("path")  # every request, to whatever it goes
    else:
        chosen["method"] = method
    chosen |= options
    number, count = server.fault(kind, **chosen), int(str(chosen["count"]))
    deadline = time.monotonic() + (PATIENCE_S if count else fault.for_s)
    while time.monotonic() < deadline and not 0 < count <= server.fault_hits(number):
        if ground.over.wait(LOOK_S):
            break
    if kind in ("late", "latency"):
        time.sleep(float(str(options["seconds"])))  # or the release would let the write commit early
    server.release(number)


def expire_token(_fault: Fault, ground: Ground) -> None:
    ground.stage.bng.post("/tokens/expire")


# Webhooks


def webhooks(on: dict[str, object], off: dict[str, object]) -> Callable[[Fault, Ground], None]:
    def run(fault: Fault, ground: Ground) -> None:
        ground.stage.bng.webhook_faults(**on)
        time.sleep(2 * fault.for_s)
        ground.stage.bng.webhook_faults(**off)

    return run


# The shop's database


def commit_out_of_order(_fault: Fault, ground: Ground) -> None:
    """Of two rows of one order, the one with the lower id is committed last, and carries the newer state."""
    stage = ground.stage
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(CallFailed, OSError, pymysql.err.Error):
            order_id = stage.shop.checkout("simple", second_update_delay_s=0)["order_id"]
            time.sleep(1.0)
            be_slow(stage, order_id)
            return
        time.sleep(0.5)


def be_slow(stage: Stage, order_id: int) -> None:
    database = settings.database_name(stage.site)
    with stage.mariadb.connect_root(database) as slow, stage.mariadb.connect_root(database) as quick:
        slow.begin()
        with slow.cursor() as cursor:
            cursor.execute(
                "UPDATE sales_order_address SET street = %s WHERE parent_id = %s AND address_type = 'shipping'",
                (f"Bummelweg {order_id}, rev1", order_id),
            )
        with quick.cursor() as cursor:
            cursor.execute("UPDATE sales_order_grid SET updated_at = UTC_TIMESTAMP() WHERE entity_id = %s", (order_id,))
        time.sleep(CLERK_S)
        slow.commit()


KINDS: dict[str, Callable[[Fault, Ground], None]] = {
    "kill_agent": kill("agent"),
    "kill_bridge": kill("bridge"),
    "kill_bridge_in_commit": kill_bridge_in_commit,
    "kill_broker": kill("broker"),
    "kill_mariadb": kill("mariadb"),
    "wipe_broker": wipe_broker,
    "wipe_broker_without_bridge": wipe_broker_without_bridge,
    "disk_full": disk_full,
    "network_cut": network(lambda net, fault: net.cut(fault.args["client"])),
    "network_reset": network(lambda net, fault: net.reset(fault.args["client"])),
    "network_one_way": network(lambda net, fault: net.lose(fault.args["client"], fault.args["direction"])),
    "network_black_hole": network(lambda net, fault: net.swallow_large(fault.args["client"], fault.args["direction"])),
    "bng_cut_after": bng("cut_after", writes=True),
    "bng_late": bng("late", writes=True),
    "bng_429": bng("status", status=429, count=5),
    "bng_429_retry_after": bng("status", status=429, retry_after=1, count=3),
    "bng_503": bng("status", status=503, count=0),
    "bng_html": bng("html", count=4),
    "bng_stall": bng("latency"),
    "bng_token_expired": expire_token,
    "shop_cut_after": shop("cut_after", writes=True),
    "shop_late": shop("late", writes=True),
    "shop_429": shop("status", status=429, count=5),
    "shop_503": shop("status", status=503, count=0),
    "shop_html": shop("html", count=4),
    "shop_stall": shop("latency"),
    "shop_401": shop("status", status=401, count=2),
    "shop_deadlock": shop("deadlock", writes=True),
    "webhooks_duplicate": webhooks({"duplicate": True}, {"duplicate": False}),
    "webhooks_late": webhooks({"late_s": 2}, {"late_s": 0}),
    "webhooks_forged": webhooks({"forged": 3, "stale": 1}, {}),
    "webhooks_out_of_order": webhooks({"reorder": True}, {"reorder": False}),
    "webhooks_dropped": webhooks({"drop": 10}, {"drop": 0}),
    "commit_out_of_order": commit_out_of_order,
}
