"""A context for flows over sandboxes: BNG always, a shop where one is given."""

import itertools
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.bridge import BngRig, at, opened, running_bng, site
from tests.support.mappings import shipped_mappings
from tests.support.shop import ShopRig

from bng_bridge import inbox
from bng_bridge.config import Site
from bng_bridge.deliver import Deliver
from bng_bridge.flows.context import Context
from bng_bridge.flows.registry import run_flow
from bng_bridge.inbox import Claimed, Hint
from bng_bridge.outcome import Outcome
from bng_bridge.store import Store
from bng_bridge.target import Target, Write
from bridge_common import decimal_json
from bridge_common.errors import BridgeError


@dataclass
class FlowRig:
    """`run` puts an event through its flow as the worker would, without retries."""

    context: Context
    store: Store
    bng: BngRig
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def claimed(self, entity: str, entity_id: str, document: dict[str, Any], **changes: Any) -> Claimed:
        number = next(self._numbers)
        values: dict[str, Any] = {
            "seq": number, "event_key": f"shop1/1.{number}", "site": "shop1", "source": "magento", "entity": entity,
            "entity_id": entity_id, "kind": "snapshot", "ordering_key": f"shop1/{entity}/{entity_id}", "attempts": 0,
            "stored_at": at(0), "data": decimal_json.dumps(document).encode(),
        }  # fmt: skip
        return Claimed(**{**values, **changes})

    async def run(self, event: Claimed) -> Outcome:
        return await run_flow(event, self.context)

    async def order(self, document: dict[str, Any], **changes: Any) -> Outcome:
        return await self.run(self.claimed("order", str(document["entity_id"]), document, **changes))

    async def hint(self, made: Hint) -> Outcome:
        """Through the inbox, where it is open while its flow runs and until the flow succeeds, as in the daemon."""
        await self.store.write(lambda db: inbox.put_hint(db, made, at(0)))

        def claim(db: sqlite3.Connection) -> Claimed:
            (found,) = [each for each in inbox.claim(db, at(1), 100) if each.event_key == made.event_key]
            return found

        event = await self.store.write(claim)
        try:
            outcome = await self.run(event)
        except BridgeError as error:
            await self.store.write(partial(_give_back, event=event, error=error))
            raise
        await self.store.write(partial(_settle, event=event, outcome=outcome))
        return outcome


def _settle(db: sqlite3.Connection, event: Claimed, outcome: Outcome) -> None:
    inbox.settle(db, event, outcome.state, started_at=at(1), now=at(1), reason=outcome.reason)


def _give_back(db: sqlite3.Connection, event: Claimed, error: BridgeError) -> None:
    kind, reason = error.kind, error.message
    inbox.give_back(db, event, "postponed", started_at=at(1), now=at(1), run_at=at(1), error_kind=kind, reason=reason)


@asynccontextmanager
async def flow_rig(
    folder: Path, shop: ShopRig | None = None, *, sites: dict[str, Site] | None = None, no_keys: bool = False
) -> AsyncIterator[FlowRig]:
    async with running_bng(folder, no_keys=no_keys) as bng, opened(folder / "bridge.sqlite") as store:

        def target(write: Write) -> Target:
            if write.target == "bng":
                return bng.target
            assert shop is not None
            return shop.target

        found = sites or {"shop1": site()}
        clients = {} if shop is None else {"shop1": shop.client}
        yield FlowRig(
            Context(found, bng.client, clients, Deliver(store, target), store.read, shipped_mappings()), store, bng
        )


async def lost_in_a_restore(rig: FlowRig) -> None:
    """What is bound were other orders: the shop has given their ids anew."""
    query = "UPDATE binding SET fingerprint = '000000099 2026-01-01 00:00:00 lost' WHERE entity = 'sales_order'"
    await rig.store.write(lambda db: db.execute(query))
