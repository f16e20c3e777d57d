"""Sites that are held because they may be another shop than before: nothing of them is applied, nothing is written to them.

Two causes. `hello`: the agent names another database or address; the hello of the pinned shop ends that. `record`: an id
that was bound belongs to another record now; only an operator ends that (`bridgectl site restored`). A hold is on disk
before anything relies on it, and stands again after a restart.
"""

import sqlite3

from bng_bridge import inbox, sites
from bng_bridge.alerting.alerts import Alerts
from bng_bridge.sites import Presence
from bng_bridge.store import Store
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import TargetPaused

LOOK_S = 3600.0
"""A release makes what waits due at once; until then looking at it only costs."""


class Holds:
    def __init__(self, store: Store, presence: dict[str, Presence], alerts: Alerts) -> None:
        """Also takes up what stood before a restart."""
        self._store = store
        self._presence = presence
        self._alerts = alerts
        for site in list(presence):
            self._show(site)

    async def hold(self, site: str, cause: str, reason: str, identity: dict[str, str] | None = None) -> None:
        """`identity` is that of the refused hello: what an operator may pin."""
        now = to_text(utc_now())
        await self._store.write(lambda db: sites.hold(db, site, cause, reason, identity or {}, now))
        self._show(site)

    async def release(self, site: str, cause: str | None = None) -> None:
        """From one cause, or from all. What waited is due when none is left."""
        if not sites.holds(self._store.read, site):
            return
        now = to_text(utc_now())

        def commit(db: sqlite3.Connection) -> None:
            sites.release(db, site, cause)
            if not sites.holds(db, site):
                inbox.bring_forward(db, now, site=site)

        await self._store.write(commit)
        self._show(site)

    def check(self, site: str) -> None:
        """Raises TargetPaused while the site is held."""
        presence = self._presence.get(site)
        if presence is not None and presence.refused:
            raise TargetPaused(
                f"{site} is held: {presence.refused}", hint=f"bridgectl site restored {site}", delay_s=LOOK_S
            )

    def _show(self, site: str) -> None:
        reasons = [row["reason"] for row in sites.holds(self._store.read, site).values()]
        self._presence.setdefault(site, Presence()).refused = "; ".join(reasons)
        if not reasons:
            self._alerts.end(f"identity-changed/{site}")
            return
        subject = f"identity changed: {site} is held"
        hint = f"bridgectl site restored {site}, or stop the clone: docs/own-magento.md, Identity."
        self._alerts.begin(f"identity-changed/{site}", subject, hint=hint, site=site, error="; ".join(reasons))
