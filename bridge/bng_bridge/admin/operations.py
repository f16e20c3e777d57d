"""What an operator can ask and do. The socket and a later web console call these; answers are plain JSON."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any

from bng_bridge import __version__, health, inbox, intents
from bng_bridge import sites as pauses
from bng_bridge.admin import trace
from bng_bridge.config import BridgeConfig
from bng_bridge.flows.context import Context
from bng_bridge.magento.transport import GatewayTransport
from bng_bridge.receiver import Receiver
from bng_bridge.sites import Presence
from bng_bridge.store import Store
from bng_bridge.throttle import Throttle
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError

SCHEMA = 1


class NotFound(BridgeError):
    """The operator named something that is not there."""


@dataclass(frozen=True)
class Operations:
    config: BridgeConfig
    store: Store
    worker: Worker
    receiver: Receiver
    context: Context
    gateways: dict[str, GatewayTransport]
    presence: dict[str, Presence]

    async def status(self) -> dict[str, Any]:
        """Schema 1; see docs/status.md. Round trips are measured now, each bounded by 2 s."""
        counts = [dict(row) for row in inbox.select(self.store.read, "counts")]
        trips = await asyncio.gather(*(self._round_trip(site) for site in self.config.sites))
        sites = [self._site(site, trip, counts) for site, trip in zip(self.config.sites, trips, strict=True)]
        dead = sum(row["events"] for row in counts if row["state"] == "dead")
        bng = self.context.bng.throttle.state()
        found = health.verdict(self.receiver.connected, bng, self.context.bng.throttle.is_down, sites, dead)
        return {
            "schema": SCHEMA,
            "verdict": found.verdict,
            "cause": found.cause,
            "at": to_text(utc_now()),
            "bridge": {
                "version": __version__,
                "inbox_pending": _count(counts, ("pending", "processing")),
                "inbox_oldest_s": _oldest_s(counts, ("pending", "processing")),
                "dead": dead,
                "intents": len(intents.all_open(self.store.read)),
            },
            "broker": {"connected": self.receiver.connected},
            "bng": {"throttle": bng},
            "sites": sites,
        }

    async def ping(self, site: str) -> dict[str, Any]:
        """Through the broker to the site's agent and back. Raises NotFound, TargetUnavailable."""
        if site not in self.gateways:
            raise NotFound(f"There is no site {site}.", hint=f"Sites: {', '.join(sorted(self.gateways))}.")
        began = time.monotonic()
        await self.gateways[site].ask("ping", timeout_s=5.0)
        return {"site": site, "round_trip_ms": round((time.monotonic() - began) * 1000, 1)}

    async def trace(self, order: str, site: str | None) -> dict[str, Any]:
        return await trace.trace(self.context, self.store.read, self.gateways, order, site)

    def dead_letters(self, limit: int) -> list[dict[str, Any]]:
        return [dict(row) for row in inbox.select(self.store.read, "dead", limit=limit)]

    def dead_letter(self, seq: int) -> dict[str, Any]:
        """With its attempts and its data as stored. Raises NotFound."""
        rows = inbox.select(self.store.read, "get", seq=seq)
        if not rows:
            raise NotFound(f"There is no event {seq}.", hint="bridgectl dlq list shows those that are dead.")
        event = dict(rows[0])
        data = event.pop("data")
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        attempts = [dict(row) for row in inbox.select(self.store.read, "attempts", seq=seq)]
        return {**event, "attempt_log": attempts, "data": text}

    def queue(self, limit: int) -> dict[str, Any]:
        """What is not settled: the events in the order of their next attempt, and the writes whose outcome is unknown."""
        now = to_text(utc_now())
        events = [dict(row) for row in inbox.select(self.store.read, "queue", limit=limit)]
        unknown = [
            {"target_key": intent.target_key, "event": intent.seq, "opened_at": intent.opened_at,
             "quiet_until": intent.quiet_until, "is_quiet": intent.quiet_until <= now}
            for intent in intents.all_open(self.store.read)
        ]  # fmt: skip
        return {"events": events, "unknown": unknown}

    async def pause(self, target: str, reason: str) -> dict[str, Any]:
        """Close a target until `resume`, also over a restart. Raises NotFound."""
        throttle, now = self._throttle(target), to_text(utc_now())
        await self.store.write(lambda db: pauses.pause(db, target, reason, now))
        throttle.hold(reason)
        return {"target": target, "state": throttle.state()}

    async def resume(self, target: str) -> dict[str, Any]:
        throttle = self._throttle(target)
        await self.store.write(lambda db: pauses.resume(db, target))
        throttle.release()
        self.worker.wake()
        return {"target": target, "state": throttle.state()}

    def restore_pauses(self) -> None:
        """At start: what an operator closed stays closed. A target that is no longer configured is passed over."""
        for target, reason in pauses.paused(self.store.read).items():
            with contextlib.suppress(NotFound):
                self._throttle(target).hold(reason)

    def _throttle(self, target: str) -> Throttle:
        if target == "bng":
            return self.context.bng.throttle
        if target not in self.context.magento:
            raise NotFound(
                f"There is no target {target}.", hint=f"Targets: bng, {', '.join(sorted(self.context.magento))}."
            )
        return self.context.magento[target].throttle

    async def requeue(self, seqs: list[int]) -> dict[str, Any]:
        now = to_text(utc_now())
        done = await self.store.write(lambda db: [seq for seq in seqs if inbox.requeue(db, seq, now)])
        self.worker.wake()
        return {"requeued": done, "not_dead": sorted(set(seqs) - set(done))}

    async def discard(self, seqs: list[int], reason: str) -> dict[str, Any]:
        now = to_text(utc_now())
        done = await self.store.write(lambda db: [seq for seq in seqs if inbox.discard(db, seq, reason, now)])
        return {"discarded": done, "not_dead": sorted(set(seqs) - set(done))}

    async def _round_trip(self, site: str) -> float | None:
        try:
            began = time.monotonic()
            await self.gateways[site].ask("ping", timeout_s=2.0)
        except BridgeError:
            return None
        return round((time.monotonic() - began) * 1000, 1)

    def _site(self, site: str, trip: float | None, counts: list[dict[str, Any]]) -> dict[str, Any]:
        presence = self.presence[site]
        own = [row for row in counts if row["site"] == site]
        now_s = asyncio.get_running_loop().time()
        seen_s = None if presence.seen_at_s is None else round(now_s - presence.seen_at_s, 1)
        state, detail = _site_state(presence, seen_s, trip, self.config.sites[site].stale_after_s)
        return {
            "site": site,
            "state": state,
            "detail": detail,
            "last_seen_s": seen_s,
            "round_trip_ms": trip,
            "outbox_rows": presence.heartbeat.get("outbox_rows"),
            "outbox_oldest_s": presence.heartbeat.get("outbox_oldest_s"),
            "inbox_pending": _count(own, ("pending", "processing")),
            "inbox_oldest_s": _oldest_s(own, ("pending", "processing")),
            "dead": _count(own, ("dead",)),
            "throttle": self.context.magento[site].throttle.state(),
        }


def _site_state(presence: Presence, seen_s: float | None, trip: float | None, stale_after_s: float) -> tuple[str, str]:
    """online, or why not: refused, never seen, offline (said so or its last will), silent, shop unreadable."""
    said = presence.heartbeat
    if presence.refused:
        return "held", f"identity changed: {presence.refused}"
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
    oldest = min((row["oldest_at"] for row in counts if row["state"] in states), default=None)
    return None if oldest is None else round((utc_now() - from_text(oldest)).total_seconds(), 1)
