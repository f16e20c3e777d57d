"""Is it well? The verdict, its first cause, and what stands where."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from bng_bridge import __version__, health, inbox, intents, policy_waits
from bng_bridge.admin.bridge import Bridge, Route
from bng_bridge.sites import Presence
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError

SCHEMA = 1
OPEN = ("pending", "processing")


async def status(bridge: Bridge) -> dict[str, Any]:
    """Schema 1; see docs/status.md. Round trips are measured now, each bounded by 2 s."""
    counts = [dict(row) for row in inbox.select(bridge.store.read, "counts")]
    trips = await asyncio.gather(*(_round_trip(bridge, site) for site in bridge.config.sites))
    held = policy_waits.counts(bridge.store.read)
    sites = [_site(bridge, site, trip, counts, held) for site, trip in zip(bridge.config.sites, trips, strict=True)]
    dead = sum(row["events"] for row in counts if row["state"] == "dead")
    throttle, alerts = bridge.context.bng.throttle, [asdict(alert) for alert in bridge.alerts.active()]
    found = health.verdict(bridge.receiver.connected, throttle.state(), throttle.is_down, sites, dead, alerts)
    return {
        "schema": SCHEMA,
        "verdict": found.verdict,
        "cause": found.cause,
        "at": to_text(utc_now()),
        "bridge": {
            "version": __version__,
            "inbox_pending": _count(counts, OPEN),
            "inbox_oldest_s": _oldest_s(counts, OPEN),
            **_held(held),
            "dead": dead,
            "intents": len(intents.all_open(bridge.store.read)),
        },
        "broker": {"connected": bridge.receiver.connected},
        "bng": {"throttle": throttle.state(), **throttle.shown()},
        "mappings": {
            "identity": bridge.reload.mappings.current.identity,
            "loaded_at": to_text(bridge.reload.mappings.loaded_at),
            "refused": bridge.reload.mappings.refused,
            "bundle": bridge.reload.mappings.bundle,
        },
        "sites": sites,
        "alerts": alerts,
    }


async def ping(bridge: Bridge, site: str) -> dict[str, Any]:
    """Through the broker to the site's agent and back. Raises NotFound, TargetUnavailable."""
    began = time.monotonic()
    await bridge.gateway(site).ask("ping", timeout_s=5.0)
    return {"site": site, "round_trip_ms": round((time.monotonic() - began) * 1000, 1)}


async def _get_status(bridge: Bridge, _: web.Request) -> Any:
    return await status(bridge)


async def _post_ping(bridge: Bridge, request: web.Request) -> Any:
    return await ping(bridge, request.match_info["site"])


ROUTES: tuple[Route, ...] = (("GET", "/status", _get_status), ("POST", "/ping/{site}", _post_ping))


async def _round_trip(bridge: Bridge, site: str) -> float | None:
    try:
        began = time.monotonic()
        await bridge.gateways[site].ask("ping", timeout_s=2.0)
    except BridgeError:
        return None
    return round((time.monotonic() - began) * 1000, 1)


def _site(
    bridge: Bridge, site: str, trip: float | None, counts: list[dict[str, Any]], held: list[dict[str, Any]]
) -> dict[str, Any]:
    presence, throttle = bridge.presence[site], bridge.context.magento[site].throttle
    own = [row for row in counts if row["site"] == site]
    now_s = asyncio.get_running_loop().time()
    seen_s = None if presence.seen_at_s is None else round(now_s - presence.seen_at_s, 1)
    state, detail = _site_state(presence, seen_s, trip, bridge.config.sites[site].stale_after_s)
    return {
        "site": site,
        "state": state,
        "detail": detail,
        "last_seen_s": seen_s,
        "round_trip_ms": trip,
        "outbox_rows": presence.heartbeat.get("outbox_rows"),
        "outbox_oldest_s": presence.heartbeat.get("outbox_oldest_s"),
        "inbox_pending": _count(own, OPEN),
        "inbox_oldest_s": _oldest_s(own, OPEN),
        **_held([row for row in held if row["site"] == site]),
        "dead": _count(own, ("dead",)),
        "throttle": throttle.state(),
        **throttle.shown(),
    }


def _site_state(presence: Presence, seen_s: float | None, trip: float | None, stale_after_s: float) -> tuple[str, str]:
    """online, or why not: refused, never seen, offline (said so or its last will), silent, shop unreadable."""
    said = presence.heartbeat
    if presence.refused:
        return "held", f"identity changed: {presence.refused}. If it is the site's shop: bridgectl site restored"
    if said.get("state") == "offline":
        return "offline", "its agent is stopped or cut off: systemctl status magento-agent on the shop's host"
    if seen_s is None and trip is None:
        return "unseen", "its agent has not been heard of since this bridge started"
    if trip is None and (seen_s is None or seen_s > stale_after_s):
        return "silent", f"nothing heard for {seen_s or 0:.0f} s"
    for part, what in (("database", "the outbox"), ("rest", "the shop"), ("polling", "all of the shop's lists")):
        if said.get(part, "ok") != "ok":
            return "degraded", f"the agent cannot read {what}: {said[part]}"
    return "online", ""


def _count(counts: list[dict[str, Any]], states: tuple[str, ...]) -> int:
    return sum(row["events"] for row in counts if row["state"] in states)


def _oldest_s(counts: list[dict[str, Any]], states: tuple[str, ...]) -> float | None:
    return _age_s(row["oldest_at"] for row in counts if row["state"] in states)


def _held(counts: list[dict[str, Any]]) -> dict[str, Any]:
    """What waits for an operator's rule: apart, for it may wait for weeks."""
    return {
        "held_by_policy": sum(row["events"] for row in counts),
        "held_by_policy_oldest_s": _age_s(row["oldest_at"] for row in counts),
    }


def _age_s(moments: Iterable[str]) -> float | None:
    oldest = min(moments, default=None)
    return None if oldest is None else round((utc_now() - from_text(oldest)).total_seconds(), 1)
