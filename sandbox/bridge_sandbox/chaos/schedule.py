"""The faults of a chaos run: which, when, for how long. A pure function of the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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
)
LEFT_OUT = {
    "outbox_truncated": "the rows that wait are lost by design until the manifest finds them",
    "clock_jump": "needs libfaketime, which the stage does not bring",
    "mapping_reloaded": "mappings are not reloaded yet",
}
QUIET_S = 3.0
"""At the beginning, for the first orders to be there."""
PER_MINUTE = 14.0
BNG_WRITES = ("/customers", "/sales-orders")
SHOP_WRITES = ("/ship$", "/source-items$", "/comments$")


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
    clients: Sequence[str],
    kinds: Sequence[str] = KINDS,
    per_minute: float = PER_MINUTE,
) -> tuple[Fault, ...]:
    """Each kind at least once, evenly over the time, in an order and with details from the generator.

    `clients` are the broker's, whose networks can break.
    """
    wanted = max(len(kinds), round(seconds / 60 * per_minute))
    drawn = list(kinds) + [rng.choice(kinds) for _ in range(wanted - len(kinds))]
    rng.shuffle(drawn)
    step_s = max(seconds - 2 * QUIET_S, 1.0) / len(drawn)
    return tuple(
        Fault(
            round(QUIET_S + step_s * (number + rng.random()), 2),
            kind,
            round(rng.uniform(0.5, 3.5), 2),
            details(rng, kind, clients),
        )
        for number, kind in enumerate(drawn)
    )


def details(rng: random.Random, kind: str, clients: Sequence[str]) -> dict[str, Any]:
    """What else there is to choose."""
    args: dict[str, Any] = {"count": rng.choice((1, 2, 3))}
    if kind.startswith("network_"):
        args = {"client": rng.choice(list(clients)), "direction": rng.choice(("up", "down"))}
    elif kind.startswith("bng_"):
        args["path"] = rng.choice(BNG_WRITES)
    elif kind.startswith("shop_"):
        args["path"] = rng.choice(SHOP_WRITES)
    return args
