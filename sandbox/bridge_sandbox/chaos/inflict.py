"""How each kind of fault is done to a stage. Each function returns when its fault is over, and whether it met anything."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from bridge_sandbox.admin import Admin
from bridge_sandbox.chaos import edits, hosts, tables
from bridge_sandbox.chaos.ground import LOOK_S, PATIENCE_S, Ground
from bridge_sandbox.chaos.network import Direction, Network
from bridge_sandbox.chaos.schedule import Fault

LATE_S = 1.0
"""After the client's time-out, and before the server's own limit, which ends the quiet period."""
Inflict = Callable[[Fault, Ground], bool]


def inflict(fault: Fault, ground: Ground) -> bool:
    """Whether it met anything. Raises what the stage raises when the fault cannot be done."""
    return KINDS[fault.kind](fault, ground)


def heal(ground: Ground) -> None:
    """Whatever is still set goes."""
    ground.network.heal_all()
    for clock in ground.stage.clocks.values():
        clock.set(0)
    ground.stage.bng.clear_faults()
    ground.stage.bng.clear_webhook_faults()
    for shop in ground.stage.shops.values():
        shop.clear_faults()


# The network


def network(break_it: Callable[[Network, str, Direction], None]) -> Inflict:
    """It lasts until somebody has met it."""

    def run(fault: Fault, ground: Ground) -> bool:
        client = fault.args["client"] if fault.args["client"] in ground.network.clients else "bridge"
        before = ground.network.met(client)
        break_it(ground.network, client, fault.args["direction"])
        time.sleep(fault.for_s)
        is_met = ground.comes(lambda: ground.network.met(client) > before)
        ground.network.heal(client)
        return is_met

    return run


# The other side's HTTP


def bng(kind: str, *, writes: bool = False, **options: object) -> Inflict:
    def run(fault: Fault, ground: Ground) -> bool:
        method = ground.creating if writes else None
        return meet(ground.stage.bng, ground, fault, kind, method, options | late(kind, ground))

    return run


def shop(kind: str, *, writes: bool = False, **options: object) -> Inflict:
    def run(fault: Fault, ground: Ground) -> bool:
        path = fault.args["path"] if writes else None
        server = ground.stage.shops[fault.args["site"]]
        return meet(server, ground, fault, kind, "POST" if writes else None, options | late(kind, ground), path)

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
) -> bool:
    """The next requests meet the fault: at most `count`, and none that come when its time is over. Whether one did."""
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
    return server.fault_hits(number) > 0


def expire_token(_fault: Fault, ground: Ground) -> bool:
    """Met when somebody asks for a new one."""
    before = tokens_issued(ground)
    ground.stage.bng.post("/tokens/expire")
    return ground.comes(lambda: tokens_issued(ground) > before)


def tokens_issued(ground: Ground) -> int:
    path = str(ground.stage.plan.bng["login"]["token_path"])
    return sum(count for route, count in ground.stage.bng.calls().items() if route == f"POST {urlsplit(path).path}")


# Webhooks


def webhooks(done: str, on: dict[str, object], off: dict[str, object]) -> Inflict:
    """`done` is what the sandbox counts of it; it lasts until there is one."""

    def run(fault: Fault, ground: Ground) -> bool:
        switch = ground.stage.bng.webhook_faults
        before = switch(**on)["done"][done]
        time.sleep(2 * fault.for_s)
        is_met = ground.comes(lambda: switch()["done"][done] > before)
        switch(**off)
        return is_met

    return run


KINDS: dict[str, Inflict] = {
    "kill_agent": hosts.kill("agent"),
    "kill_bridge": hosts.kill("bridge"),
    "kill_bridge_in_commit": hosts.kill_bridge_in_commit,
    "kill_broker": hosts.kill("broker"),
    "kill_mariadb": hosts.kill("mariadb"),
    "wipe_broker": hosts.wipe_broker,
    "wipe_broker_without_bridge": hosts.wipe_broker_without_bridge,
    "disk_full": hosts.disk_full,
    "agent_disk_full": hosts.agent_disk_full,
    "clock_jump": hosts.clock_jump,
    "network_cut": network(lambda net, client, _: net.cut(client)),
    "network_reset": network(lambda net, client, _: net.reset(client)),
    "network_one_way": network(lambda net, client, direction: net.lose(client, direction)),
    "network_black_hole": network(lambda net, client, direction: net.swallow_large(client, direction)),
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
    "webhooks_duplicate": webhooks("duplicated", {"duplicate": True}, {"duplicate": False}),
    "webhooks_late": webhooks("delayed", {"late_s": 2}, {"late_s": 0}),
    "webhooks_forged": webhooks("forged", {"forged": 3, "stale": 1}, {}),
    "webhooks_out_of_order": webhooks("reordered", {"reorder": True}, {"reorder": False}),
    "webhooks_dropped": webhooks("dropped", {"drop": 10}, {"drop": 0}),
    "commit_out_of_order": tables.commit_out_of_order,
    "outbox_truncated": tables.outbox_truncated,
    "triggers_dropped": tables.triggers_dropped,
    "mapping_reloaded": edits.mapping_reloaded,
}
