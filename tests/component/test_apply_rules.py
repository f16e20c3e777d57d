"""Rules of applying that lie between the inbox, the worker and deliver: each holds only when all three keep it."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import (
    BngRig,
    Clock,
    at,
    at_work,
    customer_body,
    customer_write,
    event,
    giving,
    until,
)
from tests.support.flows import flow_rig

from bng_bridge import deliver, inbox, intents
from bng_bridge.flows.registry import run_flow
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.store import Store
from bng_bridge.worker import Worker
from bridge_common.clock import to_text, utc_now
from bridge_common.errors import OutcomeUnknown

WRITE = customer_write()


async def put(store: Store, n: int, **fields: Any) -> None:
    await store.write(lambda db: inbox.put_events(db, [event(n, **fields)], to_text(utc_now())))


def state(store: Store, seq: int) -> str:
    return str(inbox.select(store.read, "get", seq=seq)[0]["state"])


@pytest.mark.parametrize("end", ["superseded", "discarded"])
async def test_a_write_under_way_outlives_the_event_that_began_it(
    poor: BngRig, store: Store, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The event is superseded or given up; its write is looked up all the same before anything else is written there."""
    steady = Clock()
    monkeypatch.setattr(deliver, "steady_now", steady)
    write = poor.deliver(store)
    await put(store, 1, entity="customer", entity_id="5")
    await poor.fault("cut_after", method="POST", path="/customers$")
    with pytest.raises(OutcomeUnknown):
        await write(1, WRITE, giving(customer_body(Phone="first")))
    if end == "superseded":
        await put(store, 2, entity="customer", entity_id="5")
    else:
        await store.write(die)
        await store.write(lambda db: inbox.discard(db, 1, "no", at(3)))
    assert state(store, 1) == end
    kept = intents.get(store.read, WRITE.target_key)
    assert kept is not None
    assert kept.body == customer_body(Phone="first")

    result = await write(2, WRITE, giving(customer_body(Phone="second")))
    assert result.action == "updated"
    assert [record["Phone"] for record in await poor.records("customers")] == ["second"]


def die(db: Any) -> None:
    (found,) = inbox.claim(db, to_text(utc_now()), 1)
    inbox.settle(db, found, "dead", started_at=at(1), now=at(2), reason="x", error_kind="MappingError")


async def test_a_newer_state_takes_the_place_of_a_dead_one_and_is_applied(store: Store) -> None:
    applied: list[int] = []

    async def flow(claimed: Claimed) -> Outcome:
        if claimed.document()["n"] == 1:
            raise ValueError("the first state is broken")
        applied.append(claimed.document()["n"])
        return DONE

    await put(store, 1)
    await store.write(die)
    await put(store, 2)
    assert state(store, 1) == "superseded"
    async with at_work(Worker(store, flow, slots=1)):
        await until("the newer one is done", lambda: state(store, 2) == "done")
    assert applied == [2]


@pytest.mark.parametrize("entity", ["order", "customer"])
async def test_what_rest_does_not_show_without_a_delete_is_held_as_absent(tmp_path: Path, entity: str) -> None:
    """The agent has asked again and again by then. Nothing is concluded from it: not that it was deleted, either."""
    reason = f"absent: REST shows no {entity} 5 though its row was written"
    async with flow_rig(tmp_path) as rig:
        await rig.bng.customer("shop1-5")

        async def flow(claimed: Claimed) -> Outcome:
            return await run_flow(claimed, rig.context)

        await put(rig.store, 1, entity=entity, entity_id="5", kind="unreadable", data={"reason": reason})
        async with at_work(Worker(rig.store, flow, slots=1)):
            await until("it is dead", lambda: state(rig.store, 1) == "dead")
        (letter,) = inbox.select(rig.store.read, "dead", limit=10)
        assert letter["reason"] == reason
        assert "bridgectl dlq retry" in letter["hint"]
        (record,) = await rig.bng.records("customers")
        assert record["Status"] != "inactive"
