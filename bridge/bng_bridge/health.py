"""The verdict over everything: healthy, degraded or down, with the first cause an operator should look at."""

from dataclasses import dataclass
from typing import Any

OUTBOX_OLD_S = 300.0


@dataclass(frozen=True, slots=True)
class Verdict:
    verdict: str
    cause: str


def verdict(
    broker_connected: bool,  # noqa: FBT001
    bng: str,
    bng_is_down: bool,  # noqa: FBT001
    sites: list[dict[str, Any]],
    dead: int,
    alerts: list[dict[str, Any]],
) -> Verdict:
    """`bng` is the throttle's state; a BNG that only asked to wait is slow, not down.

    Ordered by what hurts most: nothing flows, one side stands, something waits.
    """
    causes = [
        ("down", "no connection to the broker: no event arrives") if not broker_connected else None,
        ("down" if bng_is_down else "degraded", f"BNG is {bng}") if bng != "open" else None,
        *(_site_cause(site) for site in sites),
        *(("degraded", f"{alert['subject']}. {alert['hint']}".strip()) for alert in alerts),
        ("degraded", f"{dead} dead letters: bridgectl dlq list") if dead else None,
    ]
    found = [cause for cause in causes if cause is not None]
    if not found:
        return Verdict("healthy", "")
    return Verdict(*next((cause for cause in found if cause[0] == "down"), found[0]))


def _site_cause(site: dict[str, Any]) -> tuple[str, str] | None:
    name = site["site"]
    if site["state"] != "online":
        return "degraded", f"{name} is {site['state']}: {site['detail']}"
    if site["throttle"] != "open":
        return "degraded", f"{name}'s REST API is {site['throttle']}"
    if (site["outbox_oldest_s"] or 0) > OUTBOX_OLD_S:
        return "degraded", f"{name}'s outbox waits since {site['outbox_oldest_s']:.0f} s"
    return None
