"""A store's tables as both sides and the bridge leave them, for the ledger to read."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.support.bridge import at, event

from bng_bridge import bindings, inbox, ledger
from bng_bridge.bindings import Binding
from bng_bridge.config import Site
from bng_bridge.inbox import Claimed, Hint
from bng_bridge.ledger import Line
from bng_bridge.manifest import mark
from bridge_common.clock import to_text

DAY = date(2026, 3, 2)
"""That of `at(0)`, noon in UTC."""
LATER = datetime(2026, 4, 1, tzinfo=UTC)
"""When the ledger is asked, unless a test says otherwise."""


@dataclass
class Book:
    """Each call is one fact; `db` is in autocommit."""

    db: sqlite3.Connection
    site: str = "shop1"
    _n: int = 0

    def listed(self, entity_id: str = "74", *, source: str = "magento", entity: str = "order", **changes: Any) -> None:
        """A row of the manifest: the shop's pass, or the sweep of BNG, has seen the record."""
        values = {
            "source": source, "site": self.site if source == "magento" else "", "entity": entity, "entity_id": entity_id,
            "name": f"{entity_id:0>9}", "day": DAY.isoformat(), "total": "", "currency": "", "digest": "",
            "state": "covered", "asked_seq": 0, "excluded": "", "listed_at": at(50),
        }  # fmt: skip
        if (source, entity) == ("magento", "order"):
            values |= {"total": "28.7800", "currency": "EUR"}
        values |= changes
        marks = ", ".join(f":{name}" for name in values)
        self.db.execute(f"INSERT OR REPLACE INTO manifest ({', '.join(values)}) VALUES ({marks})", values)

    def shop_listed(self, moment: datetime = LATER - timedelta(minutes=10)) -> None:
        """A pass of the shop's manifest that began then has come to the end of both lists."""
        mark.move(self.db, self.site, ledger.AT_BNG, to_text(moment))

    def at_bng(self, entity_id: str = "74", **changes: Any) -> None:
        """The sweep's row of an order's sales order."""
        values = {"name": f"shop1-{entity_id}", "total": "28.78", "currency": "EUR", **changes}
        self.listed(f"SO-{entity_id}", source="bng", entity="sales_order", **values)

    def bound(self, entity_id: str = "74", *, entity: str = "order", total: Any = "28.78", now: str = "") -> None:
        step = ledger.AT_BNG[entity]
        created_at = "2026-03-02 10:15:00"
        fingerprint = f"{entity_id:0>9} {created_at} protect" if entity == "order" else created_at
        facts = {} if total is None else {"Total": total}
        target_id = f"{'SO' if entity == 'order' else 'C'}-{entity_id}"
        key = f"{self.site}/{entity}/{entity_id}/{step}"
        binding = Binding(key, self.site, "bng", step, target_id, fingerprint, "", "", facts)
        bindings.put(self.db, binding, now or at(10))

    def shipped(self, shipment_id: str, site: str = "shop1") -> None:
        key = f"{site}/shipment/{shipment_id}/shipment"
        bindings.put(self.db, Binding(key, site, "magento", "shipment", "9", "", "", "", {}), at(10))

    def arrived(
        self, state: str = "pending", entity_id: str = "74", *, now: str = "", reason: str = "", **fields: Any
    ) -> int:
        """An event of the shop, in this state; its number."""
        self._n += 1
        stored_at = now or at(0)
        inbox.put_events(self.db, [event(self._n, site=self.site, entity_id=entity_id, **fields)], stored_at)
        return self._settled(state, reason, stored_at)

    def told(self, entity: str, entity_id: str, state: str = "pending", *, now: str = "", reason: str = "") -> int:
        """A hint of BNG's, in this state."""
        self._n += 1
        hint = Hint(entity, entity_id, f"{entity}/{entity_id}", f"bng/{self._n}", {})
        inbox.put_hint(self.db, hint, now or at(0))
        return self._settled(state, reason, now or at(0))

    def _settled(self, state: str, reason: str, now: str) -> int:
        seq = int(self.db.execute("SELECT max(seq) FROM inbox").fetchone()[0])
        if state == "pending":
            return seq
        claimed = next(each for each in inbox.claim(self.db, "9", 1000) if each.seq == seq)
        if state != "processing":
            self._settle(claimed, "dead" if state == "discarded" else state, reason, now)
        if state == "discarded":
            assert inbox.discard(self.db, seq, reason, now)
        return seq

    def _settle(self, claimed: Claimed, state: str, reason: str, now: str) -> None:
        inbox.settle(self.db, claimed, state, started_at=now, now=now, reason=reason)

    def lines(self, day: date = DAY, last: date | None = None, *, now: datetime = LATER, **options: Any) -> list[Line]:
        found = ledger.from_magento(self.db, self.site, Site(**options), day, last or day, now)
        return found + ledger.from_bng(self.db, [self.site], day, last or day)

    def line(self, entity: str = "order", **options: Any) -> Line:
        """Of the one day; `shipment`, `stock` and `sales_order` come from BNG."""
        (found,) = [line for line in self.lines(**options) if line.entity == entity]
        return found


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> str:
    return to_text(datetime(year, month, day, hour, minute, tzinfo=UTC))
