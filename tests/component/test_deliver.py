"""`deliver` against a sandbox BNG: nothing is written twice, wherever the daemon dies or the answer is lost.

The poorest ERP (no keys, no upsert) needs the intents; one with keys and upserts is safe by itself.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.bridge import (
    BngRig,
    Clock,
    customer_body,
    customer_write,
    giving,
    opened,
    running_bng,
    until,
)

from bng_bridge import bindings, intents
from bng_bridge.deliver import Result
from bng_bridge.intents import Intent
from bng_bridge.store import Store, connect
from bng_bridge.target import Write
from bridge_common.clock import from_text
from bridge_common.errors import (
    BridgeError,
    IdentityChanged,
    MappingError,
    OutcomeUnknown,
    QuietPeriod,
    RateLimited,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)

POST = "POST /api/v1/customers"
PUT = "PUT /api/v1/customers/by-external-id/{key}"
WRITE = customer_write()


@pytest.fixture
async def rich(tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path) as rig:
        yield rig


def intent_of(store: Store) -> Intent | None:
    return intents.get(store.read, WRITE.target_key)


def on_disk(store: Store) -> list[str]:
    """Target keys of the intents that another connection sees."""
    connection: sqlite3.Connection = connect(store.path, read_only=True)
    found = [intent.target_key for intent in intents.all_open(connection)]
    connection.close()
    return found


async def write(rig: BngRig, store: Store, **body: Any) -> Result:
    return await rig.deliver(store)(1, WRITE, giving(customer_body(**body)))


async def start_and_lose(rig: BngRig, store: Store, kind: str, **fault: Any) -> None:
    """A POST whose answer never comes."""
    await rig.fault(kind, method="POST", path="/customers$", **fault)
    with pytest.raises(OutcomeUnknown):
        await write(rig, store)


async def test_the_intent_is_on_disk_before_the_write_reaches_the_target(poor: BngRig, store: Store) -> None:
    await poor.fault("latency", method="POST", seconds=60)
    writing = asyncio.create_task(write(poor, store, Phone="1"))
    await until("the POST has arrived", poor.hits)
    assert on_disk(store) == [WRITE.target_key]
    assert await poor.records("customers") == []
    kept = intent_of(store)
    assert kept is not None
    assert (kept.body, kept.seq) == (customer_body(Phone="1"), 1)

    await poor.clear_faults()
    result = await writing
    assert result.action == "created"
    assert on_disk(store) == []


async def test_the_result_is_on_disk_when_deliver_returns(poor: BngRig, store: Store) -> None:
    result = await write(poor, store)
    connection = connect(store.path, read_only=True)
    bound = bindings.get(connection, WRITE.target_key)
    steps = connection.execute("SELECT seq, action, target_id FROM step").fetchall()
    connection.close()
    assert bound is not None
    assert bound.target_id == result.binding.target_id == (await poor.records("customers"))[0]["CustomerID"]
    assert bound.digest == bindings.digest_of(customer_body())
    assert [tuple(step) for step in steps] == [(1, "created", bound.target_id)]


async def test_a_daemon_that_dies_between_sending_and_settling_finds_its_record(poor: BngRig, tmp_path: Path) -> None:
    await poor.fault("hold", method="POST")
    async with opened(tmp_path / "bridge.sqlite") as store:
        writing = asyncio.create_task(write(poor, store))
        await until("the POST was executed", lambda: poor.records("customers"))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        assert writing.cancelled()
        assert bindings.get(store.read, WRITE.target_key) is None
    await poor.clear_faults()

    async with opened(tmp_path / "bridge.sqlite") as store:
        assert on_disk(store) == [WRITE.target_key]
        result = await write(poor, store)
        assert (result.action, intent_of(store)) == ("unchanged", None)
    assert [record["CustomerID"] for record in await poor.records("customers")] == [result.binding.target_id]
    assert await poor.calls(POST) == 1


async def test_the_quiet_period_counts_from_the_last_of_the_calls_that_a_write_is(
    poor: BngRig, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def create(*_: Any) -> None:
        clock.advance(40)
        raise OutcomeUnknown("the second call was cut")

    monkeypatch.setattr(poor.target, "create", create)
    with pytest.raises(OutcomeUnknown):
        await write(poor, store)
    kept = intent_of(store)
    assert kept is not None
    assert (from_text(kept.quiet_until) - clock.now).total_seconds() == poor.target.quiet_s()


async def test_an_answer_that_was_cut_off_is_resolved_by_looking_it_up(poor: BngRig, store: Store) -> None:
    await start_and_lose(poor, store, "cut_after")
    assert on_disk(store) == [WRITE.target_key]
    result = await write(poor, store)
    assert [record["CustomerID"] for record in await poor.records("customers")] == [result.binding.target_id]
    assert await poor.calls(POST) == 1
    assert store.read.execute("SELECT action FROM step").fetchone()[0] == "resolved"


async def test_a_state_that_changed_meanwhile_is_written_after_the_lost_one_is_found(
    poor: BngRig, store: Store
) -> None:
    await start_and_lose(poor, store, "cut_after")
    result = await write(poor, store, Phone="2")
    assert result.action == "updated"
    assert [record["Phone"] for record in await poor.records("customers")] == ["2"]


async def test_not_found_proves_nothing_until_the_quiet_period_is_over(
    poor: BngRig, store: Store, clock: Clock
) -> None:
    await start_and_lose(poor, store, "cut_before")
    kept = intent_of(store)
    assert kept is not None
    assert from_text(kept.quiet_until) == clock.now.replace(minute=1)
    clock.advance(59.9)
    for _ in range(2):
        with pytest.raises(QuietPeriod, match="outcome of a write") as waits:
            await write(poor, store)
    assert 0 < waits.value.delay_s <= 5
    assert await poor.calls(POST) == 1

    clock.advance(0.2)
    assert (await write(poor, store)).action == "created"
    assert (await write(poor, store)).action == "unchanged"
    assert await poor.calls(POST) == 2
    assert len(await poor.records("customers")) == 1


async def test_a_write_that_is_executed_late_is_found_within_the_quiet_period(
    poor: BngRig, store: Store, clock: Clock
) -> None:
    """The request is cut off at our side and lies at the target; only then it is executed."""
    await poor.fault("latency", method="POST", seconds=60)
    writing = asyncio.create_task(write(poor, store))
    await until("the POST has arrived", poor.hits)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    with pytest.raises(QuietPeriod):
        await write(poor, store)

    await poor.clear_faults()
    await until("the POST was executed", lambda: poor.records("customers"))
    clock.advance(30)
    await write(poor, store)
    assert len(await poor.records("customers")) == 1
    assert await poor.calls(POST) == 1


async def test_a_second_unknown_outcome_starts_a_quiet_period_of_its_own(
    poor: BngRig, store: Store, clock: Clock
) -> None:
    await start_and_lose(poor, store, "cut_before")
    clock.advance(61)
    await start_and_lose(poor, store, "cut_before")
    clock.advance(59)
    with pytest.raises(QuietPeriod):
        await write(poor, store)
    clock.advance(2)
    assert (await write(poor, store)).action == "created"


async def test_while_a_restored_store_waits_each_look_is_one_look_up_and_ends_for_the_same_reason(
    poor: BngRig, store: Store, clock: Clock
) -> None:
    """The same words make no further row of attempts, and a write that is not sent takes no turn."""
    through = poor.deliver(store)
    through.wait_out(60)
    messages = set()
    for _ in range(3):
        with pytest.raises(QuietPeriod) as waits:
            await through(1, WRITE, giving(customer_body()))
        messages.add(waits.value.message)
        clock.advance(5)
    assert len(messages) == 1
    assert poor.client.throttle.shown()["calls"]["customers"]["total"] == await poor.calls()


async def test_a_store_that_is_restored_while_a_write_waits_for_its_turn_holds_it_back(
    poor: BngRig, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    through, slot = poor.deliver(store), poor.target.slot

    @asynccontextmanager
    async def late(write: Write) -> AsyncIterator[None]:
        async with slot(write):
            through.wait_out(60)
            yield

    monkeypatch.setattr(poor.target, "slot", late)
    with pytest.raises(QuietPeriod, match="the store was restored"):
        await through(1, WRITE, giving(customer_body()))
    assert await poor.calls(POST) == 0


async def test_a_lost_update_is_written_again_after_its_quiet_period(poor: BngRig, store: Store, clock: Clock) -> None:
    await write(poor, store)
    await poor.fault("cut_before", method="PATCH")
    with pytest.raises(OutcomeUnknown):
        await write(poor, store, Phone="2")
    clock.advance(59)
    with pytest.raises(QuietPeriod):
        await write(poor, store, Phone="2")
    clock.advance(2)
    assert (await write(poor, store, Phone="2")).action == "updated"
    assert [record["Phone"] for record in await poor.records("customers")] == ["2"]


async def test_an_older_state_is_written_again_although_its_digest_was_the_last_one_known(
    poor: BngRig, store: Store, clock: Clock
) -> None:
    """A to B with B's answer lost, then back to A: the target may hold B, so A is not `unchanged`."""
    await write(poor, store, Phone="A")
    await poor.fault("cut_after", method="PATCH")
    with pytest.raises(OutcomeUnknown):
        await write(poor, store, Phone="B")
    clock.advance(61)
    assert (await write(poor, store, Phone="A")).action == "updated"
    assert [record["Phone"] for record in await poor.records("customers")] == ["A"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 401}, TargetPaused),
        ({"kind": "status", "status": 503}, TargetUnavailable),
        ({"kind": "html"}, TargetUnavailable),
        ({"kind": "status", "status": 429, "retry_after": "7"}, RateLimited),
        ({"kind": "status", "status": 422}, RejectedByTarget),
    ],
    ids=["401", "503", "html", "429", "422"],
)
async def test_what_was_surely_not_executed_leaves_no_intent(
    poor: BngRig, store: Store, fault: dict[str, Any], error: type[BridgeError]
) -> None:
    await poor.fault(**fault, method="POST")
    with pytest.raises(error):
        await write(poor, store)
    assert on_disk(store) == []


async def test_a_target_that_is_paused_is_not_sent_anything_and_leaves_no_intent(poor: BngRig, store: Store) -> None:
    await poor.fault("status", method="POST", status=429, retry_after="60")
    with pytest.raises(RateLimited):
        await write(poor, store)
    before = await poor.calls()
    with pytest.raises(TargetPaused):
        await write(poor, store)
    assert await poor.calls() == before
    assert on_disk(store) == []


async def test_an_error_of_the_server_says_nothing_about_the_outcome(poor: BngRig, store: Store) -> None:
    await start_and_lose(poor, store, "status", status=500)
    assert on_disk(store) == [WRITE.target_key]


async def test_a_record_without_a_binding_is_looked_up_before_anything_is_created(poor: BngRig, store: Store) -> None:
    """As after a restore of the store from a backup."""
    made = await poor.customer("shop1-5")
    result = await write(poor, store, Phone="3")
    assert (result.action, result.binding.target_id) == ("updated", made)
    assert [record["Phone"] for record in await poor.records("customers")] == ["3"]


async def test_of_records_with_one_external_id_the_oldest_is_bound_every_time(poor: BngRig, store: Store) -> None:
    first = await poor.customer("shop1-5")
    second = await poor.customer("shop1-5")
    assert first != second
    assert (await write(poor, store)).binding.target_id == first


async def test_a_create_only_write_that_is_found_is_not_mapped(poor: BngRig, store: Store) -> None:
    """After a restore, a shipment that was made long ago can no longer be mapped; it need not be."""
    made = await poor.customer("shop1-5")

    async def mapping() -> dict[str, Any]:
        raise MappingError("nothing is left to map")

    result = await poor.deliver(store)(1, replace(WRITE, create_only=True), mapping)
    assert result.binding.target_id == made


@pytest.mark.parametrize("no_keys", [True, False], ids=["no keys", "keys"])
async def test_a_create_only_write_leaves_a_record_that_exists_as_it_is(tmp_path: Path, no_keys: bool) -> None:
    async with running_bng(tmp_path, no_keys=no_keys) as rig, opened(tmp_path / "bridge.sqlite") as store:
        made = await rig.customer("shop1-5")
        before = await rig.records("customers")
        only_once = replace(WRITE, create_only=True)
        result = await rig.deliver(store)(1, only_once, giving(customer_body(Phone="from an order")))
        assert result.binding.target_id == made
        assert await rig.records("customers") == before

        # Its own event then brings its fields, also those that the order would have had.
        await rig.deliver(store)(2, WRITE, giving(customer_body(Phone="from an order")))
        assert [record["Phone"] for record in await rig.records("customers")] == ["from an order"]


async def test_a_create_only_write_is_bound_once_and_never_sent_again(poor: BngRig, store: Store) -> None:
    only_once = replace(WRITE, create_only=True)
    await poor.deliver(store)(1, only_once, giving(customer_body()))
    before = await poor.calls()
    assert (await poor.deliver(store)(1, only_once, giving(customer_body(Phone="9")))).action == "unchanged"
    assert await poor.calls() == before


async def test_an_unchanged_state_is_not_sent(rich: BngRig, store: Store) -> None:
    await write(rich, store, CreditLimit="500.00")
    before = await rich.calls()
    assert (await write(rich, store, CreditLimit="500.00")).action == "unchanged"
    assert await rich.calls() == before
    assert (await write(rich, store, CreditLimit="500.01")).action == "updated"


async def test_a_failing_mapping_touches_nothing(poor: BngRig, store: Store) -> None:
    async def mapping() -> dict[str, Any]:
        raise MappingError("does not add up")

    with pytest.raises(MappingError):
        await poor.deliver(store)(1, WRITE, mapping)
    assert await poor.calls(POST) == 0
    assert on_disk(store) == []


async def test_another_record_under_the_same_id_is_never_written(rich: BngRig, store: Store) -> None:
    first, other = replace(WRITE, fingerprint="000000074 a"), replace(WRITE, fingerprint="000000074 b")
    await rich.deliver(store)(1, first, giving(customer_body()))
    before = await rich.records("customers")
    with pytest.raises(IdentityChanged, match="was 000000074 a when it was bound and is 000000074 b now"):
        await rich.deliver(store)(2, other, giving(customer_body(Phone="9")))
    assert await rich.records("customers") == before
    assert (await rich.deliver(store)(3, first, giving(customer_body(Phone="9")))).action == "updated"


async def test_another_record_under_the_same_id_is_not_made_in_place_of_the_one_that_is_bound(
    rich: BngRig, store: Store
) -> None:
    first = replace(WRITE, fingerprint="000000074 a")
    bound = (await rich.deliver(store)(1, first, giving(customer_body()))).binding
    before = await rich.records("customers")
    other = replace(first, fingerprint="000000074 b", instead_of=bound.target_id)
    with pytest.raises(IdentityChanged):
        await rich.deliver(store)(2, other, giving(customer_body(Phone="9")))
    assert await rich.records("customers") == before


async def test_writes_of_one_lock_key_wait_for_each_other(poor: BngRig, store: Store) -> None:
    through = poor.deliver(store)
    await poor.fault("hold", method="POST")
    first = asyncio.create_task(through(1, WRITE, giving(customer_body())))
    await until("the first POST has arrived", poor.hits)
    mapped = asyncio.Event()

    async def mapping() -> dict[str, Any]:
        mapped.set()
        return customer_body(Phone="2")

    second = asyncio.create_task(through(2, WRITE, mapping))
    # A write of another key goes ahead meanwhile, so that the second had its chance.
    await through(3, customer_write(6), giving(customer_body(6)))
    assert not mapped.is_set()
    await poor.clear_faults()
    assert ((await first).action, (await second).action) == ("created", "updated")
    assert len(await poor.records("customers")) == 2


async def test_many_writes_of_one_record_at_once_make_one_record(poor: BngRig, store: Store) -> None:
    through = poor.deliver(store)
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(through(number, WRITE, giving(customer_body())))
    assert await poor.calls(POST) == 1
    assert len(await poor.records("customers")) == 1


async def test_a_write_that_fails_lets_the_next_one_in(poor: BngRig, store: Store) -> None:
    through = poor.deliver(store)
    await poor.fault("status", method="POST", status=422)
    with pytest.raises(RejectedByTarget):
        await through(1, WRITE, giving(customer_body()))
    assert (await through(1, WRITE, giving(customer_body()))).action == "created"


async def test_a_write_makes_the_next_apply_look_at_what_it_changed_on_the_side(rich: BngRig, store: Store) -> None:
    await write(rich, store)
    side_effect = customer_write(6, invalidates=(WRITE.target_key,))
    await rich.deliver(store)(2, side_effect, giving(customer_body(6)))
    assert (await write(rich, store)).action == "updated"


@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_with_keys_a_cut_connection_leaves_one_record(rich: BngRig, store: Store, kind: str) -> None:
    await rich.fault(kind, method="PUT", count=2)
    with pytest.raises(OutcomeUnknown):
        await write(rich, store)
    await rich.clear_faults()
    result = await write(rich, store)
    assert [record["CustomerID"] for record in await rich.records("customers")] == [result.binding.target_id]


async def test_with_keys_a_late_answer_leaves_one_record(tmp_path: Path, store: Store) -> None:
    async with running_bng(tmp_path, timeout_s=0.2) as rig:
        await rig.fault("hold", method="PUT")
        with pytest.raises(OutcomeUnknown):
            await write(rig, store)
        result = await write(rig, store)
        await rig.clear_faults()
        assert [record["CustomerID"] for record in await rig.records("customers")] == [result.binding.target_id]


async def test_with_keys_no_intent_is_needed(rich: BngRig, store: Store) -> None:
    await rich.fault("hold", method="PUT")
    writing = asyncio.create_task(write(rich, store))
    await until("the PUT was executed", lambda: rich.records("customers"))
    assert on_disk(store) == []
    await rich.clear_faults()
    await writing


async def test_what_a_write_changes_on_the_side_is_not_written_meanwhile(rich: BngRig, store: Store) -> None:
    """A shipment takes pieces off the shop's stock: a quantity that was read before it must not be written after it."""
    deliver, order = rich.deliver(store), list[str]()
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> dict[str, Any]:
        began.set()
        await may_end.wait()
        order.append("shipment")
        return customer_body()

    async def at_once() -> dict[str, Any]:
        order.append("stock")
        return customer_body()

    shipment = asyncio.create_task(deliver(1, replace(WRITE, also_locks=("shop1/stock/b", "shop1/stock/a")), slowly))
    await began.wait()
    other = replace(customer_write(9), lock_key="shop1/stock/a")
    stock = asyncio.create_task(deliver(2, other, at_once))
    for _ in range(50):
        await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(shipment, stock)
    assert order == ["shipment", "stock"]


async def test_an_unchanged_record_remembers_the_newer_state_of_its_source(rich: BngRig, store: Store) -> None:
    for sequence in (3, 4):
        write = replace(WRITE, facts={"Sequence": sequence})
        result = await rich.deliver(store)(sequence, write, giving(customer_body()))
    assert result.action == "unchanged"
    bound = bindings.get(store.read, WRITE.target_key)
    assert bound is not None
    assert bound.facts["Sequence"] == 4


async def test_a_record_that_its_target_changes_by_itself_is_written_again(rich: BngRig, store: Store) -> None:
    write = replace(WRITE, moves=True)
    actions = [(await rich.deliver(store)(seq, write, giving(customer_body()))).action for seq in (1, 2)]
    assert actions == ["created", "updated"]
