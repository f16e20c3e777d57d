"""The faults of a chaos run: which, when, for how long. A pure function of the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge_sandbox.settings import BNG

KINDS = (
    "kill_agent",
    "kill_bridge",
    "kill_bridge_in_commit",
    "kill_broker",
    "kill_mariadb",
    "wipe_broker",
    "wipe_broker_without_bridge",
    "network_cut",
    "network_reset",
    "network_one_way",
    "network_black_hole",
    "bng_cut_after",
    "bng_late",
    "bng_429",
    "bng_429_retry_after",
    "bng_503",
    "bng_html",
    "bng_stall",
    "bng_token_expired",
    "shop_cut_after",
    "shop_late",
    "shop_429",
    "shop_503",
    "shop_html",
    "shop_stall",
    "shop_401",
    "shop_deadlock",
    "webhooks_duplicate",
    "webhooks_late",
    "webhooks_forged",
    "webhooks_out_of_order",
    "webhooks_dropped",
    "commit_out_of_order",
    "disk_full",
    "agent_disk_full",
    "clock_jump",
    "outbox_truncated",
    "triggers_dropped",
    "mapping_reloaded",
)
QUIET_S = 3.0
"""At the beginning, for the first orders to be there."""
PER_MINUTE = 14.0
BNG_WRITES = ("/customers", "/sales-orders")
SHOP_WRITES = ("/ship$", "/source-items$", "/comments$")
EDITED = (
    "mappings/order-to-sales-order.yaml", "mappings/customer-to-customer.yaml", "flows/order-to-sales-order.yaml",
)  # fmt: skip
EDITS = ("commented", "respelled", "broken")
JUMPS_S = (-86_400, -7_200, 7_200, 86_400)


@dataclass(frozen=True)
class Fault:
    """One fault, from `at_s` seconds after the start on, `for_s` seconds long where it has a length."""

    at_s: float
    kind: str
    for_s: float
    args: dict[str, Any] = field(default_factory=dict)


def make_schedule(
    rng: random.Random,
    seconds: float,
    sites: Sequence[str],
    kinds: Sequence[str] = KINDS,
    per_minute: float = PER_MINUTE,
) -> tuple[Fault, ...]:
    """Each kind at least once, evenly over the time, in an order and with details from the generator."""
    wanted = max(len(kinds), round(seconds / 60 * per_minute))
    drawn = list(kinds) + [rng.choice(kinds) for _ in range(wanted - len(kinds))]
    rng.shuffle(drawn)
    step_s = max(seconds - 2 * QUIET_S, 1.0) / len(drawn)
    return tuple(
        Fault(
            round(QUIET_S + step_s * (number + rng.random()), 2),
            kind,
            round(rng.uniform(0.5, 3.5), 2),
            details(rng, kind, sites),
        )
        for number, kind in enumerate(drawn)
    )


def details(rng: random.Random, kind: str, sites: Sequence[str]) -> dict[str, Any]:
    """What else there is to choose. A `client` is one of the broker's, and of a network also `bng`: the bridge as BNG's."""
    client, site, count = rng.choice(("bridge", *sites)), rng.choice(list(sites)), rng.choice((1, 2, 3))
    if kind.startswith("network_"):
        return {"client": rng.choice((client, BNG)), "direction": rng.choice(("up", "down"))}
    if kind.startswith("bng_"):
        return {"count": count, "path": rng.choice(BNG_WRITES)}
    if kind.startswith("shop_"):
        return {"count": count, "path": rng.choice(SHOP_WRITES), "site": site}
    if kind == "clock_jump":
        return {"client": client, "ahead_s": rng.choice(JUMPS_S)}
    if kind == "mapping_reloaded":
        return {"template": rng.choice(EDITED), "edit": rng.choice(EDITS)}
    return {"site": site} if kind in ("kill_agent", "agent_disk_full") else {}
